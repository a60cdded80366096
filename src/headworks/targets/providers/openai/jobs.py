"""What stays at a server of OpenAI's dialect after it was begun: batches, fine-tuning jobs, stored responses.

Source: OpenAI API, `/v1/batches`, `/v1/fine_tuning/jobs`, `/v1/responses/{response_id}`.
"""

from __future__ import annotations

from headworks.targets.providers.keeping import Kept, Produced
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.openai.keeping import Acts, OpenAiKeeping

_MODEL = Produced("model")
_RETRIEVED, _CANCELLED = ("GET", ""), ("POST", "/cancel")

BATCH_ACTS: Acts = {"retrieve": _RETRIEVED, "cancel": _CANCELLED}
BATCHES = Kept(
    "batch",
    refers={"input_file_id": "batch"},
    produces={name: Produced("file", "batch_output") for name in ("output_file_id", "error_file_id")},
)
TUNING_ACTS: Acts = {
    "retrieve": _RETRIEVED,
    "cancel": _CANCELLED,
    "pause": ("POST", "/pause"),
    "resume": ("POST", "/resume"),
    "events": ("GET", "/events"),
    "checkpoints": ("GET", "/checkpoints"),
}
TUNING = Kept(
    "job",
    refers={"training_file": None, "validation_file": None},
    produces={
        "result_files": Produced("file", "fine-tune-results"),
        "fine_tuned_model": _MODEL,
        "fine_tuned_model_checkpoint": _MODEL,
    },
    reads=frozenset({"retrieve", "events", "checkpoints"}),
    is_sold_whole=True,
)


STORED_ACTS: Acts = {
    "retrieve": _RETRIEVED,
    "delete": ("DELETE", ""),
    "cancel": _CANCELLED,
    "input_items": ("GET", "/input_items"),
}
STORED = Kept("response", reads=frozenset({"retrieve", "input_items"}))


def batches(server: Server) -> OpenAiKeeping:
    """The batches of one account."""
    return OpenAiKeeping(task="batches", model="batches", server=server, path="/batches", kept=BATCHES, acts=BATCH_ACTS)


def tuning(server: Server) -> OpenAiKeeping:
    """The fine-tuning jobs of one account."""
    return OpenAiKeeping(
        task="fine-tuning", model="fine-tuning", server=server, path="/fine_tuning/jobs", kept=TUNING, acts=TUNING_ACTS
    )


def stored(server: Server) -> OpenAiKeeping:
    """The responses that one account has stored."""
    return OpenAiKeeping(
        task="stored-responses",
        model="stored-responses",
        server=server,
        path="/responses",
        kept=STORED,
        acts=STORED_ACTS,
    )
