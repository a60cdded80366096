"""Batches that are not booked yet: what is known of them, and that each is booked once, beside what else was used."""

import pytest
from msgspec import structs

from headworks.belongings import Belonging
from headworks.costs import Usage
from headworks.owing import Needs, Owed
from headworks.records.owing import LONGEST_OWED_S, SqliteOwing
from headworks.records.spending import Spending
from headworks.stores.belongings import SqliteBelongings
from headworks.stores.queries import load_queries
from tests.fakes_keys import FakeClock
from tests.fakes_store import OneConnection

BATCH = Owed("up", "batch_1", ("m",), "2026-11-27", "k_ann", "batches", 1, "up/batches")
HELD = structs.replace(BATCH, held_micros=100, accounts=(("all|service", "2026-11"), ("each|k_ann", "total")))
USED = Usage(input_tokens=10, output_tokens=7, cached_tokens=4, reasoning_tokens=2)
FILE = Belonging("up", "file-1", "file", "key:ann", "batch")
NEEDS = {"m": Needs(10, output_tokens=3), "n": Needs(is_open=True)}


class Home:
    def __init__(self):
        self.file, self.clock = OneConnection(), FakeClock()
        self.belongings = SqliteBelongings(self.file, self.clock)
        self.belongings.prepare()
        Spending().create(self.file.connection)
        self.owing = SqliteOwing(self.file, self.clock)
        self.owing.prepare()
        self.sql = load_queries("headworks.records", "spending.sql")

    def used(self):
        return [row[5:] for row in self.file.read(self.sql["used"], ("2026-01-01", "2027-01-01"))]

    def spent(self):
        return {row[:2]: row[2] for row in self.file.read(self.sql["spent"])}


@pytest.fixture
def home():
    return Home()


def test_what_lines_need_is_known_until_their_file_is_gone(home):
    home.file.write(home.owing.noting("up", "file-1", NEEDS)).result()
    home.belongings.keep([FILE]).result()

    assert home.owing.needs("up", "file-1") == NEEDS
    assert home.owing.needs("other", "file-1") is None
    home.belongings.drop("up", "file-1").result()
    assert home.owing.needs("up", "file-1") is None


def test_what_lines_need_goes_with_the_person_too(home):
    home.file.write(home.owing.noting("up", "file-1", NEEDS)).result()
    home.belongings.keep([structs.replace(FILE, subject=b"ada")]).result()
    home.belongings.forget_subject(b"ada").result()

    assert home.owing.needs("up", "file-1") is None


@pytest.mark.parametrize("owed", [BATCH, HELD])
def test_a_batch_is_known_until_it_is_booked_and_found_by_its_output(home, owed):
    home.file.write(home.owing.beginning(owed)).result()
    home.owing.point(owed, "file-2").result()
    pointed = structs.replace(owed, output="file-2")

    assert home.owing.find("up", "batch_1") == pointed
    assert home.owing.of_output("up", "file-2") == pointed
    assert home.owing.of_output("other", "file-2") is None
    home.owing.book(owed, USED, 60).result()
    assert home.owing.find("up", "batch_1") is home.owing.of_output("up", "file-2") is None


def test_a_batch_is_booked_once(home):
    home.file.write(home.owing.beginning(HELD)).result()
    first = [home.owing.book(HELD, USED, 60).result() for _ in range(3)]
    home.file.write(home.owing.beginning(HELD)).result()

    assert first == [True, False, False]
    assert home.spent() == {("all|service", "2026-11"): -40, ("each|k_ann", "total"): -40}
    ((*counts, cost, unpriced),) = home.used()
    assert (counts[:6], cost, unpriced) == ([0, 0, 10, 4, 7, 2], 60, 0)


def test_it_takes_the_place_of_the_call_that_counted_as_unpriced(home):
    home.file.connection.execute(home.sql["use"], (*row_of(BATCH), 1, 0, 0, 0, 0, 0, 0, 0, 0.0, 0, 1))
    home.file.write(home.owing.beginning(BATCH)).result()
    home.owing.book(BATCH, USED, 60).result()

    ((calls, *_, cost, unpriced),) = home.used()
    assert (calls, cost, unpriced) == (1, 60, 0)


def test_what_cannot_be_priced_counts_its_tokens_alone(home):
    home.file.write(home.owing.beginning(HELD)).result()
    home.owing.book(HELD, USED, None).result()

    ((*counts, cost, unpriced),) = home.used()
    assert (counts[2], cost, unpriced) == (10, 0, 0)
    assert home.spent() == {}


def test_what_nobody_looked_at_for_long_is_forgotten(home):
    home.file.write(home.owing.beginning(HELD)).result()
    home.clock.advance(LONGEST_OWED_S)
    home.file.write(home.owing.beginning(structs.replace(HELD, id="batch_2"))).result()

    assert home.owing.find("up", "batch_1") is None
    assert home.owing.find("up", "batch_2") is not None


def row_of(owed):
    return owed.day, owed.caller_id, owed.endpoint, owed.version, owed.target
