"""A call that was asked before: given again to its owner, to nobody else, and never against the caller's word."""

import pytest
from msgspec import structs

from headworks.cache.answers import CachedAnswers
from headworks.costs import Usage
from headworks.errors import ProviderDown
from headworks.pending import Pending
from headworks.policies import CachePolicy, Freshness
from headworks.request.freshness import freshness
from headworks.values import Outcome, TargetChoice
from tests.fakes_providers import Time, make_call

POLICY = CachePolicy(fresh_s=60, stale_s=600)


class House:
    def __init__(self):
        self.time = Time()
        self.answers = CachedAnswers(bytes(32), self.time, self.time)
        self.ran = 0
        self.outcome = Outcome(b'{"label": "1"}', "up/echo", "v", usage=Usage(output_tokens=3), cost_micros=30)

    def call(self, document=b'"hello"', policy=POLICY, wishes=None, **changes):
        call = make_call(self.time, document)
        endpoint = structs.replace(call.endpoint, cache=policy)
        return structs.replace(call, endpoint=endpoint, freshness=freshness(wishes), **changes)

    def work(self):
        self.ran += 1
        pending = Pending()
        if isinstance(self.outcome, Exception):
            pending.fail(self.outcome)
        else:
            pending.resolve(self.outcome)
        return pending

    def ask(self, call=None, owner="key:k1"):
        return self.answers.answered(call or self.call(), owner, self.work, None)

    def how(self, *asked, **named):
        return dict(self.ask(*asked, **named).result().headers)["Headworks-Cache"]


@pytest.fixture
def house():
    return House()


def test_the_same_call_is_answered_from_memory_and_costs_nothing(house):
    first = house.ask().result()
    house.time.advance(5)
    again = house.ask().result()

    assert (first.usage.output_tokens, first.cost_micros) == (3, 30)
    assert (again.body, again.target, again.model_version) == (first.body, first.target, first.model_version)
    assert (again.usage, again.cost_micros, again.attempts) == (None, 0, 0)
    assert again.headers == (("Headworks-Cache", "hit"), ("Age", "5"))
    assert house.ran == 1


def test_an_endpoint_that_does_not_ask_for_it_has_no_cache(house):
    for _ in range(2):
        house.ask(house.call(policy=None))

    assert house.ran == 2


@pytest.mark.parametrize("owner", ["key:k2", "tenant:k1", "key:k1 "])
def test_nobody_is_given_anothers_answer(house, owner):
    house.ask()

    assert house.how(owner=owner) == "miss"


@pytest.mark.parametrize(
    "changes",
    [{"document": b'"hello "'}, {"document": b'"Hello"'}, {"subject": "ada"}],
)
def test_another_input_or_person_is_another_call(house, changes):
    house.ask()

    assert house.how(house.call(**changes)) == "miss"


def test_fields_beside_the_json_and_the_form_of_the_input_are_part_of_it(house):
    call = house.call()
    payloads = [
        structs.replace(call.payload, blobs=(("a", b"bc"),)),
        structs.replace(call.payload, blobs=(("ab", b"c"),)),
        structs.replace(call.payload, is_array=True),
    ]

    assert [house.how(structs.replace(call, payload=payload)) for payload in (call.payload, *payloads)] == ["miss"] * 4


def test_another_version_or_other_targets_answer_for_themselves(house):
    house.ask()
    call = house.call()
    later = structs.replace(call, endpoint=structs.replace(call.endpoint, version=2, id="mood/v2"))
    moved = structs.replace(call, endpoint=structs.replace(call.endpoint, targets=(TargetChoice("up/other"),)))

    assert [house.how(later), house.how(moved)] == ["miss", "miss"]


def test_an_answer_older_than_the_endpoint_says_is_not_fresh(house):
    house.ask()
    house.time.advance(61)

    assert house.how() == "miss"


@pytest.mark.parametrize(("wishes", "again", "after"), [("no-store", "none", "miss"), ("no-cache", "none", "hit")])
def test_the_callers_word_counts(house, wishes, again, after):
    asked = house.ask(house.call(wishes=wishes)).result()

    assert house.ran == 1
    assert (dict(asked.headers).get("Headworks-Cache", "none") == "miss") == (wishes == "no-cache")
    assert house.how() == after


