"""What batches cost: a part of the usual prices, and the most that their lines may come to."""

from collections.abc import Mapping

from msgspec import structs

from headworks.costs import Usage
from headworks.money.bound import PICTURE_TOKENS, TOOL_TOKENS
from headworks.money.prices import PriceTable, cost_micros
from headworks.owing import Needs
from headworks.settings.money import Price


def batch_price(price: Price) -> Price | None:
    """What tokens cost in a batch; None where that is not known, or something else than tokens has a price."""
    share = price.batch
    if share is None or price.call or price.image or price.minute or price.search or price.characters:
        return None
    return structs.replace(
        price,
        input=None if price.input is None else price.input * share,
        output=None if price.output is None else price.output * share,
        cached=price.batch_cached,
        written=None,
    )


def used_micros(used: Mapping[str, Usage], prices: PriceTable) -> int | None:
    """What this use costs in a batch, by service; None where a price is not known.

    Units: millionths of the currency.
    """
    costs = [_micros(prices.find(service), usage) for service, usage in used.items()]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def most_micros(needs: Mapping[str, Needs], prices: PriceTable) -> int | None:
    """The most that lines may cost, by service; None where a price is not known or nothing bounds a line."""
    total = 0
    for service, each in needs.items():
        price = prices.find(service)
        usage = None if price is None else _most_used(each, price)
        cost = None if usage is None else _micros(price, usage)
        if cost is None:
            return None
        total += cost
    return total


def _most_used(needs: Needs, price: Price) -> Usage | None:
    if needs.is_open:
        return None
    tokens = needs.input_bytes + needs.pictures * PICTURE_TOKENS + needs.tooled * TOOL_TOKENS
    if not price.output:
        return Usage(input_tokens=tokens)
    if needs.uncapped and price.most_output is None:
        return None
    return Usage(input_tokens=tokens, output_tokens=needs.output_tokens + needs.uncapped * (price.most_output or 0))


def _micros(price: Price | None, usage: Usage) -> int | None:
    part = None if price is None else batch_price(price)
    return None if part is None else cost_micros(part, usage)
