"""What a use costs, by the table of prices."""

from datetime import date

import pytest

from headworks.costs import Usage
from headworks.money.prices import cost_micros, read_shipped, shipped
from headworks.settings.money import Price

PRICED = ("input", "output", "characters", "image", "minute", "search", "call")


@pytest.mark.parametrize(
    ("price", "usage", "micros"),
    [
        (Price(input=0.15, output=0.6), Usage(input_tokens=1_000_000, output_tokens=1_000_000), 750_000),
        (Price(input=2.5, cached=1.25), Usage(input_tokens=1000, cached_tokens=400), 2000),
        (Price(input=2.5), Usage(input_tokens=1000, cached_tokens=400), 2500),
        (Price(input=2), Usage(input_tokens=1000, written_tokens=400, written_hour_tokens=100), 2000),
        (
            Price(input=2, written=2.5, written_hour=4),
            Usage(input_tokens=1000, written_tokens=400, written_hour_tokens=100),
            2350,
        ),
        (
            Price(input=2, cached=0.2, written=2.5),
            Usage(input_tokens=1000, cached_tokens=500, written_tokens=400),
            1300,
        ),
        (Price(input=0.15), Usage(input_tokens=1), 1),
        (Price(characters=1, step_characters=100, least_characters=300), Usage(characters=1), 300),
        (Price(characters=1, step_characters=100, least_characters=300), Usage(characters=301), 400),
        (Price(image=0.0015), Usage(images=2), 3000),
        (Price(minute=0.006), Usage(seconds=90), 9000),
        (Price(search=0.002), Usage(searches=3), 6000),
        (Price(call=0.002), Usage(), 2000),
        (Price(input=0, output=0), Usage(input_tokens=9, output_tokens=9), 0),
    ],
)
def test_each_way_of_billing_has_its_price_rounded_up(price, usage, micros):
    assert cost_micros(price, usage) == micros


@pytest.mark.parametrize(
    "usage", [Usage(output_tokens=1), Usage(images=1), Usage(characters=1), Usage(seconds=1), Usage(searches=1)]
)
def test_what_has_no_price_is_unknown_never_free(usage):
    assert cost_micros(Price(input=1), usage) is None


@pytest.mark.parametrize(
    ("price", "usage"),
    [
        (Price(input=1, output=2), Usage()),
        (Price(input=1, output=2), Usage(input_tokens=5)),
        (Price(input=1, output=2), Usage(output_tokens=5)),
        (Price(input=1, output=2), Usage(images=1)),
        (Price(input=1), Usage(output_tokens=0)),
        (Price(minute=1), Usage()),
        (Price(image=1), Usage(input_tokens=0, output_tokens=None)),
        (Price(input=1, minute=1), Usage()),
    ],
)
def test_what_has_a_price_and_is_not_told_is_unknown_never_free(price, usage):
    assert cost_micros(price, usage) is None


@pytest.mark.parametrize(
    ("price", "usage", "micros"),
    [
        (Price(input=1, minute=6), Usage(seconds=10), 1_000_000),
        (Price(input=1, minute=6), Usage(input_tokens=7), 7),
        (Price(input=1, output=0), Usage(input_tokens=7), 7),
        (Price(call=0.5), Usage(), 500_000),
        (Price(input=0, output=0), Usage(), 0),
    ],
)
def test_what_is_told_in_one_of_two_ways_or_costs_nothing_is_known(price, usage, micros):
    assert cost_micros(price, usage) == micros


@pytest.mark.parametrize(
    ("service", "known"),
    [
        ("openai/gpt-5-mini", True),
        ("openai/gpt-5-mini-2025-08-07", True),
        ("openai/gpt-3.5-turbo-0125", True),
        ("anthropic/claude-sonnet-4-20250514", True),
        ("anthropic/claude-3-haiku@20240307", True),
        ("openai/gpt-5-huge", False),
        ("cohere/command-a-03-2025", True),
        ("cohere/command-a-reasoning-08-2025", False),
        ("cohere/rerank-v4.0-pro", True),
        ("aws/us.amazon.nova-pro-v1:0", True),
        ("aws/eu.amazon.nova-pro-v1:0", False),
        ("aws/comprehend:toxicity", False),
        ("google/translate-v3", True),
        ("openai/gpt-3.5-turbo-16k", False),
        ("anthropic/claude-opus-4-9", False),
        ("up/gpt-5-mini", False),
    ],
)
def test_a_release_has_its_models_price_and_another_model_has_none(service, known):
    assert (shipped().find(service) is not None) is known


def test_a_configured_price_stands_before_the_shipped_one():
    table = shipped().with_own({"openai/gpt-5": Price(input=9)})

    assert table.find("openai/gpt-5") == Price(input=9)
    assert table.find("openai/gpt-5-mini") == shipped().find("openai/gpt-5-mini")


def test_the_shipped_table_says_of_which_day_it_is_and_prices_something_of_each_service():
    table = shipped()

    assert len(table.version) == len("2025-11-01")
    assert [
        name for name, price in table.prices.items() if not any(getattr(price, each) is not None for each in PRICED)
    ] == []


def test_every_shipped_price_names_the_vendors_page_and_the_day_on_which_it_was_seen():
    told = read_shipped()
    first, last = date(2025, 7, 1), date.fromisoformat(told.version)

    assert all(page.startswith("https://") for page in told.sources.values())
    assert {price.source for price in told.prices.values()} == told.sources.keys()
    assert [name for name, price in told.prices.items() if not first <= price.seen <= last] == []
