"""What the loop has for the writer's thread, handed over together: a commit is dear whatever is in it, and so is a wake-up.

Several items that came in one round of the loop wait while each round brings more, and no longer; a lone one never waits.
So a busy loop and the writer take turns, each with all that the other left for it, instead of taking the interpreter and,
on one core, the caches from each other in the middle of their work.
"""

from __future__ import annotations

from collections.abc import Callable

from headworks.stores.work import Item, Post
from headworks.units import MILLISECOND_NS, Clock

MOST_GATHERED = 128
LONGEST_NS = 4 * MILLISECOND_NS
"""For how long rounds that each bring more may go on."""


class Gathering:
    """Takes items, and gives them on in lists.

    `soon` runs a callable in the loop's next round; without it each item is given on at once.
    Safe under: the loop's thread.
    """

    __slots__ = ("_clock", "_give_on", "_items", "_seen", "_soon", "_until_ns")

    def __init__(self, give_on: Callable[[list[Item]], None], soon: Post | None, clock: Clock) -> None:
        self._give_on = give_on
        self._soon = soon
        self._clock = clock
        self._items: list[Item] = []
        self._seen = 1
        self._until_ns = 0

    def add(self, item: Item) -> None:
        """Take one more."""
        self._items.append(item)
        if self._soon is None:
            self.give_on()
        elif len(self._items) == 1:
            self._soon(self._look)

    def give_on(self) -> None:
        """Give on what is there."""
        self._seen = 1
        if self._items:
            items, self._items = self._items, []
            self._give_on(items)

    def _look(self) -> None:
        """A round is over: give on, unless it brought more."""
        count = len(self._items)
        if not self._seen < count < MOST_GATHERED:
            self.give_on()
            return
        now_ns = self._clock.monotonic_ns()
        if self._seen == 1:
            self._until_ns = now_ns + LONGEST_NS
        if self._soon is None or now_ns >= self._until_ns:
            self.give_on()
            return
        self._seen = count
        self._soon(self._look)
