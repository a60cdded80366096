"""A streamed answer: what goes out together, how it ends, and whose fault it is."""

from types import SimpleNamespace

import pytest

from headworks.errors import ClientGone, ContractViolation, ProviderDown
from headworks.pending import Pending, driven
from headworks.request.record import Line
from headworks.request.stream import MOST_AT_ONCE_BYTES, RecordedStream, kept_on
from headworks.values import Auth, Call, Caller, Held, Outcome, Payload
from tests.fakes_ledger import FakeLedger
from tests.fakes_providers import Time
from tests.unit.contracts import make_contract, make_endpoint, make_raw

SECRET = LookupError("a word of ours")


class Events:
    """A stream that gives what it is handed, as soon as it is handed it; implements values.Stream."""

    def __init__(self, *ready):
        self.ready, self.waiting, self.asked, self.is_cancelled = list(ready), None, 0, False

    def next(self):
        pending = Pending()
        self.asked += 1
        if self.ready:
            self._give(pending, self.ready.pop(0))
        else:
            self.waiting = pending
        return pending

    def push(self, *events):
        self.ready += events
        if self.ready and self.waiting is not None:
            waiting, self.waiting = self.waiting, None
            self._give(waiting, self.ready.pop(0))

    def cancel(self):
        self.is_cancelled = True

    def billed(self):
        return None, None

    def _give(self, pending, event):
        if isinstance(event, Exception):
            pending.fail(event)
        else:
            pending.resolve(event)


class Faulty:
    """A writer that fails at one of its words; else every event is itself and a bar."""

    keep_alive = b""

    def __init__(self, at="", error=SECRET):
        self._at, self._error = at, error

    def event(self, event):
        return self._said("event", event + b"|")

    def end(self, usage):
        return self._said("end", b"end")

    def failed(self, error, request_id, instance):
        return self._said("failed", error.code.encode())

    def _said(self, what, text):
        if what == self._at:
            raise self._error
        return text


class Seen:
    """Implements ports.Watch for what is said here."""

    def __init__(self):
        self.failures, self.outcomes = [], []

    def ended(self, entry):
        self.outcomes.append(entry.outcome)

    def failed(self, request_id, error):
        self.failures.append(error)


class House:
    """A call that streams, from its opened row on."""

    def __init__(self, events, writer=None, **endpoint):
        self.events, self.watch, self.ledger, self.released = events, Seen(), FakeLedger(), []
        self.time = Time()
        parts = SimpleNamespace(ledger=self.ledger, watch=self.watch, clock=self.time)
        line = Line(make_raw({}), parts, 0)
        line.caller = Caller("k1", "me", Auth.KEY)
        line.endpoint = make_endpoint(make_contract(is_stream=True), **endpoint)
        line.answer = Outcome(b"", "model", "1", stream=events)
        _done(line.open())
        held = Held()
        held.keep(lambda: self.released.append(True))
        self.chunks = RecordedStream(events, line, held, writer or Faulty())

    def drained(self):
        said = []
        while (chunk := self.chunks.next().result()) is not None:
            said.append(chunk)
        return said

    def closed(self):
        return [(entry.outcome, entry.status) for kind, entry in self.ledger.entries if kind == "closed"]


def _done(coroutine):
    with pytest.raises(StopIteration):
        coroutine.send(None)


def test_events_that_are_here_at_once_go_out_in_one_chunk():
    house = House(Events(b"1", b"2", b"3", None))

    assert house.drained() == [b"1|2|3|", b"end"]
    assert house.closed() == [("ok", 200)]


def test_a_stream_ran_until_its_end():
    house = House(Events(b"1"))
    line = house.chunks._line
    line.matched = SimpleNamespace(route=SimpleNamespace(template="/api/{endpoint}/{version}"))
    line.call = Call(line.endpoint, Payload(b"{}"), "text/event-stream", 0)
    line.parsed_ns = line.raw.arrived_ns + 2_000_000
    first, rest = house.chunks.next(), house.chunks.next()
    house.time.now_ns = line.raw.arrived_ns + 7_000_000
    house.events.push(None)

    assert (first.result(), rest.result()) == (b"1|", b"end")
    entry = house.ledger.entries[-1][1]
    assert (entry.run_us, entry.total_us) == (5000, 7000)


def test_an_event_that_is_not_here_yet_is_asked_for_once_and_keeps_nothing_waiting():
    house = House(Events(b"1", b"2"))
    first, second = house.chunks.next(), house.chunks.next()
    asked = house.events.asked
    house.events.push(b"3")
    third = house.chunks.next()
    house.events.push(b"4", b"5", None)

    assert first.result() == b"1|2|"
    assert asked == 3
    assert second.result() == b"3|"
    assert third.result() == b"4|5|"
    assert house.drained() == [b"end"]
    assert house.ledger.entries[-1][1].output == b"[1,2,3,4,5]"


