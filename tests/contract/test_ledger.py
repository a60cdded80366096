"""What every ledger promises; the one in memory and the durable one pass the same suite."""

import queue

import pytest

from headworks.costs import Reservation
from headworks.errors import IdempotencyMismatch, IdempotencyRunning, IdempotencySpent, Internal
from headworks.recording import Entry, IdempotencySlot, Opened
from headworks.records.ledger import Ledger
from headworks.records.settings import RecordSettings
from headworks.units import RequestId, SystemClock
from tests.fakes_ledger import FakeLedger

SLOT = IdempotencySlot(b"s" * 32, b"b" * 32)
OTHER_BODY = IdempotencySlot(b"s" * 32, b"c" * 32)
LARGEST_ANSWER_BYTES = 1000


def entry(number: int = 0, **changes) -> Entry:
    fields = {"caller_id": "k_1", "endpoint": "sentiment", "version": 1, "status": 200, "outcome": "ok"} | changes
    return Entry(RequestId(f"request-{number}"), 1_790_000_000_000_000_000, "/api/sentiment/v1", **fields)


@pytest.fixture(params=["in memory", "durable"])
def make(request, tmp_path):
    """The ledger, and a function that waits for a pending result as an event loop would."""
    if request.param == "in memory":
        yield FakeLedger(LARGEST_ANSWER_BYTES), lambda pending: pending.result()
        return
    mail = queue.SimpleQueue()
    settings = RecordSettings(home=tmp_path, replay_answer_bytes=LARGEST_ANSWER_BYTES)
    ledger = Ledger.start(settings, SystemClock(), mail.put)

    def wait(pending):
        while not pending.is_done:
            mail.get(timeout=20)()
        return pending.result()

    yield ledger, wait
    ledger.stop()


def test_a_finished_call_is_committed(make):
    ledger, wait = make

    assert wait(ledger.commit(entry(output=b"{}"))) is None


def test_many_calls_are_all_answered(make):
    ledger, wait = make
    pendings = [ledger.commit(entry(number)) for number in range(300)]

    assert [wait(pending) for pending in pendings] == [None] * 300


def test_an_opened_call_is_closed_under_its_number_once(make):
    ledger, wait = make
    first, second = wait(ledger.open(entry(1))), wait(ledger.open(entry(2)))

    assert first != second
    assert wait(ledger.close(first, entry(1))) is None
    with pytest.raises(Internal):
        wait(ledger.close(first, entry(1)))
    assert wait(ledger.close(second, entry(2))) is None


@pytest.mark.parametrize("number", [-1, 0, 77])
def test_a_call_that_was_never_opened_cannot_be_closed(make, number):
    ledger, wait = make

    with pytest.raises(Internal):
        wait(ledger.close(Opened(RequestId("r"), number), entry()))


def test_refusals_are_counted_without_waiting(make):
    ledger, _ = make

    for _ in range(100):
        assert ledger.refuse("203.0.113.7", "sentiment", "unauthenticated") is None


def test_a_free_slot_is_claimed(make):
    ledger, wait = make

    assert wait(ledger.claim(SLOT)) is None


def test_a_claimed_slot_runs_until_it_is_given_up(make):
    ledger, wait = make
    wait(ledger.claim(SLOT))
    with pytest.raises(IdempotencyRunning):
        wait(ledger.claim(SLOT))

    ledger.release(SLOT)

    assert wait(ledger.claim(SLOT)) is None


def test_a_finished_calls_answer_is_given_again(make):
    ledger, wait = make
    wait(ledger.claim(SLOT))
    wait(ledger.commit(entry(7, output=b'{"a":1}', output_media="application/json", status=201, idempotency=SLOT)))

    replay = wait(ledger.claim(SLOT))

    assert (replay.request_id, replay.status, replay.media) == ("request-7", 201, "application/json")
    assert replay.body == b'{"a":1}'


def test_another_body_under_the_same_key_is_refused_running_or_done(make):
    ledger, wait = make
    wait(ledger.claim(SLOT))
    with pytest.raises(IdempotencyMismatch):
        wait(ledger.claim(OTHER_BODY))

    wait(ledger.commit(entry(output=b"{}", idempotency=SLOT)))

    with pytest.raises(IdempotencyMismatch):
        wait(ledger.claim(OTHER_BODY))


def test_an_answer_too_large_to_keep_spends_the_key(make):
    ledger, wait = make
    wait(ledger.claim(SLOT))
    wait(ledger.commit(entry(output=b"x" * (LARGEST_ANSWER_BYTES + 1), idempotency=SLOT)))

    with pytest.raises(IdempotencySpent):
        wait(ledger.claim(SLOT))


def test_a_streams_slot_runs_until_its_end_and_then_gives_its_events(make):
    ledger, wait = make
    wait(ledger.claim(SLOT))
    opened_row = wait(ledger.open(entry(idempotency=SLOT)))
    with pytest.raises(IdempotencyRunning):
        wait(ledger.claim(SLOT))

    wait(ledger.close(opened_row, entry(output=b"[1,2]", output_media="text/event-stream", idempotency=SLOT)))

    replay = wait(ledger.claim(SLOT))
    assert (replay.media, replay.body) == ("text/event-stream", b"[1,2]")


def test_slots_do_not_know_each_other(make):
    ledger, wait = make
    wait(ledger.claim(SLOT))

    assert wait(ledger.claim(IdempotencySlot(b"t" * 32, b"c" * 32))) is None


def test_an_attempt_is_reserved_only_for_a_call_that_is_open(make):
    ledger, wait = make
    held = Reservation(1, 5, (("all|service", "2026-11"),))
    opened_row = wait(ledger.open(entry()))

    assert wait(ledger.reserve(opened_row, held)) is None
    wait(ledger.close(opened_row, entry()))
    with pytest.raises(Internal):
        wait(ledger.reserve(opened_row, held))
