"""Answers to similar questions: given to their owner alone, never kept as another's, and never in the way of a call."""

import pytest
from msgspec import json, structs

from headworks.cache.answers import CachedAnswers
from headworks.cache.similar import FAILED_IN_A_ROW, REST_S
from headworks.costs import Given, Usage
from headworks.errors import ContractViolation, DeadlineExceeded, Overloaded, ProviderDown
from headworks.pending import Pending
from headworks.policies import CachePolicy, SemanticPolicy
from headworks.ports import Embedded
from headworks.request.freshness import freshness
from headworks.values import Outcome, TargetChoice
from tests.fakes_providers import Time, make_call

POLICY = CachePolicy(60, 600, SemanticPolicy(threshold=0.9, apart=frozenset({"not"})))
VECTORS = {
    "cancel?": [1.0, 0.0, 0.0, 0.0],
    "how to cancel?": [1.0, 0.1, 0.0, 0.0],
    "may I stop it?": [1.0, 0.4, 0.0, 0.0],
    "not cancel?": [1.0, 0.0, 0.0, 0.0],
    "refund?": [0.0, 1.0, 0.0, 0.0],
}


class House:
    """A chat with a cache that compares, and what makes its vectors."""

    def __init__(self):
        self.time = Time()
        self.answers = CachedAnswers(bytes(32), self.time, self.time)
        self.ran, self.embedded = [], []
        self.says = None
        self.space = "letters\n1"

    def call(self, text="cancel?", wishes=None, policy=POLICY, media="application/json", system="Be kind.", **changes):
        turns = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        call = make_call(self.time, json.encode({"messages": turns}), media=media)
        endpoint = structs.replace(call.endpoint, cache=policy, task="chat")
        return structs.replace(call, **{"endpoint": endpoint, "freshness": freshness(wishes), **changes})

    def embed(self, text):
        self.embedded.append(text)
        pending = Pending()
        if isinstance(self.says, Exception):
            pending.fail(self.says)
        elif self.says is None:
            pending.resolve(Embedded(self.space, VECTORS[text]))
        elif self.says != "nothing":
            pending.resolve(Embedded(self.space, self.says))
        return pending

    def start(self, call, owner="key:k1"):
        text = json.decode(call.payload.document)["messages"][-1]["content"]

        def work():
            self.ran.append(text)
            pending = Pending()
            answer = json.encode({"answer": text})
            pending.resolve(Outcome(answer, "up/chat", "v", usage=Usage(output_tokens=3), cost_micros=30))
            return pending

        return self.answers.answered(call, owner, work, self.embed)

    def ask(self, text="cancel?", owner="key:k1", **changes):
        return self.start(self.call(text, **changes), owner).result()

    def how(self, *asked, **changes):
        return dict(self.ask(*asked, **changes).headers).get("Headworks-Cache")


@pytest.fixture
def house():
    return House()


def test_a_similar_question_is_given_the_kept_answer_and_told_how_similar(house):
    first = house.ask("cancel?")
    house.time.advance(5)
    near = house.ask("how to cancel?")

    assert near.body == first.body == b'{"answer":"cancel?"}'
    assert near.headers == (("Headworks-Cache", "semantic"), ("Headworks-Cache-Similarity", "0.9950"), ("Age", "5"))
    assert near.given == Given("semantic", 0.995)
    assert (near.target, near.usage, near.cost_micros, near.attempts) == ("up/chat", None, 0, 0)
    assert house.ran == ["cancel?"]
    assert house.answers.similar.hits == 1


def test_the_same_question_needs_no_vector(house):
    house.ask("cancel?")
    again = house.ask("cancel?")

    assert dict(again.headers)["Headworks-Cache"] == "hit"
    assert house.embedded == ["cancel?"]


def test_another_question_is_asked_of_the_targets(house):
    house.ask("cancel?")

    assert house.ask("refund?").body == b'{"answer":"refund?"}'
    assert house.how("may I stop it?", policy=CachePolicy(60, 0, SemanticPolicy(threshold=0.99))) == "miss"


def test_what_is_similar_to_something_similar_is_not_given_its_answer(house):
    house.ask("cancel?")
    house.how("how to cancel?")
    policy = CachePolicy(60, 0, SemanticPolicy(threshold=0.94))
    far = house.ask("may I stop it?", policy=policy)

    assert far.body == b'{"answer":"may I stop it?"}'
    assert house.ran == ["cancel?", "may I stop it?"]


def test_a_similar_answer_is_not_kept_as_the_answer_to_the_question_it_was_given_to(house):
    house.ask("cancel?")
    ways = [house.how("how to cancel?") for _ in range(2)]
    house.time.advance(59)
    still = house.how("how to cancel?")
    house.time.advance(2)

    assert (ways, still) == (["semantic", "semantic"], "semantic")
    assert house.how("how to cancel?") == "miss"


