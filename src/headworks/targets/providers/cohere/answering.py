"""What Cohere answers, typed; usage and errors in our words."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from headworks.costs import Amount, Usage
from headworks.errors import HeadworksError
from headworks.targets.providers.cohere.facts import BROKEN_ENDS, BY_CODE
from headworks.targets.providers.failing import Told, failed
from headworks.targets.providers.understand import usage_in, whole
from headworks.targets.providers.wire import HttpResponse


class Units(Struct, frozen=True):
    """Tokens; told as numbers that may have a fraction of nothing."""

    input_tokens: Amount | None = None
    output_tokens: Amount | None = None


class Spent(Struct, frozen=True):
    """What is billed, else what was counted."""

    billed_units: Units | None = None
    tokens: Units | None = None
    cached_tokens: Amount | None = None


class _Error(Struct, frozen=True):
    message: str = ""


_spent = msgspec.json.Decoder(Spent).decode


def usage_of(told: Raw) -> Usage | None:
    """Usage in our words."""
    return usage_in(told, _spent, _in_our_words)


def _in_our_words(spent: Spent) -> Usage | None:
    units = spent.billed_units or spent.tokens
    if units is None:
        return None
    return Usage(
        input_tokens=whole(units.input_tokens),
        output_tokens=whole(units.output_tokens),
        cached_tokens=whole(spent.cached_tokens),
    )


def held_to_its_end(reason: str) -> None:
    """Refuse an answer that says of itself that it is not whole.

    Raises: ProviderBroken, ProviderTimeout.
    """
    kind = BROKEN_ENDS.get(reason)
    if kind is not None:
        raise kind(reason=f"ended by {reason}")


def refused(response: HttpResponse) -> HeadworksError:
    """What an answer that is none means, by its status."""
    try:
        text = msgspec.json.decode(response.body, type=_Error).message
    except (msgspec.MsgspecError, UnicodeDecodeError):
        text = ""
    return failed(Told((str(response.status),), text), BY_CODE, response.status, response.headers)
