"""When connections are begun: a few in each round of the loop, however many are wanted at once."""

from __future__ import annotations

import asyncio
from collections import deque

MOST_A_ROUND = 2


class Turns:
    """Lets few dials begin in a round of the loop, in the order in which they came.

    What a round writes leaves at its end. Of many handshakes in step none would send its request before the last was
    through; begun in turn, the first are answered while the last begin.
    Cost: the round before is waited for, no time. Safe under: one thread.
    """

    __slots__ = ("_begun", "_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def mine(self) -> None:
        """Come back when it is one's turn: at once where this round has begun few."""
        if self._begun == MOST_A_ROUND:
            turn = self._loop.create_future()
            self._waiting.append(turn)
            await turn
            return
        self._begin()

    def _begin(self) -> None:
        if not self._begun:
            self._loop.call_soon(self._next_round)
        self._begun += 1

    def _next_round(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < MOST_A_ROUND:
            turn = self._waiting.popleft()
            if not turn.done():  # else its dial was cancelled
                turn.set_result(None)
                self._begin()
