"""Kept answers as a machine: whoever asks what in whatever order, nobody is given what is not theirs, too old or forgotten."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec import json

from headworks.errors import ProviderDown
from headworks.pending import Pending
from headworks.ports import Embedded
from headworks.values import Outcome
from tests.unit.cache.test_similar import POLICY, VECTORS, House

OWNERS = st.sampled_from(["key:k1", "tenant:k1"])
PEOPLE = st.sampled_from([None, "ada"])
SYSTEMS = st.sampled_from(["Be kind.", "Be rude."])
TEXTS = st.sampled_from(["cancel?", "how to cancel?", "may I stop it?", "not cancel?", "refund?"])
WISHES = st.sampled_from([None, None, "max-age=5", "max-age=5", "no-cache", "no-store"])
MAY_READ = {None: 60, "max-age=5": 5}


class KeptAnswers(RuleBasedStateMachine):
    """Every answer says for whom it was made, when, and after how many erasures."""

    def __init__(self):
        super().__init__()
        self.house = House()
        self.house.embed = self.embed
        self.given = []
        self.erased = dict.fromkeys([None, "ada"], 0)
        self.vectors = "fine"

    def embed(self, text):
        pending = Pending()
        if self.vectors == "failing":
            pending.fail(ProviderDown())
        elif self.vectors == "zeros":
            pending.resolve(Embedded("m", [0.0] * 4))
        else:
            pending.resolve(Embedded(self.vectors, VECTORS[text]))
        return pending

    @rule(owner=OWNERS, subject=PEOPLE, system=SYSTEMS, text=TEXTS, wishes=WISHES)
    def ask(self, owner, subject, system, text, wishes):
        now_s = self.house.time.now_ns // 10**9
        made = {
            "owner": owner, "subject": subject, "system": system, "text": text, "at_s": now_s,
            "erased": self.erased[subject], "vectors": self.vectors,
        }  # fmt: skip

        def work():
            pending = Pending()
            pending.resolve(Outcome(json.encode(made), "up/chat", "v"))
            return pending

        call = self.house.call(text, wishes, subject=subject, system=system)
        outcome = self.house.answers.answered(call, owner, work, self.embed).result()
        self.given.append((made, wishes, json.decode(outcome.body), dict(outcome.headers).get("Headworks-Cache")))

    @rule(s=st.sampled_from([1, 6, 6, 30, 61]))
    def time_passes(self, s):
        self.house.time.advance(s)

    @rule()
    def forget(self):
        self.house.answers.forget_subject("ada")
        self.erased["ada"] += 1
        left = [entry for place in self.house.answers.similar.nearest._places.values() for entry in place.values()]
        assert not any(entry.subject == "ada" for entry in left)

    @rule()
    def clear(self):
        self.house.answers.clear()
        self.erased = {subject: count + 1 for subject, count in self.erased.items()}

    @rule(how=st.sampled_from(["fine", "fine", "another model", "failing", "zeros"]))
    def vectors_become(self, how):
        self.vectors = how

    @invariant()
    def an_answer_is_for_who_asked_and_fresh_enough(self):
        for asked, wishes, answer, how in self.given:
            assert all(answer[name] == asked[name] for name in ("owner", "subject", "system", "erased"))
            assert how in {"hit", "miss", "semantic", None}
            if how in {"hit", "semantic"}:
                assert asked["at_s"] - answer["at_s"] <= MAY_READ[wishes]
            else:
                assert answer == asked
        self.given.clear()

    @invariant()
    def what_was_similar_was_near_and_of_one_model(self):
        nearest, store = self.house.answers.similar.nearest, self.house.answers.store

        assert sum(map(len, nearest._places.values())) == len(nearest)
        assert len(store) <= 2 * 2 * 2 * 5

    def teardown(self):
        assert POLICY.fresh_s == MAY_READ[None]


class Near(KeptAnswers):
    """The same, looking at what was taken for similar."""

    @invariant()
    def an_answer_is_for_who_asked_and_fresh_enough(self):
        for asked, _, answer, how in self.given:
            if how == "hit":
                assert answer["text"] == asked["text"]
            if how == "semantic":
                assert answer["text"] != asked["text"]
                assert answer["vectors"] == asked["vectors"] not in {"failing", "zeros"}
                assert ("not" in answer["text"]) == ("not" in asked["text"])
                assert cosine(VECTORS[answer["text"]], VECTORS[asked["text"]]) >= POLICY.semantic.threshold
        self.given.clear()


def cosine(one, other):
    lengths = [sum(number * number for number in vector) ** 0.5 for vector in (one, other)]
    return sum(a * b for a, b in zip(one, other, strict=True)) / (lengths[0] * lengths[1])


TestKeptAnswers, TestNear = KeptAnswers.TestCase, Near.TestCase
TestKeptAnswers.settings = TestNear.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
