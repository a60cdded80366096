"""One opened row a call, however many attempts begin at once and whoever leaves meanwhile."""

from types import SimpleNamespace

import pytest

from headworks.errors import ClientGone
from headworks.pending import Pending, driven
from headworks.request.record import Line
from headworks.values import Auth, Caller, Reservation
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
