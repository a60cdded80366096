"""Token classification: one text in, the entities it names (people, places, personal data ...) out, in reading order.

Source: Hugging Face task specification `token-classification` (input.json, output.json).
"""

from typing import Annotated

from msgspec import Meta, Struct

NAME = "token-classification"


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The groups to leave out of the answer, and the least score an entity must have."""

    ignore_labels: Annotated[list[str], Meta(max_length=1000)] | None = None
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One text."""

    inputs: Annotated[str, Meta(min_length=1, max_length=100_000)]
    parameters: Parameters | None = None


class Entity(Struct, frozen=True, forbid_unknown_fields=True):
    """One entity: its group, how sure the model is (0 to 1), its text, and where it stands.

    `start` and `end` count code points of the text, so that `word` is `inputs[start:end]`.
    """

    entity_group: str
    score: float
    word: str
    start: int
    end: int


Reply = list[Entity]
