"""What a kind of provider serves, as rows: read when a target is bound and when the reference page is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.prompts import PROMPTS
from headworks.targets.providers.wire import Operation, ProviderSettings

OWN_ENDPOINT_TASKS = (
    "embeddings",
    "generate",
    "image-classification",
    "moderation",
    "object-detection",
    "ocr",
    "recommendation",
    "rerank",
    "summarization",
    "tabular-classification",
    "tabular-regression",
    "text-classification",
    "token-classification",
    "translation",
)
"""What a team's own model behind a vendor's endpoint can serve whole, JSON or a picture in and JSON out."""


class Offer(Struct, frozen=True):
    """One task that one reference serves, and exactly how.

    Shapes: a reference is `name`, then `own`, what the team fills in: "" nothing, `:MODEL` a part it must name,
    `[/LANGUAGE]` one it may. `mapping` says how the reply is made of the vendor's. `build` makes the operation of that part.
    """

    name: str
    task: str
    service: str
    mapping: str
    build: Callable[[str, ProviderSettings], Operation]
    own: str = ""

    @property
    def reference(self) -> str:
        """How the reference is written."""
        return self.name + self.own

    def own_part(self, reference: str) -> str | None:
        """What a reference fills in; None when it names something else."""
        if reference == self.name:
            return None if self.own and not self.own.startswith("[") else ""
        mark = self.own.strip("[]")[:1]
        mark = "" if mark.isupper() else mark
        fixed = self.name + mark
        if not self.own or not reference.startswith(fixed):
            return None
        return reference.removeprefix(fixed) or None


def tasks_of(offers: Sequence[Offer], reference: str) -> tuple[str, ...]:
    """The tasks a reference can serve."""
    return tuple(offer.task for offer in offers if offer.own_part(reference) is not None)


def built(offers: Sequence[Offer], settings: ProviderSettings, reference: str, task: str) -> Operation:
    """The operation that serves a task.

    Raises: ConfigurationRefused, with what there is instead.
    """
    for offer in offers:
        own = offer.own_part(reference)
        if own is not None and offer.task == task:
            return offer.build(own, settings)
    message = f"{settings.name}/{reference} does not serve {task!r}. {_instead(offers, settings, task)}"
    raise ConfigurationRefused(message, errors=(FieldError(f"/providers/{settings.name}", message),))


def _instead(offers: Sequence[Offer], settings: ProviderSettings, task: str) -> str:
    fitting = [f"{settings.name}/{offer.reference}" for offer in offers if offer.task == task]
    if task in PROMPTS:
        fitting += [f"{settings.name}/{offer.reference} by a prompt" for offer in offers if offer.task == "chat"]
    if fitting:
        return f"For this task there are: {', '.join(fitting)}."
    from headworks.targets.providers.kinds import kinds_serving  # only mistakes need it, and it needs every kind

    tasks = ", ".join(sorted({offer.task for offer in offers}))
    return f"Tasks of this provider: {tasks}. Kinds that serve {task}: {', '.join(kinds_serving(task))}."
