"""What operations share that answer whole: facts as fields, no reader, replies decoded or refused."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct

from headworks.errors import ProviderBroken
from headworks.targets.providers.wire import Ask, Reader

T = TypeVar("T")


class Whole(Struct, frozen=True, kw_only=True):
    """The facts of an operation that answers in one piece."""

    task: str
    model: str
    can_stream: bool = False

    def reader(self, ask: Ask) -> Reader:
        """None: nothing of it is streamed."""
        raise TypeError(f"{self.model} answers in one piece")


def decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """What a reply's body holds.

    Raises: ProviderBroken when it is not of the type.
    """
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProviderBroken(reason=f"reply: {str(error)[:200]}") from None


def billed_characters(text: str, unit: int = 1, least: int = 0) -> int:
    """Code points as a service bills them: in whole units, and no fewer than `least`."""
    return max(-(-len(text) // unit) * unit, least)
