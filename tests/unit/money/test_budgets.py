"""Budgets: never more spent than they hold, whatever is asked in whatever order."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from headworks.errors import BudgetExhausted, PriceUnknown, RateLimited
from headworks.limits.memory import MemoryLimits
from headworks.money.bound import PICTURE_TOKENS, TOOL_TOKENS
from headworks.money.budgets import Budget, Budgets, period_of
from headworks.money.prices import PriceTable
from headworks.settings.money import Price
from headworks.units import SECOND_NS, Rate
from headworks.values import Auth, Call, Caller, Payload, Usage
from tests.unit.contracts import make_endpoint

DAY_NS = 86_400 * SECOND_NS
START_NS = 1_796_000_000 * SECOND_NS
PRICES = PriceTable(
    "2026-01-01",
    "USD",
    {
        "up/m": Price(input=1, output=10),
        "up/image": Price(image=0.04),
        "up/capped": Price(input=0, output=1, most_output=100),
    },
)
ANN = Caller("k_ann", "ann", Auth.KEY, tenant="acme")
BOB = Caller("k_bob", "bob", Auth.KEY)


class Clock:
    def __init__(self):
        self.ns = START_NS

    def monotonic_ns(self):
        return self.ns

    def wall_ns(self):
        return self.ns


def call(endpoint=None, **document):
    return Call(endpoint or make_endpoint(), Payload(json.dumps(document).encode()), "application/json", 0)


def purse(*budgets, limits=None):
    clock = Clock()
    return Budgets(budgets, PRICES, clock, limits or MemoryLimits()), clock


def account(purse, budget, whose, period="month"):
    return purse.taken_micros((f"{budget}|{whose}", period_of(period, START_NS)))


def test_an_attempt_holds_the_most_it_can_cost_and_settles_at_what_it_did():
    money, _ = purse(Budget("all", 10_000_000))
    asked = call(max_tokens=1000)
    held = money.reserve(asked, ANN, "up/m")
    bound = len(asked.payload.document) + 1000 * 10

    assert held.micros == bound
    assert held.output_cap == 1000
    assert account(money, "all", "service") == bound
    assert money.settle(held, Usage(input_tokens=5, output_tokens=10)).micros == 105
    assert account(money, "all", "service") == 105


def test_what_an_attempt_cost_is_charged_in_full_when_nobody_knows():
    money, _ = purse(Budget("all", 10_000_000))
    held = money.reserve(call(max_tokens=1), ANN, "up/m")
    settlement = money.settle(held, None)

    assert settlement.micros is None
    assert account(money, "all", "service") == held.micros


def test_an_attempt_that_was_never_billed_gives_everything_back():
    money, _ = purse(Budget("all", 10_000_000))
    money.settle(money.reserve(call(max_tokens=1), ANN, "up/m"), None, is_free=True)

    assert account(money, "all", "service") == 0


@pytest.mark.parametrize(
    ("said", "endpoint_most", "cap"),
    [
        ({}, 300, 100),
        ({"max_tokens": 50}, 300, 50),
        ({"max_completion_tokens": 9, "max_tokens": 50}, None, 9),
        ({}, 30, 30),
        ({}, None, 100),
    ],
)
def test_the_answer_is_capped_at_the_least_that_anybody_says(said, endpoint_most, cap):
    money, _ = purse()

    assert money.reserve(call(make_endpoint(max_output=endpoint_most), **said), ANN, "up/capped").output_cap == cap


def test_a_picture_counts_more_than_its_bytes():
    money, _ = purse(Budget("all", 10_000_000))
    held = money.reserve(call(make_endpoint(max_output=1), url="data:image/png;base64,AA=="), ANN, "up/m")

    assert held.micros > PICTURE_TOKENS


def test_tools_count_for_what_providers_add_where_they_are_used():
    money, _ = purse(Budget("all", 10_000_000))

    assert money.reserve(call(tools=[], max_tokens=1), ANN, "up/m").micros > TOOL_TOKENS


def test_every_budget_that_applies_must_hold_the_call():
    money, _ = purse(Budget("each", 30_000, per="key"), Budget("acme", 20_000, per="tenant", only="acme"))
    money.reserve(call(max_tokens=1000), ANN, "up/m")

    with pytest.raises(BudgetExhausted) as caught:
        money.reserve(call(max_tokens=1000), ANN, "up/m")
    assert "acme" in caught.value.detail
    assert 0 < account(money, "each", "k_ann") == account(money, "acme", "acme") < 20_000
    money.reserve(call(max_tokens=1000), BOB, "up/m")


@pytest.mark.parametrize("only", ["ann", "k_ann"])
def test_a_budget_of_one_key_is_no_other_keys(only):
    money, _ = purse(Budget("hers", 0, per="key", only=only))

    with pytest.raises(BudgetExhausted):
        money.check(ANN, make_endpoint())
    money.check(BOB, make_endpoint())


def test_a_new_period_begins_with_a_full_purse_and_a_late_settlement_does_not_fill_it():
    money, clock = purse(Budget("day", 15_000, period="day"))
    held = money.reserve(call(max_tokens=1000), ANN, "up/m")
    with pytest.raises(BudgetExhausted):
        money.reserve(call(max_tokens=1000), ANN, "up/m")
    clock.ns += DAY_NS
    money.reserve(call(max_tokens=1000), ANN, "up/m")
    money.settle(held, Usage(0, 0))

    with pytest.raises(BudgetExhausted):
        money.reserve(call(max_tokens=1000), ANN, "up/m")


def test_a_service_without_a_price_is_refused_under_a_budget_unless_a_ceiling_says_what_it_costs_at_most():
    strict, _ = purse(Budget("all", 1_000_000))
    ready, _ = purse(Budget("all", 1_000_000, ceiling_micros=400_000))
    free, _ = purse()

    with pytest.raises(PriceUnknown):
        strict.reserve(call(), ANN, "up/unknown")
    with pytest.raises(PriceUnknown):
        strict.reserve(call(), ANN, "up/m")
    assert ready.reserve(call(), ANN, "up/unknown").micros == 400_000
    assert free.reserve(call(), ANN, "up/unknown").micros is None


def test_what_the_record_says_was_spent_counts_after_a_restart():
    money, _ = purse(Budget("all", 1_000_000))
    money.restore({("all|service", period_of("month", START_NS)): 1_000_000})

    with pytest.raises(BudgetExhausted):
        money.check(ANN, make_endpoint())


def test_other_budgets_and_prices_count_at_once_and_what_was_spent_stays_spent():
    money, _ = purse(Budget("all", 10_000_000))
    money.settle(money.reserve(call(max_tokens=1000), ANN, "up/m"), Usage(input_tokens=5, output_tokens=10))
    under_way = money.reserve(call(max_tokens=1000), ANN, "up/m")
    dearer = PriceTable("", "USD", {"up/m": Price(input=2.0, output=20.0)})
    money.adopt((Budget("all", 400),), dearer)
    money.settle(under_way, Usage(input_tokens=5, output_tokens=10))

    assert account(money, "all", "service") == 105 + 210
    with pytest.raises(BudgetExhausted):
        money.reserve(call(max_tokens=1000), ANN, "up/m")


def rated(tokens):
    return structs.replace(ANN, tokens=tokens)


def test_a_rate_of_tokens_is_taken_by_estimate_and_set_right_by_use():
    money, _ = purse()
    caller = rated(Rate(1000, 60))
    held = money.reserve(call(max_tokens=900), caller, "up/m")
    with pytest.raises(RateLimited) as caught:
        money.reserve(call(max_tokens=900), caller, "up/m")
    money.settle(held, Usage(input_tokens=5, output_tokens=10))
    again = money.reserve(call(max_tokens=900), caller, "up/m")
    money.settle(again, None)

    assert held.tokens > 900
    assert caught.value.retry_after_s > 0
    with pytest.raises(RateLimited):
        money.reserve(call(max_tokens=900), caller, "up/m")


def test_an_attempt_that_one_rate_refuses_takes_nothing_of_the_other():
    money, _ = purse(Budget("all", 10_000_000))
    narrow = make_endpoint(tokens=Rate(10, 60))
    with pytest.raises(RateLimited):
        money.reserve(call(narrow, max_tokens=900), rated(Rate(1000, 60)), "up/m")

    assert account(money, "all", "service") == 0
    money.reserve(call(max_tokens=900), rated(Rate(1000, 60)), "up/m")


steps = st.lists(
    st.tuples(
        st.sampled_from([ANN, BOB]),
        st.integers(0, 2000),
        st.sampled_from(["known", "unknown", "free"]),
        st.integers(0, 3),
    ),
    max_size=60,
)


@given(steps=steps)
def test_no_order_of_reserving_and_settling_overspends_a_budget(steps):
    money, _ = purse(Budget("all", 60_000), Budget("each", 40_000, per="key"))
    under_way, spent = [], 0
    for caller, tokens, end, how_many in steps:
        try:
            under_way.append((money.reserve(call(max_tokens=tokens + 1), caller, "up/m"), tokens, end))
        except BudgetExhausted:
            pass
        for held, used, way in under_way[:how_many]:
            usage = Usage(input_tokens=1, output_tokens=used) if way == "known" else None
            settled = money.settle(held, usage, is_free=way == "free")
            spent += held.micros if settled.micros is None else settled.micros
        del under_way[:how_many]
        taken = spent + sum(held.micros for held, _, _ in under_way)

        assert account(money, "all", "service") == taken <= 60_000
        assert account(money, "each", "k_ann") + account(money, "each", "k_bob") == taken


def test_what_is_said_beside_the_callers_words_is_held_and_taken_too():
    money, _ = purse(Budget("all", 10_000_000))
    plain = money.reserve(call(max_tokens=1), ANN, "up/m")
    worded = money.reserve(call(max_tokens=1), ANN, "up/m", 1000)

    assert worded.micros - plain.micros == 1000
