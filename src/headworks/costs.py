"""What calls use and cost: usage in one form for all services, what an attempt holds, what it came to."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headworks.units import Rate

MOST_USED = 10**12
"""Of tokens, characters, pictures or seconds: more than any one call uses."""
Count = Annotated[int, Meta(ge=0, le=MOST_USED)]
Amount = Annotated[float, Meta(ge=0, le=MOST_USED)]
"""What can be believed of a figure that whoever answered tells of it."""


class Given(Struct, frozen=True, omit_defaults=True):
    """How an answer came to be given again: `hit`, `shared`, `stale`; `semantic` is the answer to a question this similar."""

    cache: str
    similarity: float | None = None


class Usage(Struct, frozen=True, gc=False):
    """What a call used of a paid service, in one form for all of them; None is unknown, never 0.

    Shapes: `cached_tokens` and `written_tokens` (into a cache; `written_hour_tokens` of them for an hour) are part of `input_tokens`, `reasoning_tokens` of `output_tokens`.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    images: int | None = None
    characters: int | None = None
    seconds: float | None = None
    searches: int | None = None
    written_tokens: int | None = None
    written_hour_tokens: int | None = None


class Reservation(Struct, frozen=True, gc=False):
    """What one attempt at a paid service may cost, held in each of these budgets until it is settled.

    Units: `micros` are millionths of the currency; None where the price is unknown and no budget applies; with vendor's fees (`has_fees`) the least that is charged.
    Shapes: `budgets` are names and periods (`2026-11`), `output_cap` the most tokens to answer, `tokens` what was taken of each of `token_rates`.
    """

    number: int
    micros: int | None = None
    budgets: tuple[tuple[str, str], ...] = ()
    output_cap: int | None = None
    service: str = ""
    tokens: int = 0
    token_rates: tuple[tuple[str, Rate], ...] = ()
    has_fees: bool = False


class Settlement(Struct, frozen=True, gc=False):
    """What an attempt came to; `micros` None is unknown, and its reservation is then charged in full."""

    reservation: Reservation
    micros: int | None