def test_a_caller_may_ask_for_a_younger_answer(house):
    house.ask()
    house.time.advance(10)

    assert house.how(house.call(wishes="max-age=10")) == "hit"
    assert house.how(house.call(wishes="max-age=9")) == "miss"


def test_a_failure_is_never_kept(house):
    house.outcome = ProviderDown()
    failed = house.ask()
    house.outcome = Outcome(b"{}", "up/echo", "v")

    assert isinstance(failed.error, ProviderDown)
    assert house.how() == "miss"


@pytest.mark.parametrize("changes", [{"degraded": "fallback"}, {"status": 404}, {"stream": object()}])
def test_what_is_less_than_a_full_answer_is_never_kept(house, changes):
    house.outcome = structs.replace(house.outcome, **changes)
    house.ask()
    house.ask()

    assert house.ran == 2


def test_a_stream_is_given_a_kept_answer_but_not_kept_itself(house):
    streaming = structs.replace(house.call(), reply_media="text/event-stream")
    house.ask()

    assert house.how(streaming) == "hit"


def test_when_nothing_else_answers_an_old_answer_stands_in(house):
    house.ask()
    house.time.advance(300)
    call = house.call()

    assert house.answers.instead(call, "key:k1").degraded == "cached"
    assert dict(house.answers.instead(call, "key:k1").headers)["Age"] == "300"
    assert house.answers.instead(call, "key:k2") is None
    assert house.answers.instead(house.call(wishes="no-cache"), "key:k1") is None
    house.time.advance(400)
    assert house.answers.instead(call, "key:k1") is None


def test_identical_calls_at_once_run_once(house):
    waiting = Pending()
    works = [lambda: waiting, house.work, house.work]
    calls = [house.answers.answered(house.call(), "key:k1", work, None) for work in works]
    waiting.resolve(house.outcome)

    assert house.ran == 0
    assert [call.result().cost_micros for call in calls] == [30, 0, 0]
    assert dict(calls[1].result().headers)["Headworks-Cache"] == "shared"


def test_calls_of_others_or_against_the_callers_word_do_not_wait_for_them(house):
    waiting = Pending()
    house.answers.answered(house.call(), "key:k1", lambda: waiting, None)

    assert house.ask(owner="key:k2").is_done
    assert house.ask(house.call(wishes="no-cache")).is_done
    assert house.ask(house.call(wishes="no-store")).is_done


def test_a_new_model_answers_for_itself(house):
    house.ask()
    house.answers.clear()

    assert house.how() == "miss"


@pytest.mark.parametrize(
    ("header", "wishes"),
    [
        (None, None),
        ("", None),
        ("public", None),
        ("No-Store", Freshness(may_read=False, may_keep=False)),
        ("max-age=5, no-store", Freshness(may_read=False, may_keep=False)),
        ("no-cache", Freshness(may_read=False)),
        ("max-age=0", Freshness(may_read=False)),
        (" Max-Age = 30 ", Freshness(max_age_s=30.0)),
        ("max-age=30,max-age=3", Freshness(max_age_s=3.0)),
        ("max-age=-1", Freshness(may_read=False)),
        ("max-age=never", Freshness(may_read=False)),
        ("max-age", Freshness(may_read=False)),
        ("max-age=99999999999999", Freshness(may_read=False)),
    ],
)
def test_cache_control_is_read_on_the_safe_side(header, wishes):
    assert freshness(header) == wishes


@pytest.mark.parametrize("drop", [CachedAnswers.clear, lambda answers: answers.forget_subject("ada")])
def test_an_answer_under_way_when_answers_are_dropped_is_given_but_not_kept(house, drop):
    running = Pending()
    call = house.call(subject="ada")
    asked = house.answers.answered(call, "key:k1", lambda: running, None)
    drop(house.answers)
    running.resolve(house.outcome)

    assert asked.result().body == house.outcome.body
    assert len(house.answers.store) == 0
    assert house.how(house.call(subject="ada")) == "miss"
    assert house.how(house.call(subject="ada")) == "hit"
