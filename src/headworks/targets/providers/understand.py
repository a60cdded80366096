"""Calls into an operation with what came off the wire: whatever it raises means that the answer is broken."""

import binascii
import struct
import zlib
from collections.abc import Callable
from typing import TypeVar

from msgspec import MsgspecError, Raw
from msgspec.structs import astuple

from headworks.costs import MOST_USED, Usage
from headworks.errors import ProviderBroken

T = TypeVar("T")

MISREAD = (
    ArithmeticError, AttributeError, LookupError, MsgspecError, RecursionError, TypeError, ValueError, binascii.Error,
    struct.error, zlib.error,
)  # fmt: skip
"""What reading bytes of an unexpected form can raise in code that did not expect them."""

NULL = Raw(b"null")
UNKNOWN = Usage()
"""Something was used, and nobody can tell how much of it: what was held for it is then charged."""
_DIGITS = len(str(MOST_USED))


def understood(read: Callable[..., T], *what: object) -> T:
    """What the operation makes of it.

    Raises: the operation's own HeadworksError; ProviderBroken for anything that it did not foresee.
    """
    try:
        return read(*what)
    except MISREAD as error:
        raise ProviderBroken(reason=f"the answer was misread: {type(error).__name__}") from error


def usage_in(told: Raw, read: Callable[[Raw], T], in_our_words: Callable[[T], Usage | None]) -> Usage | None:
    """What a part of an answer tells of usage; None where there is no such part.

    UNKNOWN where it cannot be read or cannot be true, which is no reason to lose a good answer and to pay for another.
    """
    if bytes(told) == b"null":
        return None
    try:
        return believed(in_our_words(read(told))) or UNKNOWN
    except MISREAD:
        return UNKNOWN


def readable(told: Raw, read: Callable[[Raw], object]) -> bool:
    """Whether a part of an answer is what `read` reads."""
    try:
        read(told)
    except MISREAD:
        return False
    return True


def whole(count: float | None) -> int | None:
    """A count of whole things that is told as any number.

    Raises: ValueError where a part of a thing is told.
    """
    if count is None:
        return None
    if count != int(count):
        raise ValueError("a part of what is counted in whole")
    return int(count)


def counted_in(field: str) -> int | None:
    """A count in a field of a head; None for what is none."""
    return int(field) if field.isdecimal() and len(field) <= _DIGITS else None


def believed(usage: Usage | None) -> Usage | None:
    """What a provider says was used; nothing is known where a figure of it cannot be true."""
    if usage is None:
        return None
    for figure in filter(None, astuple(usage)):  # None is not known, 0 is true of anything
        if not 0 <= figure <= MOST_USED:
            return None
    return usage
