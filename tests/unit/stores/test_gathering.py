"""Items gathered over rounds of a loop that the test rounds by hand."""

import pytest

from headworks.pending import Pending
from headworks.stores.gathering import LONGEST_NS, MOST_GATHERED, Gathering
from headworks.stores.work import Item, Scheduling


class Rounds:
    """A loop's next round, and the clock."""

    def __init__(self):
        self.soon = []
        self.later = []
        self.now_ns = 0
        self.given = []
        self.gathering = Gathering(self.given.append, Scheduling(self.soon.append, self._later), self)

    def _later(self, s, callback):
        self.later.append((s, callback))

    def monotonic_ns(self):
        return self.now_ns

    def bring(self, count):
        for _ in range(count):
            self.gathering.add(Item(Pending()))

    def turn(self):
        due, self.soon[:] = list(self.soon), ()
        for each in due:
            each()

    @property
    def sizes(self):
        return [len(items) for items in self.given]


@pytest.fixture
def rounds():
    return Rounds()


def test_a_lone_item_is_given_on_in_the_next_round(rounds):
    rounds.bring(1)
    rounds.turn()

    assert rounds.sizes == [1]
    assert not rounds.soon


def test_several_wait_for_as_long_as_each_round_brings_more(rounds):
    for count in (3, 2, 1):
        rounds.bring(count)
        rounds.turn()
    before = list(rounds.sizes)
    rounds.turn()

    assert before == []
    assert rounds.sizes == [6]
    assert not rounds.soon


def test_nothing_waits_once_there_are_enough(rounds):
    rounds.bring(MOST_GATHERED)
    rounds.turn()

    assert rounds.sizes == [MOST_GATHERED]


def test_rounds_that_each_bring_more_go_on_only_so_long(rounds):
    rounds.bring(2)
    rounds.turn()
    rounds.now_ns += LONGEST_NS
    rounds.bring(1)
    rounds.turn()

    assert rounds.sizes == [3]


def test_what_is_given_on_ahead_of_its_round_is_given_on_once(rounds):
    rounds.bring(2)
    rounds.turn()
    rounds.gathering.give_on()
    rounds.turn()
    rounds.bring(1)
    rounds.turn()

    assert rounds.sizes == [2, 1]


def test_without_rounds_each_is_given_on_at_once():
    given = []
    gathering = Gathering(given.append, None, Rounds())
    gathering.add(Item(Pending()))
    gathering.add(Item(Pending()))

    assert [len(items) for items in given] == [1, 1]
