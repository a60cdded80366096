"""Money beside the record: sums that follow the rows, whatever ends the service."""

import queue

import apsw
import pytest

from headworks.costs import Reservation, Settlement, Usage
from headworks.errors import RecordUnavailable
from headworks.recording import Entry
from headworks.records.ledger import Ledger
from headworks.records.settings import RecordSettings
from headworks.records.using import Asked, used
from headworks.units import RequestId, SystemClock

MONTH = "2026-11"
ALL, HERS = ("all|service", MONTH), ("each|k_1", MONTH)


def entry(**changes):
    fields = {"caller_id": "k_1", "endpoint": "chat", "version": 1, "status": 200, "outcome": "ok", "target": "up/m"}
    return Entry(RequestId("r"), 1_796_000_000_000_000_000, "/api/chat/v1", **(fields | changes))


class Opened:
    """A ledger whose results are waited for; `left_open` ends it as kill -9 would: nothing is closed."""

    def __init__(self, home):
        self.mail = queue.SimpleQueue()
        self.ledger = Ledger.start(RecordSettings(home=home), SystemClock(), self.mail.put)

    def wait(self, pending):
        while not pending.is_done:
            self.mail.get(timeout=20)()
        return pending.result()


@pytest.fixture
def opened(tmp_path):
    house = Opened(tmp_path)
    yield house
    house.ledger.stop()


def held(number, micros, *accounts):
    return Reservation(number, micros, accounts, None, "up/m")


def test_what_attempts_hold_counts_until_the_call_ends_and_then_what_they_cost(opened):
    ledger, wait = opened.ledger, opened.wait
    opened_row = wait(ledger.open(entry(reservation=held(1, 70, ALL, HERS))))
    wait(ledger.reserve(opened_row, held(2, 30, ALL)))
    before = ledger.spent()
    settled = (Settlement(held(1, 70, ALL, HERS), 0), Settlement(held(2, 30, ALL), 12))
    wait(ledger.close(opened_row, entry(settled=settled, cost_micros=12)))

    assert before == {ALL: 100, HERS: 70}
    assert ledger.spent() == {ALL: 12, HERS: 0}


def test_an_attempt_of_unknown_cost_is_charged_what_it_held(opened):
    opened_row = opened.wait(opened.ledger.open(entry(reservation=held(1, 70, ALL))))
    opened.wait(opened.ledger.close(opened_row, entry(settled=(Settlement(held(1, 70, ALL), None),), cost_micros=70)))

    assert opened.ledger.spent() == {ALL: 70}


def test_a_call_that_a_crash_cut_off_is_charged_in_full_and_its_closing_row_says_so(tmp_path):
    house = Opened(tmp_path)
    opened_row = house.wait(house.ledger.open(entry(reservation=held(1, 70, ALL))))
    house.wait(house.ledger.reserve(opened_row, held(2, 30, ALL)))
    house.ledger.stop()
    again = Opened(tmp_path)
    rows = again.ledger.stores.records.read("SELECT outcome, cost_micros FROM records WHERE kind = 'closed'")
    spent = again.ledger.spent()
    again.ledger.stop()

    assert rows == [("unknown_outcome", 100)]
    assert spent == {ALL: 100}


def test_an_attempt_that_had_ended_before_the_crash_is_charged_what_it_came_to(tmp_path):
    house = Opened(tmp_path)
    number = house.wait(house.ledger.open(entry(reservation=held(1, 70, ALL, HERS))))
    house.wait(house.ledger.reserve(number, held(1, 0, ALL, HERS)))
    house.wait(house.ledger.reserve(number, held(2, 30, ALL, HERS)))
    house.ledger.stop()
    again = Opened(tmp_path)
    spent = again.ledger.spent()
    again.ledger.stop()

    assert spent == {ALL: 30, HERS: 30}


