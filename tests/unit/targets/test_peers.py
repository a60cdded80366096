"""What each call tells of its target among its equals, and who is asked last for it."""

import json
import random

import pytest
from msgspec import structs

from headworks import errors
from headworks.assembly.watching import LINES, tell_peers, watch_peers
from headworks.errors import BudgetExhausted, ClientGone, DeadlineExceeded, ModelUnavailable, Overloaded, ProviderBusy
from headworks.pending import Pending
from headworks.policies import OutlierPolicy
from headworks.request.choose import choose
from headworks.targets.outliers import Standing
from headworks.targets.peers import ANSWERS, FAILURES, Peers
from headworks.units import MILLISECOND_NS, RequestId, SystemClock
from headworks.values import Admission, Auth, Caller, Grant, Outcome, TargetChoice
from headworks.watch.logs import Logs
from headworks.watch.metrics import Metrics
from headworks.watch.watch import LoggedWatch
from tests.fakes_providers import Time, make_call

POLICY = OutlierPolicy(least_calls=10)
CALLER = Caller("k1", "me", Auth.KEY)


class Target:
    """Answers or fails as it is told, after some time."""

    def __init__(self, name, time):
        self.name, self.time = name, time
        self.answers, self.takes_s, self.cost = b"1", 0.0, 1.0
        self.asked = 0
        self.abandoned = 0

    def start(self, call, caller_id, deadline_ns, opening):
        self.asked += 1
        pending = Pending()
        pending.on_abandon = self.abandon
        self.time.advance(self.takes_s)
        if isinstance(self.answers, Exception):
            pending.fail(self.answers)
        elif self.answers is not None:
            pending.resolve(Outcome(self.answers, self.name, "1"))
        return pending

    def abandon(self):
        self.abandoned += 1

    def predicted_wait_ns(self, rows):
        return 7

    def load(self):
        return self.cost


class House:
    """An endpoint of equals, and what is told of them."""

    def __init__(self, names="ab", weights=None, **policy):
        self.time, self.told = Time(), []
        self.peers = Peers(self.time, self.told.append)
        self.targets = {name: Target(name, self.time) for name in names}
        weights = weights or [None] * len(names)
        choices = tuple(TargetChoice(name, weight) for name, weight in zip(names, weights, strict=True))
        policy = {
            "targets": choices,
            "outliers": POLICY,
            "is_balanced": weights[0] is None,
            "timeout_s": 10.0,
            **policy,
        }
        call = make_call(self.time)
        self.endpoint = structs.replace(call.endpoint, **policy)
        self.number = 0

    def find(self, name, work=None):
        if self.targets[name] is None:
            raise ModelUnavailable
        return self.targets[name]

    def plan(self):
        self.number += 1
        call = structs.replace(make_call(self.time), endpoint=self.endpoint)
        return choose(Grant(Admission(CALLER, None), call, ()), self, self.peers, RequestId(f"r{self.number}"))

    def ask(self, name, times=1):
        for _ in range(times):
            target = self.peers.watched(self.endpoint, self.targets[name])
            asked = target.start(structs.replace(make_call(self.time), endpoint=self.endpoint), "k1", 0, None)
        return asked

    def put_out(self, name):
        self.targets[name].answers = errors.ProviderDown()
        for other in self.targets:
            if other != name:
                self.ask(other, 20)
        self.ask(name, 20)
        assert self.peers.out(self.endpoint) == {name}

    def seen(self, name):
        return next((s.calls, s.failed) for s in self.peers.states() if s.target == name)


def test_an_equal_that_is_out_is_asked_last_and_still_asked():
    house = House()
    before = {house.plan().attempts[0].name for _ in range(40)}
    house.put_out("a")
    after = {tuple(target.name for target in house.plan().attempts) for _ in range(40)}

    assert before == {"a", "b"}
    assert after == {("b", "a")}


def test_one_that_fails_quickly_is_not_asked_all_the_more_for_seeming_idle():
    def failed_first(policy):
        house, chance, failed = House("abc", outliers=policy), random.Random(5), 0
        ends = []
        for _ in range(3000):
            house.time.advance(0.005)
            for end in [end for end in ends if end[0] <= house.time.now_ns]:
                ends.remove(end)
                house.targets[end[1]].cost -= 1
            first = house.plan().attempts[0]
            target = house.targets[first.name]
            target.answers = errors.ProviderDown() if first.name == "a" and chance.random() < 0.4 else b"1"
            failed += first.start(make_call(house.time), "k1", 0, None).error is not None
            if target.answers == b"1":
                target.cost += 1
                ends.append((house.time.now_ns + 50 * MILLISECOND_NS, first.name))
        return failed

    without, with_policy = failed_first(None), failed_first(OutlierPolicy())

    assert without > 400
    assert with_policy < without / 4


def test_what_is_out_comes_before_nobody_when_no_other_is_ready():
    house = House()
    house.put_out("a")
    house.targets["b"] = None

    assert [target.name for target in house.plan().attempts] == ["a"]


def test_a_canary_that_does_much_worse_is_drawn_no_more_until_it_is_back():
    house = House("abc", weights=[50, 30, 20])
    house.put_out("c")
    out = [tuple(target.name for target in house.plan().attempts) for _ in range(300)]
    house.time.advance(31)
    back = {house.plan().attempts[0].name for _ in range(300)}

    assert {names[-1] for names in out} == {"c"}
    assert 100 < sum(names[0] == "a" for names in out) < 260
    assert back == {"a", "b", "c"}


def test_a_target_without_weight_takes_no_part():
    house = House("abc", weights=[50, 50, 0])
    house.ask("a")

    assert {state.target for state in house.peers.states()} == {"a", "b"}


