"""Events of a target that speaks a dialect itself: they pass as they came, but for the model's name."""

from typing import ClassVar

from msgspec import Raw

from headworks.costs import Usage
from headworks.dialects.openai.body import encode, event_kind, fields_of, under_its_name


class SameEvents:
    """What such dialects share of a ports.EventWriter; `holder` is the field of an event that names the model within."""

    holder: ClassVar[str]

    def __init__(self, model: str) -> None:
        self._model = model
        self.told = 0
        """How many events went out."""

    def event(self, event: bytes) -> bytes:
        """See ports.EventWriter.

        Raises: ContractViolation (502).
        """
        fields = fields_of(event)
        kind = event_kind(fields)
        if self.holder in fields:
            fields[self.holder] = Raw(under_its_name(self._model, bytes(fields[self.holder])))
        self.told += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode(fields))

    def end(self, usage: Usage | None) -> bytes:
        """See ports.EventWriter; the target's last event has said it."""
        return b""
