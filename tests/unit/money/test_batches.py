"""What batches cost: a part of the usual, never more than was held for their lines, and held until it is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.costs import Usage
from headworks.errors import BudgetExhausted, PriceUnknown
from headworks.limits.memory import MemoryLimits
from headworks.money.batches import most_micros, used_micros
from headworks.money.bound import PICTURE_TOKENS, TOOL_TOKENS
from headworks.money.budgets import Budget, Budgets
from headworks.money.prices import PriceTable, read_shipped
from headworks.owing import Needs
from headworks.settings.money import Price
from headworks.units import Rate
from tests.unit.contracts import make_endpoint
from tests.unit.money.test_budgets import ANN, Clock, account, call

TABLE = PriceTable(
    "2026-01-01",
    "USD",
    {
        "up/m": Price(input=2, output=8, cached=1, batch=0.5),
        "up/cached": Price(input=2, output=8, cached=1, batch=0.5, batch_cached=0.1),
        "up/capped": Price(input=2, output=8, batch=0.5, most_output=100),
        "up/vectors": Price(input=2, batch=0.5),
        "up/usual": Price(input=2, output=8),
        "up/pictures": Price(input=2, output=8, image=1, batch=0.5),
        "up/batches": Price(call=3),
    },
)
MILLION = 1_000_000


def purse(*budgets):
    return Budgets(budgets, TABLE, Clock(), MemoryLimits())


@pytest.mark.parametrize(
    ("service", "usage", "micros"),
    [
        ("up/m", Usage(input_tokens=MILLION, output_tokens=MILLION), 5 * MILLION),
        ("up/m", Usage(input_tokens=MILLION, output_tokens=0, cached_tokens=MILLION), MILLION),
        ("up/cached", Usage(input_tokens=MILLION, output_tokens=0, cached_tokens=MILLION // 2), 550_000),
        ("up/vectors", Usage(input_tokens=MILLION, output_tokens=0), MILLION),
        ("up/vectors", Usage(input_tokens=1, output_tokens=1), None),
        ("up/usual", Usage(input_tokens=1, output_tokens=1), None),
        ("up/pictures", Usage(input_tokens=1, output_tokens=1), None),
        ("up/none", Usage(input_tokens=1, output_tokens=1), None),
    ],
)
def test_tokens_cost_their_part_and_what_has_no_such_price_is_unknown(service, usage, micros):
    assert used_micros({service: usage}, TABLE) == micros
    assert used_micros({service: usage, "up/none": usage}, TABLE) is None
    assert used_micros({}, TABLE) == 0


@pytest.mark.parametrize(
    ("service", "needs", "micros"),
    [
        ("up/m", Needs(10, output_tokens=5), 30),
        ("up/m", Needs(10, pictures=1, tooled=2), 10 + PICTURE_TOKENS + 2 * TOOL_TOKENS),
        ("up/m", Needs(10, output_tokens=5, uncapped=1), None),
        ("up/capped", Needs(10, output_tokens=5, uncapped=2), 10 + 4 * 205),
        ("up/vectors", Needs(10, uncapped=1), 10),
        ("up/m", Needs(10, is_open=True), None),
        ("up/usual", Needs(10), None),
        ("up/none", Needs(10), None),
    ],
)
def test_the_most_that_lines_may_cost_needs_a_price_and_a_bound(service, needs, micros):
    assert most_micros({service: needs}, TABLE) == micros
    assert most_micros({service: needs, "up/m": Needs(is_open=True)}, TABLE) is None


@given(st.sampled_from(["up/m", "up/cached", "up/capped"]), st.integers(0, 10**9), st.integers(0, 10**9), st.data())
def test_nothing_within_the_bounds_costs_more_than_was_held(service, most_input, most_output, data):
    read, written = data.draw(st.integers(0, most_input)), data.draw(st.integers(0, most_output))
    usage = Usage(input_tokens=read, output_tokens=written, cached_tokens=data.draw(st.integers(0, read)))
    most = most_micros({service: Needs(most_input, output_tokens=most_output)}, TABLE)

    assert 0 <= used_micros({service: usage}, TABLE) <= most


def test_what_is_held_gives_way_to_what_it_came_to():
    money = purse(Budget("all", 100))
    held = money.hold(call(), ANN, "up/other", {"up/m": Needs(60)})
    money.settle(held, None)

    assert (held.micros, account(money, "all", "service")) == (60, 60)
    with pytest.raises(BudgetExhausted):
        money.hold(call(), ANN, "up/other", {"up/m": Needs(41)})
    money.correct(held.budgets, -50)
    assert account(money, "all", "service") == 10
    money.correct((("all|service", "2020-01"),), 5)
    assert account(money, "all", "service") == 10


def test_a_batch_that_was_not_begun_holds_nothing():
    money = purse(Budget("all", 100))
    money.settle(money.hold(call(), ANN, "up/other", {"up/m": Needs(60)}), None, is_free=True)

    assert account(money, "all", "service") == 0


def test_what_nothing_bounds_is_the_ceilings_and_refused_without_one():
    assert purse(Budget("all", 100, ceiling_micros=70)).hold(call(), ANN, "s", {"up/none": Needs(1)}).micros == 70
    assert purse(Budget("all", 100, ceiling_micros=70)).hold(call(), ANN, "s", {"up/m": Needs(9)}).micros == 9
    with pytest.raises(PriceUnknown):
        purse(Budget("all", 100)).hold(call(), ANN, "s", {"up/none": Needs(1)})


def test_where_no_budget_applies_nothing_is_held_and_rates_of_tokens_are():
    money = purse()
    held = money.hold(call(make_endpoint(tokens=Rate(1000, 60))), ANN, "s", {"up/m": Needs(9)})

    assert (held.micros, held.budgets) == (None, ())
    assert held.tokens > 0


def test_only_a_price_for_each_call_makes_a_batch_cost_the_same_each_time():
    money = purse()

    assert money.is_sold_whole("up/batches")
    assert not money.is_sold_whole("up/m")
    assert not money.is_sold_whole("up/none")


def test_shipped_parts_are_below_the_usual_prices():
    priced = {name: price for name, price in read_shipped().prices.items() if price.batch is not None}

    assert "openai/gpt-5-mini" in priced
    for price in priced.values():
        assert 0 < price.batch < 1
        assert price.batch_cached is None or price.batch_cached <= price.cached < price.input