def test_an_endpoint_without_a_policy_has_no_groups_and_its_targets_are_themselves():
    house = House(outliers=None)

    assert house.plan().attempts[0] in house.targets.values()
    assert house.peers.states() == []


@pytest.mark.parametrize("kind", sorted(FAILURES, key=lambda kind: kind.__name__))
def test_what_tells_of_a_broken_target_counts_against_it(kind):
    house = House()
    house.targets["a"].answers = kind()
    house.ask("a")

    assert house.seen("a") == (1, 1)


@pytest.mark.parametrize("kind", sorted(ANSWERS, key=lambda kind: kind.__name__))
def test_a_refusal_of_the_input_is_an_answer(kind):
    house = House()
    house.targets["a"].answers = kind()
    house.ask("a")

    assert house.seen("a") == (1, 0)


@pytest.mark.parametrize("error", [ProviderBusy(), Overloaded(), ModelUnavailable(), BudgetExhausted(), ClientGone()])
def test_what_tells_nothing_of_a_targets_health_is_not_counted(error):
    house = House()
    house.targets["a"].answers = error
    house.ask("a")

    assert house.seen("a") == (0, 0)


@pytest.mark.parametrize(("takes_s", "counted"), [(1.0, (0, 0)), (4.6, (1, 1))])
def test_silence_counts_only_when_it_lasted_what_the_endpoint_grants_each_target(takes_s, counted):
    house = House()
    house.targets["a"].answers, house.targets["a"].takes_s = DeadlineExceeded(), takes_s
    house.ask("a")

    assert house.seen("a") == counted


def test_a_caller_who_leaves_says_nothing_and_the_target_is_told():
    house = House()
    house.targets["a"].answers = None
    house.ask("a").abandon()

    assert house.targets["a"].abandoned == 1
    assert house.seen("a") == (0, 0)


class Flow:
    """A stream of these events; an error among them breaks it."""

    def __init__(self, *events):
        self.events, self.is_cancelled = list(events), False

    def next(self):
        pending = Pending()
        if not self.events:
            pending.resolve(None)
        elif isinstance(self.events[0], Exception):
            pending.fail(self.events.pop(0))
        elif self.events[0] != "silence":
            pending.resolve(self.events.pop(0))
        return pending

    def cancel(self):
        self.is_cancelled = True

    def billed(self):
        return None, 5


@pytest.mark.parametrize(
    ("events", "counted"),
    [
        ([b"1", b"2"], (1, 0)),
        ([b"1", errors.ProviderDown()], (1, 1)),
        ([errors.ModelCrashed()], (1, 1)),
        ([b"1", BudgetExhausted()], (0, 0)),
        ([b"1", "silence"], (0, 0)),
    ],
    ids=["whole", "breaks off", "crashes", "of ours", "left while it was silent"],
)
def test_a_stream_is_judged_once_by_how_it_ends(events, counted):
    house = House()
    pending, flow = Pending(), Flow(*events)
    pending.resolve(Outcome(b"", "a", "1", stream=flow))
    house.targets["a"].start = lambda *asked: pending
    stream = house.ask("a").result().stream
    seen = [house.seen("a")]
    while (event := stream.next()).is_done and event.error is None and event.result() is not None:
        seen.append(house.seen("a"))
    stream.cancel()

    assert stream.billed() == stream.billed() == (None, 5)
    assert set(seen) == {(0, 0)}
    assert house.seen("a") == counted
    assert flow.is_cancelled


def test_a_watched_target_answers_and_waits_as_the_target_does():
    house = House()
    watched = house.peers.watched(house.endpoint, house.targets["a"])

    assert (watched.name, watched.load(), watched.predicted_wait_ns(1)) == ("a", 1.0, 7)
    assert house.ask("a").result().body == b"1"


def test_other_targets_or_another_policy_begin_anew_and_the_same_ones_go_on():
    house = House()
    house.put_out("a")
    house.endpoint = structs.replace(house.endpoint, timeout_s=5.0)
    same = house.peers.out(house.endpoint)
    house.endpoint = structs.replace(house.endpoint, outliers=OutlierPolicy(least_calls=11))

    assert (same, house.peers.out(house.endpoint)) == ({"a"}, frozenset())


def test_versions_that_are_no_longer_published_are_forgotten():
    house = House()
    house.put_out("a")
    house.peers.keep_only([structs.replace(house.endpoint, id="other/v1")])

    assert house.peers.states() == []


def test_each_change_is_a_line_of_the_log_and_a_metric():
    written = []

    class Sink:
        def offer(self, batch):
            written.extend(map(json.loads, batch.splitlines()))
            return True

    watch, house = LoggedWatch(Metrics(), Logs(Sink(), str, SystemClock())), House()
    house.peers = Peers(house.time, tell_peers(watch))
    watch_peers(watch, house.peers)
    house.put_out("a")
    out = watch.page().decode()
    house.time.advance(31)
    back = watch.page().decode()
    watch.flush()

    assert 'headworks_target_out{endpoint="mood/v1",target="a"} 1' in out
    assert 'headworks_target_out{endpoint="mood/v1",target="a"} 0' in back
    assert 'headworks_target_ejections_total{endpoint="mood/v1",target="a"} 1' in back
    assert [(line["event"], line["target"], line["endpoint"]) for line in written] == [
        ("target_out", "a", "mood/v1"),
        ("target_back", "a", "mood/v1"),
    ]
    assert (written[0]["failed_share"], written[0]["others_failed_share"], written[0]["out_s"]) == (1.0, 0.0, 30.0)


def test_every_standing_has_its_line():
    assert set(LINES) == set(Standing)
