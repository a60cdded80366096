"""What a service costs: a table of prices as data, and the price of what was used.

An unknown price is None, never 0: what cannot be priced must not look free.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from math import ceil
from pathlib import Path

import msgspec
from msgspec import Struct

from headworks.costs import Usage
from headworks.settings.money import Price

CURRENCY = "USD"
"""Of every price that comes with the package."""
MICROS = 1_000_000
"""Millionths to one unit of the currency."""
_NOISE_MICROS = 0.0005
"""What sums of fractions may lie above the whole number that they are; `round` would cost half of all else here."""

_RELEASE = re.compile(r"[-@:](?:\d{8}|\d{4}-\d\d-\d\d|\d\d-\d{4}|\d{3,4}|v\d+(?::\d+)?|latest)")
"""What may follow a model's name without making it another model: a date, the number of a release, `latest`."""


def cost_micros(price: Price, usage: Usage) -> int | None:
    """What this use costs, rounded up; None when something that was used has no price, or nobody tells how much of something was.

    Units: millionths of the currency.
    """
    fresh, answered = usage.input_tokens, usage.output_tokens
    if (fresh is None or answered is None) and _is_untold(price, usage):
        return None
    total = price.call or 0.0
    if price.cached is not None and usage.cached_tokens:
        total += usage.cached_tokens / MICROS * price.cached
        fresh = None if fresh is None else max(0, fresh - usage.cached_tokens)
    if price.written is not None and usage.written_tokens:
        total += _writing(price, price.written, usage)
        fresh = None if fresh is None else max(0, fresh - usage.written_tokens)
    if fresh:
        if price.input is None:
            return None
        total += fresh / MICROS * price.input
    if answered:
        if price.output is None:
            return None
        total += answered / MICROS * price.output
    if not usage.characters is usage.images is usage.seconds is usage.searches is None:
        for count, each in _other_than_tokens(price, usage):
            if count and each is None:
                return None
            total += (count or 0.0) * (each or 0.0)
    return ceil(total * MICROS - _NOISE_MICROS)


def _is_untold(price: Price, usage: Usage) -> bool:
    """Whether a count is missing that has a price; of tokens, all that have one, unless it is told in another way."""
    by_other = (usage.characters, price.characters), (usage.images, price.image), (usage.seconds, price.minute)
    others = [count for count, each in (*by_other, (usage.searches, price.search)) if each]
    is_told_otherwise = any(count is not None for count in others)
    if not price.input and not price.output:
        return bool(others) and not is_told_otherwise
    if usage.input_tokens is usage.output_tokens is None and is_told_otherwise:
        return False
    return bool((price.input and usage.input_tokens is None) or (price.output and usage.output_tokens is None))


def _writing(price: Price, each: float, usage: Usage) -> float:
    """What tokens cost that went into the vendor's cache."""
    hour = usage.written_hour_tokens or 0
    by_hour = each if price.written_hour is None else price.written_hour
    return (((usage.written_tokens or 0) - hour) * each + hour * by_hour) / MICROS


def _other_than_tokens(price: Price, usage: Usage) -> tuple[tuple[float | None, float | None], ...]:
    """How much was used of each other thing, in what its price is for."""
    characters = _billed_characters(price, usage.characters)
    return (
        (None if characters is None else characters / MICROS, price.characters),
        (usage.images, price.image),
        (None if usage.seconds is None else usage.seconds / 60, price.minute),
        (usage.searches, price.search),
    )


def _billed_characters(price: Price, count: int | None) -> int | None:
    if count is None:
        return None
    return max(price.least_characters, -(-count // price.step_characters) * price.step_characters)


class PriceTable(Struct, frozen=True):
    """Prices by service (`kind/model`); `version` is the day on which they were put together."""

    version: str
    currency: str
    prices: Mapping[str, Price]

    def find(self, service: str) -> Price | None:
        """The price of a service, also under the name of one of its releases; None when it is not known."""
        exact = self.prices.get(service)
        if exact is not None:
            return exact
        for end in range(len(service) - 1, 0, -1):
            if service[end] in "-@:" and (known := self.prices.get(service[:end])) is not None:
                return known if _RELEASE.fullmatch(service[end:]) else None
        return None

    def with_own(self, own: Mapping[str, Price]) -> "PriceTable":
        """The table with a configuration's own prices in front."""
        return PriceTable(self.version, self.currency, {**self.prices, **own})


class Listed(Price, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A price that comes with the package: which of the file's sources states it, and the last day on which that was seen."""

    source: str
    seen: date


class Shipped(Struct, frozen=True, forbid_unknown_fields=True):
    """The file of prices; a source is the vendor's own page."""

    version: str
    currency: str
    sources: Mapping[str, str]
    prices: Mapping[str, Listed]


def read_shipped() -> Shipped:
    """The file as it is."""
    return msgspec.json.decode(Path(__file__).with_name("prices.json").read_bytes(), type=Shipped)


@cache
def shipped() -> PriceTable:
    """The table that comes with the package."""
    table = read_shipped()
    return PriceTable(table.version, table.currency, table.prices)