def test_what_a_call_came_to_is_charged_once_where_it_was_told_before(opened):
    number = opened.wait(opened.ledger.open(entry(reservation=held(1, 70, ALL))))
    opened.wait(opened.ledger.reserve(number, held(1, 20, ALL)))
    opened.wait(opened.ledger.close(number, entry(settled=(Settlement(held(1, 70, ALL), 20),), cost_micros=20)))

    assert opened.ledger.spent() == {ALL: 20}


def test_use_that_a_crash_cut_off_is_in_the_sums_as_its_cost_is(tmp_path):
    house = Opened(tmp_path)
    house.wait(house.ledger.open(entry(reservation=held(1, 70, ALL))))
    house.wait(house.ledger.open(entry(target="")))
    house.ledger.stop()
    again = Opened(tmp_path)
    ((cost,),) = again.ledger.stores.records.read("SELECT sum(cost_micros) FROM records WHERE kind = 'closed'")
    rows = again.ledger.used("2026-11-01", "2026-12-31")
    again.ledger.stop()

    assert [(row[4], row[5], row[6], row[-2]) for row in rows] == [("-", 1, 1, 70)]
    assert cost == 70


def test_what_calls_hold_is_known_again_after_the_store_has_failed(opened):
    ledger, wait = opened.ledger, opened.wait
    opened_row = wait(ledger.open(entry(reservation=held(1, 70, ALL, HERS))))
    with pytest.raises(RecordUnavailable):
        wait(ledger.stores.records.write(fail))
    while not ledger.is_available:  # until a probe has found the store well
        pass
    wait(ledger.close(opened_row, entry(settled=(Settlement(held(1, 70, ALL, HERS), 12),), cost_micros=12)))

    assert ledger.spent() == {ALL: 12, HERS: 12}


def fail(connection):
    raise apsw.IOError("the disk is gone")


def test_use_is_summed_by_day_caller_version_and_target(opened):
    for usage, cost in ((Usage(10, 5, cached_tokens=4), 20), (Usage(1, 1), None)):
        opened_row = opened.wait(opened.ledger.open(entry()))
        settled = (Settlement(held(1, None), cost),)
        opened.wait(opened.ledger.close(opened_row, entry(usage=usage, cost_micros=cost, settled=settled)))
    (row,) = opened.ledger.used("2026-11-01", "2026-12-31")

    assert row[:5] == (row[0], "k_1", "chat", 1, "up/m")
    assert row[5:10] == (2, 0, 11, 4, 6)
    assert row[-2:] == (20, 1)


def test_use_is_read_by_what_is_asked_without_a_service(tmp_path):
    house = Opened(tmp_path)
    for caller, cost in (("k_1", 20), ("k_2", 30), ("k_1", None)):
        opened_row = house.wait(house.ledger.open(entry(caller_id=caller)))
        ended = entry(caller_id=caller, usage=Usage(1, 1), cost_micros=cost, settled=(Settlement(held(1, None), cost),))
        house.wait(house.ledger.close(opened_row, ended))
    house.ledger.stop()
    by_caller = used(tmp_path, Asked(("caller",)))

    assert [(row["caller"], row["calls"], row["cost"], row["unpriced"]) for row in by_caller] == [
        ("k_1", 2, 0.00002, 1),
        ("k_2", 1, 0.00003, 0),
    ]
    assert used(tmp_path, Asked(("target",)))[0]["calls"] == 3
    assert used(tmp_path, Asked(until="2026-01-01")) == []


def test_own_models_are_not_summed(opened):
    opened_row = opened.wait(opened.ledger.open(entry(target="mine")))
    opened.wait(opened.ledger.close(opened_row, entry(target="mine")))

    assert opened.ledger.used("2026-01-01", "2027-01-01") == []


def test_a_streamed_answer_that_was_kept_is_no_use_of_the_service_that_once_gave_it(opened):
    opened_row = opened.wait(opened.ledger.open(entry()))
    opened.wait(opened.ledger.close(opened_row, entry(attempts=0, cost_micros=0)))

    assert opened.ledger.used("2026-01-01", "2027-01-01") == []