def test_a_word_that_tells_questions_apart_does(house):
    house.ask("cancel?")

    assert house.how("not cancel?") == "miss"


def test_vectors_of_another_model_or_of_other_dimensions_are_never_compared(house):
    house.ask("cancel?")
    house.space = "letters\n2"
    other_model = house.how("how to cancel?")
    house.space = "letters\n1"
    house.says = [1.0, 0.1]

    assert (other_model, house.how("may I stop it?")) == ("miss", "miss")


@pytest.mark.parametrize(
    "says",
    [[], [0.0] * 4, [float("nan")] * 4, [float("inf"), 1.0], [1e308] * 4, [1.0] * 9000],
    ids=["empty", "zeros", "no numbers", "infinite", "overflowing", "endless"],
)
def test_a_vector_without_direction_is_no_vector(house, says):
    house.says = says

    assert [house.how("cancel?"), house.how("how to cancel?")] == ["miss", "miss"]
    assert house.answers.similar.failed == 2
    assert len(house.answers.similar.nearest) == 0


def test_who_pays_whom_is_another_question(house):
    for text in ("from Ann to Bob", "from Bob to Ann", "FROM Ann, to Bob!"):
        VECTORS[text] = [1.0, 0.0, 0.0, 0.0]
    house.ask("from Ann to Bob")

    assert house.how("from Bob to Ann") == "miss"
    assert house.how("FROM Ann, to Bob!") == "semantic"


@pytest.mark.parametrize("error", [ProviderDown(), Overloaded(), DeadlineExceeded(), ContractViolation()])
def test_without_a_vector_the_call_simply_goes_on(house, error):
    house.says = error

    assert house.ask("cancel?").body == b'{"answer":"cancel?"}'
    assert house.how("cancel?") == "hit"


def test_what_fails_several_times_is_left_alone_for_a_while(house):
    house.says = ProviderDown()
    for number in range(FAILED_IN_A_ROW + 5):
        house.ask("cancel?", system=str(number))
    resting = len(house.embedded)
    house.says = None
    house.time.advance(REST_S)
    house.ask("cancel?")
    house.ask("refund?")

    assert resting == FAILED_IN_A_ROW
    assert len(house.embedded) == FAILED_IN_A_ROW + 2


def test_a_caller_who_leaves_while_the_vector_is_made_ends_the_call(house):
    house.says = "nothing"
    house.start(house.call()).abandon()

    assert len(house.embedded) == 1
    assert house.ran == []
    assert house.answers.similar.failed == 0


def test_calls_that_wait_for_the_same_question_are_given_what_the_first_was_given(house):
    house.ask("cancel?")
    held = Pending()
    house.embed = lambda text: held
    asked = [house.start(house.call("how to cancel?")) for _ in range(3)]
    held.resolve(Embedded(house.space, VECTORS["how to cancel?"]))

    assert {dict(each.result().headers)["Headworks-Cache"] for each in asked} == {"semantic"}
    assert house.ran == ["cancel?"]


def test_a_stream_is_given_a_similar_answer_and_its_own_is_not_kept(house):
    streamed = {"media": "text/event-stream"}
    first = house.ask("cancel?")

    assert house.ask("how to cancel?", **streamed).body == first.body
    assert house.how("how to cancel?", **streamed) == "semantic"


def test_an_endpoint_that_does_not_ask_for_it_makes_no_vectors(house):
    house.how("cancel?", policy=CachePolicy(60))

    assert house.how("how to cancel?", policy=CachePolicy(60)) == "miss"
    assert house.embedded == []


def test_of_calls_alike_but_for_the_question_so_many_are_kept_and_an_answer_that_is_gone_is_not_given(house):
    few = CachePolicy(60, 0, SemanticPolicy(threshold=0.9, entries=1))
    for text in ("refund?", "cancel?"):
        house.ask(text, policy=few)
    kept = len(house.answers.similar.nearest)
    near = house.how("how to cancel?", policy=few)
    house.answers.store.clear()

    assert (kept, near) == (1, "semantic")
    assert house.how("how to cancel?", policy=few) == "miss"


def test_a_question_whose_answer_is_gone_stands_in_no_others_way(house):
    house.ask("cancel?")
    house.answers.store.clear()
    again = house.how("how to cancel?")
    house.time.advance(5)
    too_old = house.how("cancel?", wishes="max-age=3")

    assert (again, too_old) == ("miss", "miss")
    assert len(house.answers.similar.nearest) == len(house.answers.store) == 2


def test_other_targets_answer_for_themselves(house):
    house.ask("cancel?")
    call = house.call("how to cancel?")
    moved = structs.replace(call, endpoint=structs.replace(call.endpoint, targets=(TargetChoice("up/other"),)))

    assert dict(house.start(moved).result().headers)["Headworks-Cache"] == "miss"
