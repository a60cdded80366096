"""One opened row a call, however many attempts begin at once and whoever leaves meanwhile."""

from types import SimpleNamespace

import pytest
from msgspec import structs

from headworks.costs import Reservation, Settlement
from headworks.errors import ClientGone, IdempotencyMismatch, IdempotencyRunning, RecordUnavailable
from headworks.pending import Pending, driven
from headworks.request.record import Line
from headworks.values import Auth, Caller, Matched, Route
from tests.fakes_ledger import FakeLedger
from tests.fakes_providers import Time, make_call
from tests.unit.contracts import make_raw


class SlowLedger(FakeLedger):
    """Opens a row when it is told to."""

    def __init__(self):
        super().__init__()
        self.waiting = []

    def open(self, entry):
        opened, later = super().open(entry), Pending()
        self.waiting.append(lambda: later.resolve(opened.result()))
        return later


class Ended:
    def ended(self, entry):
        pass


@pytest.fixture
def ledger():
    return SlowLedger()


@pytest.fixture
def line(ledger):
    clock = Time()
    made = Line(make_raw(), SimpleNamespace(ledger=ledger, clock=clock, watch=Ended()), clock.wall_ns())
    made.caller = Caller("k1", "me", Auth.KEY)
    made.call = make_call(clock)
    made.endpoint = made.call.endpoint
    return made


def kinds(ledger):
    return [kind for kind, _ in ledger.entries]


def held(number):
    return Reservation(number, 10, (("all", "total"),))


def test_attempts_that_begin_at_once_share_one_opened_row_and_each_holds_its_own_money(line, ledger):
    attempts = [driven(line.open(held(number))) for number in range(4)]
    ledger.waiting[0]()

    assert all(attempt.is_done and attempt.error is None for attempt in attempts)
    assert kinds(ledger) == ["opened"]
    assert [reservation.number for _, reservation in ledger.reserved] == [1, 2, 3]


def test_a_later_attempt_holds_its_money_before_it_is_sent(line, ledger):
    first = driven(line.open(held(0)))
    ledger.waiting[0]()
    later = driven(line.open(held(1)))

    assert first.is_done
    assert later.is_done
    assert [reservation.number for _, reservation in ledger.reserved] == [1]


def test_what_an_attempt_gave_back_is_written_at_once_where_the_call_goes_on(line, ledger):
    driven(line.open(held(0)))
    ledger.waiting[0]()
    line.settle(Settlement(held(0), 3), may_go_on=True)
    line.settle(Settlement(held(1), 10), may_go_on=True)
    line.settle(Settlement(held(2), None), may_go_on=True)
    line.settle(Settlement(held(3), 3))

    assert [(told.number, told.micros) for _, told in ledger.reserved] == [(0, 3)]


def test_when_the_first_attempt_is_given_up_the_others_still_share_its_row(line, ledger):
    first, second = driven(line.open(held(0))), driven(line.open(held(1)))
    first.abandon()
    ledger.waiting[0]()

    assert isinstance(first.error, ClientGone)
    assert second.error is None
    assert kinds(ledger) == ["opened"]


def test_a_caller_who_leaves_while_the_row_is_opened_closes_that_row_and_writes_no_other(line, ledger):
    opening = driven(line.open(held(0)))
    opening.abandon()
    refused = driven(line.refused(ClientGone()))
    ledger.waiting[0]()

    assert refused.is_done
    assert kinds(ledger) == ["opened", "closed"]


class SlowClaims(FakeLedger):
    """Answers claims when it is told to."""

    def __init__(self):
        super().__init__()
        self.waiting = []

    def claim(self, idempotency):
        claimed, later = super().claim(idempotency), Pending()
        tell = later.fail if claimed.error is not None else later.resolve
        self.waiting.append(lambda: tell(claimed.error or claimed.result()))
        return later


