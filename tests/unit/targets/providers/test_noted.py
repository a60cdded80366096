"""Answers that a provider stores: their owner is durable before anything of them is told."""

import pytest
from msgspec import json, structs

from headworks.errors import ProviderBroken
from headworks.pending import Pending
from headworks.stores.belongings import SqliteBelongings
from headworks.targets.providers.noted import STORED_S, Noted
from headworks.targets.providers.owned import Register
from headworks.units import SECOND_NS
from headworks.values import Auth, Caller, Outcome, Payload
from tests.fakes_providers import FakeWorld, Opened, make_call
from tests.fakes_store import OneConnection

CREATED = b'{"type": "response.created", "response": {"id": "resp_1"}}'
DELTA = b'{"type": "response.output_text.delta", "delta": "a"}'


class Events:
    """A stream that is all there."""

    def __init__(self, *events):
        self._events, self.is_cancelled = [*events, None], False

    def next(self):
        pending = Pending()
        pending.resolve(self._events.pop(0))
        return pending

    def cancel(self):
        self.is_cancelled = True

    def billed(self):
        return None, 7


class Slow:
    """A store whose writes become durable when the test says so."""

    def __init__(self, store):
        self._store, self.waiting = store, []

    def keep(self, things, *, may_drop=False):
        pending = Pending()
        self.waiting.append(lambda: pending.resolve(self._store.keep(things, may_drop=may_drop).result()))
        return pending


class House(FakeWorld):
    """A target that gives an outcome of one's choice."""

    name = "up/m"

    def __init__(self):
        super().__init__()
        self.known = SqliteBelongings(OneConnection(), self.clock)
        self.known.prepare()
        self.slow = Slow(self.known)
        self.opened = Opened(self.client)

    def start(self, call, caller_id, deadline_ns, opening):
        pending = Pending()
        pending.resolve(self.outcome)
        return pending

    def predicted_wait_ns(self, rows):
        return rows

    def load(self):
        return 1.0

    def ask(self, outcome, document=b'{"store": true}', caller="ann"):
        self.outcome = outcome
        call = structs.replace(make_call(self.clock), payload=Payload(document), subject="ada")
        self.opened.caller = Caller(caller, caller, Auth.KEY)
        register = Register(self.slow, lambda key_id: key_id, lambda subject: subject.encode())
        return Noted(self, register, self.clock).start(call, caller, call.deadline_ns, self.opened)


@pytest.fixture
def house():
    return House()


def whole(**document):
    return Outcome(json.encode(document), "up/m", "m")


def test_a_whole_answer_waits_for_its_owner(house):
    done = house.ask(whole(id="resp_1"))

    assert not done.is_done
    house.slow.waiting.pop()()
    assert done.result().body == b'{"id":"resp_1"}'
    found = house.known.find("up", "resp_1")
    assert (found.kind, found.owner, found.subject) == ("response", "key:ann", b"ada")
    assert found.expires_s == house.clock.wall_ns() // SECOND_NS + STORED_S


def test_of_a_stream_the_event_that_names_it_waits_and_no_other(house):
    stream = house.ask(structs.replace(whole(), stream=Events(DELTA, CREATED, DELTA))).result().stream
    before = stream.next()
    named = stream.next()

    assert before.result() == DELTA
    assert not named.is_done
    house.slow.waiting.pop()()
    assert named.result() == CREATED
    assert [stream.next().result(), stream.next().result()] == [DELTA, None]
    assert house.slow.waiting == []
    assert stream.billed() == (None, 7)


def test_a_stream_that_is_stopped_is_stopped_behind(house):
    events = Events(CREATED)
    house.ask(structs.replace(whole(), stream=events)).result().stream.cancel()

    assert events.is_cancelled


@pytest.mark.parametrize("document", [b"{}", b'{"store": false}', b'{"store": "true"}', b'{"store": null}'])
def test_what_is_not_asked_to_be_stored_is_nobodys(house, document):
    assert house.ask(whole(id="resp_1"), document).is_done
    assert house.slow.waiting == []


@pytest.mark.parametrize("document", [{}, {"id": 7}, {"id": ""}, {"id": "x" * 257}])
def test_an_answer_without_a_name_is_told_all_the_same(house, document):
    assert house.ask(whole(**document)).is_done


def test_an_answer_under_the_name_of_somebody_elses_is_not_told(house):
    house.ask(whole(id="resp_1"))
    house.slow.waiting.pop()()
    done = house.ask(whole(id="resp_1"), caller="bob")
    house.slow.waiting.pop()()

    assert isinstance(done.error, ProviderBroken)
    assert house.known.find("up", "resp_1").owner == "key:ann"


def test_the_rest_is_the_targets_own(house):
    noted = Noted(house, Register(house.slow, str, str.encode), house.clock)

    assert (noted.name, noted.predicted_wait_ns(3), noted.load()) == ("up/m", 3, 1.0)
