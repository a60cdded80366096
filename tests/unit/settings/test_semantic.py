"""What is said of a wrong word about answers to similar questions, and what makes their vectors."""

import pytest

from headworks.assembly.parts import embedder_named, endpoint
from headworks.contract import tasks
from headworks.errors import ConfigurationRefused
from headworks.publishing.published import every_service, published
from headworks.settings.reading import parse_config
from headworks.targets.models.runner import Announcement

CONFIG = """\
models: {{parrot: {{python: "m:P"}}, letters: {{python: "m:L"}}}}
providers: {{up: {{kind: openai, api_key: k}}, claude: {{kind: anthropic, api_key: k}}}}
endpoints:
  vectors: {{v1: {{task: embeddings, targets: [letters]}}, v2: {{task: embeddings, targets: ["up/e"]}}}}
  alone: {{v3: {{task: embeddings, targets: [letters]}}}}
  moody: {{v1: {{task: text-classification, targets: ["up/m"]}}}}
  chat:
    v1: {{task: {task}, targets: [{target}], {more}cache: {{fresh: 5m, semantic: {semantic}}}}}
"""


def config_of(semantic, task="chat", more="", target="parrot"):
    text = CONFIG.format(semantic=semantic, task=task, more=more, target=target)
    return parse_config(text, "headworks.yaml", {})


def announced(task):
    request, reply = tasks.schemas(task)
    return Announcement(request, reply, is_batch=True, is_stream=False, is_async=False, examples=(), model_version="1")


MODELS = {"parrot": announced("chat"), "letters": announced("embeddings")}


def told(*words, **named):
    with pytest.raises(ConfigurationRefused) as caught:
        published(config_of(*words, **named), MODELS)
    return " | ".join(error.message for error in caught.value.errors)


@pytest.mark.parametrize(
    ("semantic", "said"),
    [
        ("true", "say what makes the vectors: semantic: {embeddings: "),
        ("{}", "object missing required field `embeddings`"),
        ("{embeddings: nobody}", "'nobody'; endpoints of embeddings: alone, vectors"),
        ("{embeddings: letters@v1}", "endpoints of embeddings: alone, vectors"),
        ("{embeddings: vectors}", "vectors has v1, v2; name one, such as vectors@v1"),
        ("{embeddings: vectors@v9}", "vectors has v1, v2; name one"),
        ("{embeddings: moody}", "moody v1 serves text-classification, not embeddings"),
        ("{embeddings: gone/e}", "no provider is called 'gone'"),
        ("{embeddings: parrot}", "chat v1: makes no vectors: target parrot cannot serve"),
        ("{embeddings: claude/e}", "makes no vectors: claude/e: claude/e does not serve 'embeddings'"),
        ("{embeddings: alone, threshold: 0.5}", "expected `float` >= 0.8"),
        ("{embeddings: alone, threshold: 1.5}", "expected `float` <= 1.0"),
        ("{embeddings: alone, timeout: 5}", "expected `str`"),
        ("{embeddings: alone, timeout: soon}", "'soon' is not a duration"),
        ("{embeddings: alone, entries: 1001}", "expected `int` <= 1000"),
        ("{embeddings: alone, treshold: 0.9}", "treshold"),
    ],
)
def test_a_mistake_says_what_would_be_right(semantic, said):
    assert said in told(semantic)


def test_only_what_ends_with_a_question_is_compared():
    assert "only chat and generate end with a question" in told(
        "{embeddings: alone}", task="text-classification", target="up/m"
    )


def test_where_a_wrong_answer_does_great_harm_none_is_given_to_another_question():
    assert "risk: high, and an answer to one question" in told("{embeddings: alone}", more="risk: high, ")


@pytest.mark.parametrize("semantic", ["off", "false"])
def test_off_is_off(semantic):
    made = next(each for each in published(config_of(semantic), MODELS) if each.id == "chat/v1")

    assert (made.cache.semantic, made.embedder) == (None, None)


@pytest.mark.parametrize(
    ("named", "id_", "target"),
    [
        ("alone", "alone/v3", "letters"),
        ("alone@v3", "alone/v3", "letters"),
        ("vectors@v2", "vectors/v2", "up/e"),
        ("letters", "chat/v1", "letters"),
        ("up/text-embedding", "chat/v1", "up/text-embedding"),
    ],
)
def test_vectors_come_from_an_endpoint_a_model_or_a_target_outside(named, id_, target):
    config = config_of(f"{{embeddings: {named}, timeout: 300ms, apart: [Nicht]}}")
    chat = next(each for each in published(config, MODELS) if each.id == "chat/v1")

    assert (chat.embedder.id, chat.embedder.task, chat.embedder.targets[0].name) == (id_, "embeddings", target)
    assert chat.embedder.is_outside == ("/" in target)
    policy = chat.cache.semantic
    assert (policy.threshold, policy.timeout_s, policy.apart) == (0.95, 0.3, {"nicht"})
    assert ("/" not in target) or (target, "embeddings") in every_service(config)


def test_what_was_said_of_the_record_holds_for_its_vectors_too():
    config = config_of("{embeddings: letters}", more="record: none, reason: a test, retention: 2d, ")
    _, made = embedder_named(config, config.endpoints["chat"]["v1"])

    assert (made.record, made.reason, made.retention) == ("none", "a test", "2d")
    assert endpoint(config, "chat", "v1", None).embedder is None
