"""Calls into an operation with what came off the wire: whatever it raises means that the answer is broken."""

import binascii
import struct
import zlib
from collections.abc import Callable
from typing import TypeVar

from msgspec import MsgspecError
from msgspec.structs import astuple

from headworks.costs import Usage
from headworks.errors import ProviderBroken

T = TypeVar("T")

MISREAD = (
    ArithmeticError, AttributeError, LookupError, MsgspecError, RecursionError, TypeError, ValueError, binascii.Error,
    struct.error, zlib.error,
)  # fmt: skip
"""What reading bytes of an unexpected form can raise in code that did not expect them."""

MOST_USED = 10**12
"""Of tokens, characters, pictures or seconds: more than any one call uses."""


def understood(read: Callable[..., T], *what: object) -> T:
    """What the operation makes of it.

    Raises: the operation's own HeadworksError; ProviderBroken for anything that it did not foresee.
    """
    try:
        return read(*what)
    except MISREAD as error:
        raise ProviderBroken(reason=f"the answer was misread: {type(error).__name__}") from error


def believed(usage: Usage | None) -> Usage | None:
    """What a provider says was used; nothing is known where a figure of it cannot be true."""
    if usage is None:
        return None
    for figure in filter(None, astuple(usage)):  # None is not known, 0 is true of anything
        if not 0 <= figure <= MOST_USED:
            return None
    return usage
