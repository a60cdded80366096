"""The page docs/reference/providers.md: which operation of which provider serves which task, and every table of mappings."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module

from headworks.contract import tasks
from headworks.contract.tasks.keeping import KEPT
from headworks.targets.providers.aws import converse_facts, translate
from headworks.targets.providers.aws.comprehend_sentiment import BILLED_LEAST, BILLED_UNIT
from headworks.targets.providers.google import language_sentiment, languages, moderation
from headworks.targets.providers.google.tone import KNOTS
from headworks.targets.providers.google.tone import __doc__ as tone
from headworks.targets.providers.google.vision_labels import LIKELIHOODS
from headworks.targets.providers.http_json.expressions import __doc__ as functions
from headworks.targets.providers.huggingface.pipeline_labels import SENTIMENTS
from headworks.targets.providers.kinds import BUILT_IN, kind_of
from headworks.targets.providers.labels import ENTITY_GROUPS
from headworks.targets.providers.moderating import FLAGGED_FROM
from headworks.targets.providers.offers import Offer
from headworks.targets.providers.prompts import PROMPTS, prompt_of

VERIFIED = (
    (
        "`aws` Comprehend, Rekognition, Textract, Translate",
        "requests: botocore's serialisers; replies and errors: its service models, its own examples; signatures: botocore's signer; Comprehend, Rekognition and Textract also over sockets against an emulator that checks signatures (moto)",
    ),
    (
        "`aws` Bedrock",
        "recorded traffic of the service: Converse, ConverseStream, invoke and invoke stream, and its refusals; sound, documents and effort: its service model; embeddings: its documentation, the call by botocore's serialiser; binary event streams: botocore's decoder",
    ),
    (
        "`aws` SageMaker",
        "requests: botocore's serialisers; streams: a recorded answer of a server of that dialect, in frames made here",
    ),
    (
        "`google` Natural Language, Vision, Translation v3",
        "requests and replies: Google's own typed messages; tokens: a token endpoint on loopback that checks the signed assertion",
    ),
    ("`google` Translation v2, Vertex AI predict and embeddings", "the vendor's documentation only"),
    (
        "`google` Vertex AI chat",
        "recorded traffic of the service (Google's models); Anthropic's and open models: the dialect's own recordings",
    ),
    (
        "`huggingface` pipelines, TGI generate",
        "requests: what the vendor's own client sends; replies: its types and documentation; text-to-image: the documentation only",
    ),
    ("`huggingface` TEI", "the vendor's documentation only"),
    (
        "`openai`, `azure`, `anthropic`, `gemini`, `cohere`",
        "recorded traffic of the services where there is any, their official clients, else their documentation",
    ),
    (
        "`openai` files, batches, fine-tuning, stored responses",
        "the official client (sync and async) before, an account made up from its types behind; emulators by hand (llmock, aimock); on `azure` the vendor's documentation only",
    ),
    (
        "prompts",
        "every kind's chat, with answers made up in each vendor's form; a real small model (135 million parameters, its server in a package): forms only, for how well a model does a task is its own",
    ),
    (
        "`http`",
        "mappings for two public services and two made up here; one of the two, Apertium's translation server, for real: asked, hung, killed",
    ),
)
"""What the tests hold each operation against; no test calls a paid service."""


def providers() -> str:
    """The page."""
    lines = [
        "# Providers",
        "",
        "A target is written `PROVIDER/REFERENCE`: the provider's name in the configuration and the reference below. Capital words are yours to fill",
        "in, brackets may be left out. `headworks check` refuses a target that cannot serve its endpoint's task and says which can.",
        "",
        "Everywhere: scores are 0 to 1, best first; boxes and polygons are whole pixels of the picture as shown upright, origin top left; offsets count",
        "code points; languages are BCP 47 tags.",
    ]
    offers = [(kind, offer) for kind in BUILT_IN for offer in offers_of(kind)]
    lines += who_serves_what(offers)
    for task in tasks.names():
        found = [(kind, offer) for kind, offer in offers if offer.task == task]
        if found or task in PROMPTS:
            lines += [
                "",
                f"## {task}",
                "",
                "| kind | reference | operation | how the reply is made |",
                "|---|---|---|---|",
            ]
            lines += [
                f"| `{kind}` | `{offer.reference}` | {offer.service} | {offer.mapping} |" for kind, offer in found
            ]
            if task in PROMPTS:
                lines.append(
                    f"| any with a chat | that of its `chat` | a prompt to the model | {prompt_of(task).MAPPING} |"
                )
    lines += ["", "Kind `http` serves every task that own models serve, by what its configuration declares."]
    return "\n".join([*lines, *prompts(), *mappings(), *declared(), *settings(), *verified()]) + "\n"


def who_serves_what(offers: Sequence[tuple[str, Offer]]) -> list[str]:
    """Tasks by kinds: what serves which in one look."""
    kinds = list(dict.fromkeys(kind for kind, _ in offers))
    served = {(kind, offer.task) for kind, offer in offers}
    rows = []
    for task in tasks.names():
        cells = [
            " or ".join(
                word
                for word, is_so in (
                    ("yes", (kind, task) in served),
                    ("prompt", task in PROMPTS and (kind, "chat") in served),
                )
                if is_so
            )
            for kind in kinds
        ]
        by_any = "" if task in KEPT else "yes"
        rows.append(f"| {task} | {by_any} | {' | '.join(cells)} | {by_any} |")
    return [
        "",
        "## Who serves what",
        "",
        "yes: by operations of its own; prompt: by a prompt to its chat models.",
        "",
        f"| task | own model | {' | '.join(f'`{kind}`' for kind in kinds)} | `http` |",
        f"|---|---|{'---|' * len(kinds)}---|",
        *rows,
    ]


def prompts() -> list[str]:
    """How a chat model serves a task that is not chat."""
    return [
        "",
        "## Tasks by a prompt",
        "",
        "A chat model of any kind serves these tasks where its kind has no operation for them: the system message says what to do, the caller's text",
        "stands in a message of its own between marks that it cannot hold itself, and the answer has to follow a JSON Schema. An answer that does not",
        "fit is asked for once more, then the next target's turn comes; it counts as `contract_violation` and sets nobody aside. `prompt:` before the",
        "reference (`openai/prompt:gpt-5-mini`) takes the prompt where the kind has an operation under any name, as `openai` for moderation and",
        "`huggingface` for pipelines. Usage is the model's, and the prompt counts in a budget. The answer comes whole.",
        "",
        "An endpoint words its prompts with `prompt`, for all its targets that are served so:",
        "",
        "| task | `prompt` may say | unless said |",
        "|---|---|---|",
        *(
            f"| {task} | {', '.join(f'`{name}`' for name in sorted(prompt_of(task).READS))} | {_unless_said(task)} |"
            for task in PROMPTS
        ),
    ]


def _unless_said(task: str) -> str:
    module = prompt_of(task)
    named = getattr(module, "LABELS", getattr(module, "GROUPS", getattr(module, "CATEGORIES", {})))
    return ", ".join(f"`{name}`" for name in named) or "nothing more"


def offers_of(kind: str) -> tuple[Offer, ...]:
    """What a kind offers; none for those whose operations are declared or found out."""
    try:
        return tuple(import_module(f"{BUILT_IN[kind]}.offers").OFFERS)
    except ModuleNotFoundError:
        return ()


def mappings() -> list[str]:
    """The tables that replies are made by."""
    return [
        "",
        "## Sentiment from score and magnitude (kind `google`)",
        "",
        (tone or "").partition("\n\n")[2].strip(),
        "",
        f"Stretching goes through {', '.join(f'({left}, {right})' for left, right in KNOTS)}.",
        *pairs("Sentiments (kind `huggingface`)", SENTIMENTS, "the model's label", "ours"),
        *pairs("Entity groups", ENTITY_GROUPS, "the service's kind", "ours"),
        *pairs("Likelihoods (kind `google`, safe search)", LIKELIHOODS, "word", "score"),
        *pairs("Languages (kind `aws`, translate)", translate.LANGUAGES, "tag", "the service's code"),
        *pairs("Languages (kind `google`, translate)", languages.LANGUAGES, "tag", "the service's code"),
        *pairs("Why an answer ended (kind `aws`, bedrock)", converse_facts.FINISHES, "Converse", "chat"),
        "",
        "## Moderation",
        "",
        f"A category counts as found from a score of {FLAGGED_FROM}. Told, but flagging nothing: {', '.join(sorted(moderation.TOPICS))} (`google/language`);",
        "medical, spoof (`google/vision`).",
        "",
        "## What is counted",
        "",
        "| service | usage |",
        "|---|---|",
        f"| Comprehend | characters, in hundreds begun ({BILLED_UNIT}), at least {BILLED_LEAST} a call |",
        f"| Natural Language | characters, in thousands begun ({language_sentiment.BILLED_UNIT}); moderateText in hundreds ({moderation.BILLED_UNIT}) |",
        "| Translate (both vendors) | characters |",
        "| Rekognition, Textract, Vision | 1 image a call |",
        "| Bedrock, Vertex AI chat and embeddings | tokens as told; read from and written to a cache counted as input |",
        "| SageMaker, Vertex AI endpoints | nothing: they are billed by the hour |",
        "| Hugging Face | pipelines: characters or images; TEI and TGI: tokens as told |",
    ]


def pairs(title: str, table: Mapping[str, object], left: str, right: str) -> list[str]:
    """One table of two columns."""
    return [
        "",
        f"## {title}",
        "",
        f"| {left} | {right} |",
        "|---|---|",
        *(f"| `{key}` | `{value}` |" for key, value in table.items()),
    ]


def declared() -> list[str]:
    """How a mapping is written."""
    return [
        "",
        "## Kind `http`",
        "",
        "```yaml",
        "providers:",
        "  acme:",
        "    kind: http",
        '    base_url: "https://api.acme.example"',
        '    api_key: "${ACME_KEY}"',
        '    auth: {field: x-api-key, prefix: ""}',
        "    operations:",
        "      objects:",
        "        task: object-detection",
        "        path: /v1/detect",
        "        body: picture",
        "        reply: >-",
        "          objects[].{label: lower(name), score: divide(percent, `100`), box: {",
        "          xmin: round(multiply(x, width())), ymin: round(multiply(y, height())),",
        "          xmax: round(multiply(x2, width())), ymax: round(multiply(y2, height()))}}",
        "        errors: {quota_exceeded: busy, 402: key}",
        "```",
        "",
        (functions or "").partition("\n\n")[2].partition("\nSource")[0].strip(),
    ]


def settings() -> list[str]:
    """What each kind reads beside the settings of every provider."""
    rows: Iterable[tuple[str, tuple[str, ...]]] = ((kind, _options(kind)) for kind in BUILT_IN)
    return [
        "",
        "## Settings of a kind",
        "",
        "| kind | settings |",
        "|---|---|",
        *(f"| `{kind}` | {', '.join(f'`{name}`' for name in names) or 'none'} |" for kind, names in rows),
    ]


def _options(kind: str) -> tuple[str, ...]:
    try:
        return kind_of(kind).options
    except ModuleNotFoundError:
        return ()


def verified() -> list[str]:
    """What stands behind the cloud services."""
    return [
        "",
        "## Held against what",
        "",
        "No test calls a paid service.",
        "",
        "| operations | held against |",
        "|---|---|",
        *(f"| {what} | {against} |" for what, against in VERIFIED),
    ]
