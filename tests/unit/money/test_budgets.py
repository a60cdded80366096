"""Budgets: never more spent than they hold, whatever is asked in whatever order."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from headworks.costs import Usage
from headworks.errors import BudgetExhausted, PriceUnknown, RateLimited
from headworks.limits.memory import MemoryLimits
from headworks.money.bound import PICTURE_TOKENS, TOOL_TOKENS
from headworks.money.budgets import Budget, Budgets, period_of
from headworks.money.prices import PriceTable
from headworks.settings.money import Price
from headworks.units import SECOND_NS, Rate
from headworks.values import Auth, Call, Caller, Payload
from tests.unit.contracts import make_endpoint

DAY_NS = 86_400 * SECOND_NS
START_NS = 1_796_000_000 * SECOND_NS
PRICES = PriceTable(
    "2026-01-01",
    "USD",
    {
        "up/m": Price(input=1, output=10),
        "up/image": Price(image=0.04),
        "up/rank": Price(search=0.002),
        "up/caches": Price(input=1, output=10, written=1.25, written_hour=2),
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


@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        ({"n": 3}, 3),
        ({"n": 2, "best_of": 5}, 5),
        ({"prompt": "one"}, 1),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": ["one", "two"]}, 2),
        ({"prompt": [[1, 2], [3]], "n": 2, "best_of": 4}, 8),
        ({"prompt": [1, "two"]}, 2),
        ({"prompt": {"id": "kept"}}, 1),
    ],
)
def test_every_answer_that_is_written_is_held_for_told_or_not(asked, answers):
    money, _ = purse(Budget("all", 10_000_000))
    asked = call(max_tokens=1000, **asked)
    held = money.reserve(asked, ANN, "up/m")
    counted = structs.replace(make_endpoint(), tokens=Rate(100_000, SECOND_NS))
    rated = money.reserve(structs.replace(asked, endpoint=counted), ANN, "up/m")

    assert held.micros == len(asked.payload.document) + answers * 1000 * 10
    assert rated.tokens == len(asked.payload.document) // 4 + answers * 1000


@pytest.mark.parametrize(
    ("said", "cap"),
    [
        ({"max_tokens": 9}, 9),
        ({"max_output_tokens": 9}, 9),
        ({"max_completion_tokens": 8, "max_tokens": 9}, 8),
        ({"parameters": {"max_new_tokens": 9, "top_k": 1}}, 9),
        ({"parameters": None, "max_tokens": 9}, 9),
    ],
)
def test_a_callers_cap_is_found_in_the_words_of_its_task(said, cap):
    money, _ = purse(Budget("all", 10_000_000))

    assert money.reserve(call(**said), ANN, "up/m").output_cap == cap


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


CEILING = 3_000_000
FILE = {"type": "file", "file": {"file_id": "file-1"}}
PAGES = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}


def asked(task, **document):
    return call(make_endpoint(task=task, max_output=10), **document)


def said(*parts):
    return [{"role": "user", "content": list(parts)}]


UNBOUNDED = [
    (asked("chat", messages=said(FILE)), "/messages/0/content/0/file/file_id"),
    (asked("chat", messages=said({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}})), "/messages/0/content/0/file/file_data"),
    (asked("chat", messages=said(), web_search_options={}), "/web_search_options"),
    (asked("chat", messages=said(), modalities=["text", "audio"]), "/modalities"),
    (asked("chat", messages=said(), service_tier="priority"), "/service_tier"),
    (asked("chat", messages=said(), prediction={"type": "content", "content": "a"}), "/prediction"),
    (asked("responses", input="hi", tools=[{"type": "function", "name": "f"}, {"type": "web_search"}]), "/tools/1/type"),
    (asked("responses", input="hi", tools=[{"type": "code_interpreter"}]), "/tools/0/type"),
    (asked("responses", input="hi", previous_response_id="resp_1"), "/previous_response_id"),
    (asked("responses", input=said({"type": "input_image", "file_id": "file-1"})), "/input/0/content/0/file_id"),
    (asked("responses", input=[{"type": "function_call_output", "output": [{"type": "input_file", "file_id": "f"}]}]), "/input/0/output/0/file_id"),
    (asked("responses", input=[{"type": "item_reference", "id": "i"}]), "/input/0/type"),
    (asked("messages", messages=[], tools=[{"type": "web_search_20250305", "name": "web_search"}]), "/tools/0/type"),
    (asked("messages", messages=said(PAGES)), "/messages/0/content/0/source"),
    (asked("messages", messages=said({"type": "tool_result", "content": [PAGES]})), "/messages/0/content/0/content/0/source"),
    (asked("messages", messages=said({"type": "image", "source": {"type": "file", "file_id": "f"}})), "/messages/0/content/0/source"),
]  # fmt: skip


@pytest.mark.parametrize(("unbounded", "pointer"), UNBOUNDED)
def test_what_no_count_of_bytes_bounds_is_refused_under_a_budget_and_named(unbounded, pointer):
    money, _ = purse(Budget("all", 10_000_000))
    with pytest.raises(PriceUnknown) as caught:
        money.reserve(unbounded, ANN, "up/m")

    assert [each.pointer for each in caught.value.errors] == [pointer]
    assert "ceiling" in caught.value.detail
    assert account(money, "all", "service") == 0


@pytest.mark.parametrize("unbounded", [each for each, _ in UNBOUNDED])
def test_a_ceiling_bounds_it_and_without_a_budget_nobody_asks(unbounded):
    money, _ = purse(Budget("all", 10_000_000, ceiling_micros=CEILING))
    held = money.reserve(unbounded, ANN, "up/m")

    assert held.micros == CEILING
    assert purse()[0].reserve(unbounded, ANN, "up/m").micros is None


def test_an_escape_hides_nothing():
    document = (
        b'{"messages": [{"role": "user", "content": [{"type": "f\\u0069le", "f\\u0069le": {"f\\u0069le_id": "x"}}]}]}'
    )
    hidden = structs.replace(asked("chat"), payload=Payload(document))
    picture = document.replace(b'{"f\\u0069le_id": "x"}', b"1").replace(
        b"]}]}", b', {"image_\\u0075rl": {"url": "d\\u0061ta:image"}}]}]}'
    )
    shown = structs.replace(asked("chat"), payload=Payload(picture))
    money, _ = purse(Budget("all", 10_000_000))

    with pytest.raises(PriceUnknown):
        money.reserve(hidden, ANN, "up/m")
    assert money.reserve(shown, ANN, "up/m").micros > PICTURE_TOKENS


@pytest.mark.parametrize(
    "bounded",
    [
        asked("chat", messages=[{"role": "user", "content": "search my files by file_id and data: URLs"}]),
        asked("chat", messages=said({"type": "file", "file": {"file_data": "data:text/plain;base64,AA=="}})),
        asked("chat", messages=said(), service_tier="auto", modalities=["text"]),
        asked("responses", input="hi", tools=[{"type": "function", "name": "web_search"}]),
        asked("messages", messages=said({"type": "tool_use", "name": "f", "input": {"file_id": "mine"}})),
        asked("messages", messages=said({"type": "document", "source": {"type": "text", "data": "a"}})),
        asked("messages", messages=[], tools=[{"name": "f"}, {"type": "bash_20250124", "name": "bash"}]),
    ],
)
def test_what_bytes_bound_is_held_by_its_bytes(bounded):
    money, _ = purse(Budget("all", 10_000_000, ceiling_micros=CEILING))

    assert money.reserve(bounded, ANN, "up/m").micros < 10_000


def test_a_picture_of_every_dialect_has_its_allowance():
    source = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
    inline = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    money, _ = purse(Budget("all", 10_000_000))
    asks = [
        asked("messages", messages=said(source)),
        asked("responses", input=said(inline)),
        asked("chat", messages=said(part)),
    ]

    assert all(PICTURE_TOKENS < money.reserve(each, ANN, "up/m").micros < 2 * PICTURE_TOKENS for each in asks)


def test_fees_that_a_vendor_does_not_tell_are_charged_no_less_than_was_held_and_are_unknown_without_a_budget():
    money, _ = purse(Budget("all", 10_000_000, ceiling_micros=CEILING))
    searching = asked("responses", input="hi", tools=[{"type": "web_search"}])
    little, much = Usage(input_tokens=5, output_tokens=1), Usage(input_tokens=4_000_000, output_tokens=1)
    charged = [money.settle(money.reserve(searching, ANN, "up/m"), used).micros for used in (little, much)]
    free, _ = purse()

    assert charged == [CEILING, 4_000_010]
    assert account(money, "all", "service") == CEILING + 4_000_010
    assert free.settle(free.reserve(searching, ANN, "up/m"), little).micros is None


def test_a_document_that_a_ceiling_bounded_is_charged_what_it_was():
    money, _ = purse(Budget("all", 10_000_000, ceiling_micros=CEILING))
    held = money.reserve(asked("messages", messages=said(PAGES)), ANN, "up/m")

    assert money.settle(held, Usage(input_tokens=5, output_tokens=1)).micros == 15
    assert account(money, "all", "service") == 15


@pytest.mark.parametrize(
    ("texts", "searches"), [(["a"] * 100, 1), (["a"] * 101, 2), (["a" * 250] * 100, 1), (["\u00e9" * 126] * 100, 2)]
)
def test_ranking_holds_a_search_for_each_hundred_texts_a_long_one_counting_as_several(texts, searches):
    money, _ = purse(Budget("all", 10_000_000))
    held = money.reserve(asked("rerank", query="q", texts=texts), ANN, "up/rank")

    assert held.micros == searches * 2000
    assert money.settle(held, Usage(searches=1)).micros == 2000


def test_what_the_vendor_may_be_asked_to_keep_is_held_at_what_keeping_costs():
    money, _ = purse(Budget("all", 10_000_000))
    plain = asked("messages", messages=said({"type": "text", "text": "hi"}))
    keeping = asked("messages", messages=said({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}))
    size, answer = len(keeping.payload.document), 10 * 10

    assert money.reserve(plain, ANN, "up/caches").micros == len(plain.payload.document) + answer
    assert money.reserve(keeping, ANN, "up/caches").micros == 2 * size + answer
