"""Budgets and prices as the configuration writes them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from headworks.settings.units import Money

Amount = Annotated[float, Meta(ge=0, le=1_000_000)]


class Price(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one service costs; what is not named is not known, and a 0 says that it is free.

    `input`, `cached`, `written` (into a cache; `written_hour` for an hour) and `output` are for a million tokens, `characters` for a million characters billed in steps of
    `step_characters` and at least `least_characters` a call, `image` for one, `minute` for a minute of sound, `search`
    for a query with up to 100 texts, `call` for each call. `most_output` is the most tokens that one answer can have. In a batch tokens cost the
    part `batch` of that, cached ones `batch_cached` or as much as others.
    """

    input: Amount | None = None
    output: Amount | None = None
    cached: Amount | None = None
    written: Amount | None = None
    written_hour: Amount | None = None
    characters: Amount | None = None
    image: Amount | None = None
    minute: Amount | None = None
    search: Amount | None = None
    call: Amount | None = None
    step_characters: Annotated[int, Meta(ge=1)] = 1
    least_characters: Annotated[int, Meta(ge=0)] = 0
    batch: Annotated[float, Meta(ge=0, le=1)] | None = None
    batch_cached: Amount | None = None
    most_output: Annotated[int, Meta(ge=1)] | None = None


class BudgetConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """What may be spent on services outside in each period (UTC).

    `per` says whose budget it is: each key's, each tenant's, each endpoint's, or the whole service's; `only` keeps it to
    one of them, by name. Where no price is known a call is refused, unless `ceiling` says what one costs at most.
    """

    limit: Money
    per: Literal["key", "tenant", "endpoint", "service"] = "service"
    only: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    period: Literal["day", "month", "total"] = "month"
    ceiling: Money | None = None
