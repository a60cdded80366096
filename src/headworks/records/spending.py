"""Money beside the record: what attempts may cost, what accounts have spent, what services were used for.

Everything is written in the transaction of the opened or closed row that it comes from, so neither a crash nor a restart
makes the sums drift from the rows. A call that a crash cut off is charged what it held.
"""

from __future__ import annotations

from collections.abc import Iterable

import apsw

from headworks.pending import Pending
from headworks.ports import Entry
from headworks.records.detail import numbers_text
from headworks.records.sealing import Put
from headworks.stores.queries import load_queries
from headworks.stores.work import Item
from headworks.units import iso_time
from headworks.values import Reservation, Usage

OUTSIDE = "/"
"""What the name of a target outside has in it."""
_NOTHING = Usage()


class Reserve(Item):
    """One more attempt of a call under way."""

    __slots__ = ("reservation", "seq")

    def __init__(self, pending: Pending[None], seq: int, reservation: Reservation) -> None:
        super().__init__(pending)
        self.seq = seq
        self.reservation = reservation


class Spending:
    """Writes the tables of spending.sql.

    Safe under: the writer's thread.
    """

    def __init__(self) -> None:
        self._sql = load_queries(__package__, "spending.sql")
        self._may_hold = False  # a stream of an own model holds nothing, and need not be asked about

    def create(self, connection: apsw.Connection) -> None:
        """Create what is missing."""
        connection.execute(self._sql["create"])
        self._may_hold = bool(connection.execute(self._sql["is_holding"]).get)

    def write(self, connection: apsw.Connection, puts: Iterable[Put], reserves: Iterable[Reserve]) -> None:
        """What these rows and attempts mean for the sums."""
        for put in puts:
            if put.kind == "opened" and put.entry.reservation is not None:
                self._hold(connection, put.seq, put.entry.reservation)
        for item in reserves:
            self._hold(connection, item.seq, item.reservation)
        closed = {put.refers_to: put.entry for put in puts if put.kind == "closed" and put.refers_to is not None}
        if closed and self._may_hold:
            self._settle(connection, closed)
        for entry in closed.values():
            self._use(connection, entry)

    def _hold(self, connection: apsw.Connection, seq: int, reservation: Reservation) -> None:
        self._may_hold = True
        for account, period in reservation.budgets:
            held = (seq, reservation.number, account, period, reservation.micros or 0)
            connection.execute(self._sql["reserve"], held)

    def _settle(self, connection: apsw.Connection, closed: dict[int, Entry]) -> None:
        numbers = numbers_text(closed)
        held = list(connection.execute(self._sql["reserved_of"], (numbers,)))
        if not held:
            return
        settled = {
            (seq, each.reservation.number): each.micros for seq, entry in closed.items() for each in entry.settled
        }
        for seq, number, account, period, micros in held:
            cost = settled.get((seq, number))
            connection.execute(self._sql["spend"], (account, period, micros if cost is None else cost))
        connection.execute(self._sql["free"], (numbers,))

    def _use(self, connection: apsw.Connection, entry: Entry) -> None:
        target = (
            entry.target if OUTSIDE in entry.target else entry.settled[-1].reservation.service if entry.settled else ""
        )
        if not target:
            return
        usage, day = entry.usage or _NOTHING, iso_time(entry.at_wall_ns)[:10]
        counts = (
            usage.input_tokens,
            usage.cached_tokens,
            usage.output_tokens,
            usage.reasoning_tokens,
            usage.images,
            usage.characters,
        )
        connection.execute(
            self._sql["use"],
            (
                day, entry.caller_id, entry.endpoint, entry.version, target, int(entry.outcome != "ok"),
                *(count or 0 for count in counts), usage.seconds or 0.0, entry.cost_micros or 0,
                int(entry.cost_micros is None),
            ),
        )  # fmt: skip