def another(clock, ledger, call, **raw):
    made = Line(make_raw(**raw), SimpleNamespace(ledger=ledger, clock=clock, watch=Ended()), clock.wall_ns())
    made.caller, made.call, made.endpoint = Caller("k1", "me", Auth.KEY), call, call.endpoint
    made.matched = Matched(Route("POST", "/api", Auth.KEY, "call", 1), {})
    return made


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def once(clock):
    return structs.replace(make_call(clock), idempotency_key="once")


def test_a_caller_who_leaves_while_its_key_is_claimed_gives_the_key_back(clock, once):
    ledger = SlowClaims()
    left = another(clock, ledger, once)
    claiming = driven(left.claim(once))
    claiming.abandon()
    driven(left.refused(ClientGone()))
    ledger.waiting.pop()()
    again = driven(another(clock, ledger, once).claim(once))
    ledger.waiting.pop()()

    assert isinstance(claiming.error, ClientGone)
    assert again.result() is None


def test_a_caller_who_leaves_while_it_asks_for_a_key_that_another_call_has_leaves_it_to_that_call(clock, once):
    ledger = SlowClaims()
    first = driven(another(clock, ledger, once).claim(once))
    ledger.waiting.pop()()
    left = driven(another(clock, ledger, once).claim(once))
    left.abandon()
    ledger.waiting.pop()()
    third = driven(another(clock, ledger, once).claim(once))
    ledger.waiting.pop()()

    assert first.result() is None
    assert isinstance(third.error, IdempotencyRunning)


@pytest.mark.parametrize(
    ("changes", "raw"),
    [({"subject": "patient-2"}, {}), ({}, {"headers": {"content-type": "text/csv"}}), ({}, {"query": "top_k=2"})],
    ids=["another subject", "another type", "another query"],
)
def test_what_is_asked_otherwise_is_never_given_the_answer_kept_under_the_key(clock, once, changes, raw):
    ledger = FakeLedger()
    driven(another(clock, ledger, structs.replace(once, subject="patient-1")).claim(once))
    asked = structs.replace(once, **{"subject": "patient-1", **changes})
    claimed = driven(another(clock, ledger, asked, **raw).claim(asked))

    assert isinstance(claimed.error, IdempotencyMismatch) == bool(changes or raw)


def test_another_way_in_is_never_given_the_answer_kept_under_the_key(clock, once):
    ledger = FakeLedger()
    lines = [another(clock, ledger, once) for _ in range(2)]
    for line, operation in zip(lines, ("openai.chat", "openai.completions"), strict=True):
        line.matched = Matched(Route("POST", f"/{operation}", Auth.KEY, operation, 1), {})
    claims = [driven(line.claim(once)) for line in lines]

    assert claims[0].result() is None
    assert isinstance(claims[1].error, IdempotencyMismatch)


class NoRoom(FakeLedger):
    """Has room for rows without an answer only."""

    def close(self, number, entry):
        if entry.output:
            pending = Pending()
            pending.fail(RecordUnavailable(retry_after_s=1.0))
            return pending
        return super().close(number, entry)


def test_an_answer_that_there_is_no_room_for_is_not_given_and_its_row_is_closed_without_it(clock, once):
    ledger = NoRoom()
    line = another(clock, ledger, once)
    driven(line.claim(once))
    driven(line.open(held(7)))
    line.settle(Settlement(held(7), 4))
    written = driven(closing(line))
    driven(line.refused(written.error))

    assert isinstance(written.error, RecordUnavailable)
    assert kinds(ledger) == ["opened", "closed"]
    closed = ledger.entries[-1][1]
    assert (closed.outcome, closed.status, closed.output, closed.cost_micros) == ("record_unavailable", 503, b"", 4)
    assert closed.settled[0].micros == 4
    assert driven(another(clock, ledger, once).claim(once)).result() is None


async def closing(line):
    await line.commit(200, b'{"text":"long"}', "application/json")