def test_what_goes_out_at_once_is_bounded():
    event = b"x" * 1000
    house = House(Events(*[event] * 100, None))
    chunks = house.drained()

    assert max(map(len, chunks)) < MOST_AT_ONCE_BYTES + len(event) + 2
    assert b"".join(chunks) == (event + b"|") * 100 + b"end"


def test_a_failure_behind_events_that_are_here_comes_after_them():
    house = House(Events(b"1", b"2", ProviderDown()))

    assert house.drained() == [b"1|2|", b"provider_down"]


def test_an_event_that_cannot_be_told_ends_the_stream_after_those_before_it():
    house = House(Events(b"1", b"2", None), Faulty("event", ContractViolation()))

    assert house.drained() == [b"contract_violation"]
    assert house.watch.failures == []


@pytest.mark.parametrize("at", ["event", "end"])
def test_a_defect_of_the_writer_is_logged_counted_and_recorded_as_ours(at):
    house = House(Events(b"1", None), Faulty(at))
    chunks = house.drained()

    assert chunks[-1] == b"internal"
    assert house.watch.failures == [SECRET]
    assert house.watch.outcomes == ["internal"]
    assert house.closed() == [("internal", 500)]
    assert house.released == [True]
    assert house.events.is_cancelled


def test_a_defect_of_the_target_is_one_too():
    house = House(Events(SECRET))

    assert house.drained() == [b"internal"]
    assert house.watch.failures == [SECRET]


def test_a_defect_of_the_edge_is_not_taken_for_the_clients_leaving():
    house = House(Events(b"1"))
    house.chunks.next()
    house.chunks.abandon(SECRET)

    assert house.watch.failures == [SECRET]
    assert house.closed() == [("internal", 500)]
    assert house.events.is_cancelled


def test_a_writer_that_cannot_even_tell_the_error_is_logged():
    house = House(Events(ProviderDown()), Faulty("failed"))
    failed = house.chunks.next()
    house.chunks.abandon(failed.error)

    assert house.watch.failures == [SECRET]
    assert house.closed() == [("provider_down", 502)]


def test_a_client_who_leaves_is_no_defect():
    house = House(Events(b"1"))
    house.chunks.next()
    house.chunks.abandon()

    assert house.watch.failures == []
    assert house.closed() == [(ClientGone.code, 499)]
    assert house.released == [True]


def test_a_defect_while_a_stream_is_heard_out_is_logged_and_the_client_gone_all_the_same():
    house = House(Events(b"1"), finishes_streams=True)
    house.chunks.next()
    house.chunks.abandon()
    house.events.push(b"2", SECRET)

    assert house.watch.failures == [SECRET]
    assert house.closed() == [(ClientGone.code, 499)]
    assert house.ledger.entries[-1][1].output == b"[1,2]"


def test_an_event_that_was_asked_for_ahead_is_heard_out_as_well():
    house = House(Events(b"1"), finishes_streams=True)
    house.chunks.next()
    house.events.push(b"2")
    house.chunks.abandon()
    house.events.push(b"3", None)

    assert house.ledger.entries[-1][1].output == b"[1,2,3]"


class Unanswered(House):
    """The same before its target has begun to answer."""

    def __init__(self):
        super().__init__(Events(), finishes_streams=True)
        line, held = self.chunks._line, self.chunks._held
        line.answer = Outcome(b"", "", "", attempts=0)
        line.call = Call(line.endpoint, Payload(b"{}"), "text/event-stream", 2**62)
        self.is_stopped = False
        self.answering = Pending()
        self.answering.on_abandon = lambda: setattr(self, "is_stopped", True)
        dialect = SimpleNamespace(writer=lambda call: Faulty())
        self.waiting = driven(kept_on(self.answering, line.call, line, held, dialect))


def test_a_caller_who_leaves_before_the_first_event_does_not_end_a_stream_that_is_heard_out():
    house = Unanswered()
    house.waiting.abandon()
    was_stopped, were_closed = house.is_stopped, house.closed()
    house.answering.resolve(Outcome(b"", "model", "1", stream=Events(b"1", b"2", None)))

    assert (was_stopped, were_closed) == (False, [])
    assert house.closed() == [(ClientGone.code, 499)]
    assert house.ledger.entries[-1][1].output == b"[1,2]"
    assert isinstance(house.waiting.error, ClientGone)
    assert house.released == [True]


def test_what_fails_after_its_caller_has_left_fails_as_what_it_is():
    house = Unanswered()
    house.waiting.abandon()
    house.answering.fail(ProviderDown())

    assert isinstance(house.waiting.error, ProviderDown)


def test_who_waits_for_the_first_event_is_given_it():
    house = Unanswered()
    outcome = Outcome(b"", "model", "1", stream=Events(None))
    house.answering.resolve(outcome)

    assert house.waiting.result() is outcome
    assert house.closed() == []
