"""What the loop has for the writer's thread, handed over together: a commit is dear whatever is in it, and so is a wake-up.

Several items that came in one round of the loop wait while each round brings more, and no longer; a lone one never waits.
So a busy loop and the writer take turns, each with all that the other left for it, instead of taking the interpreter and,
on one core, the caches from each other in the middle of their work. Items that nobody waits for go with the next that
somebody does, or after a while.
"""

from __future__ import annotations

from collections.abc import Callable

from headworks.stores.work import Item, Scheduling
from headworks.units import MILLISECOND_NS, Clock

MOST_GATHERED = 128
LONGEST_NS = 4 * MILLISECOND_NS
"""For how long rounds that each bring more may go on."""
IDLE_S = 0.01
"""For how long what nobody waits for is left."""


class Gathering:
    """Takes items, and gives them on in lists, in the order they came.

    Without `scheduling` each is given on at once.
    Safe under: the loop's thread.
    """

    __slots__ = ("_clock", "_give_on", "_is_looking", "_is_timed", "_items", "_scheduling", "_seen", "_until_ns")

    def __init__(self, give_on: Callable[[list[Item]], None], scheduling: Scheduling | None, clock: Clock) -> None:
        self._give_on = give_on
        self._scheduling = scheduling
        self._clock = clock
        self._items: list[Item] = []
        self._is_looking = self._is_timed = False
        self._seen = 0
        self._until_ns = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be given on."""
        return not self._items

    def add(self, item: Item) -> None:
        """Take one more that somebody waits for."""
        self._items.append(item)
        if self._scheduling is None:
            self.give_on()
        elif not self._is_looking:
            self._is_looking = True
            self._seen = len(self._items)
            self._until_ns = 0
            self._scheduling.soon(self._look)

    def add_idle(self, items: list[Item]) -> None:
        """Take some that nobody waits for."""
        self._items += items
        if self._scheduling is None or len(self._items) >= MOST_GATHERED:
            self.give_on()
        elif not self._is_timed:
            self._is_timed = True
            self._scheduling.later(IDLE_S, self._idled)

    def give_on(self) -> None:
        """Give on what is there."""
        if self._items:
            items, self._items = self._items, []
            self._give_on(items)

    def _idled(self) -> None:
        self._is_timed = False
        self.give_on()

    def _look(self) -> None:
        """A round is over: give on, unless it brought more."""
        count = len(self._items)
        if self._scheduling is not None and self._seen < count < MOST_GATHERED:
            now_ns = self._clock.monotonic_ns()
            self._until_ns = self._until_ns or now_ns + LONGEST_NS
            if now_ns < self._until_ns:
                self._seen = count
                self._scheduling.soon(self._look)
                return
        self._is_looking = False
        self.give_on()
