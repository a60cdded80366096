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
from headworks.stores.rows import RowInsert
from headworks.stores.work import Item
from headworks.units import SECOND_NS, iso_time
from headworks.values import Reservation, Usage

OUTSIDE = "/"
"""What the name of a target outside has in it."""
DAY_NS = 86_400 * SECOND_NS
_NOTHING = Usage()
_NO_USE = (0,) * 11


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
        self._reserve = RowInsert(self._sql["reserve"])
        self._may_hold = False  # a stream of an own model holds nothing, and need not be asked about

    def create(self, connection: apsw.Connection) -> None:
        """Create what is missing."""
        connection.execute(self._sql["create"])
        self._may_hold = bool(connection.execute(self._sql["is_holding"]).get)

    def write(self, connection: apsw.Connection, puts: Iterable[Put], reserves: Iterable[Reserve]) -> None:
        """What these rows and attempts mean for the sums."""
        held = [(put.seq, put.entry.reservation) for put in puts if put.kind == "opened"]
        held += [(item.seq, item.reservation) for item in reserves]
        self._hold(connection, held)
        closed = {put.refers_to: put.entry for put in puts if put.kind == "closed" and put.refers_to is not None}
        if closed and self._may_hold:
            self._settle(connection, closed)
        self._use(connection, closed.values())

    def _hold(self, connection: apsw.Connection, held: Iterable[tuple[int, Reservation | None]]) -> None:
        rows = [
            (seq, reservation.number, account, period, reservation.micros or 0)
            for seq, reservation in held
            if reservation is not None
            for account, period in reservation.budgets
        ]
        if rows:
            self._may_hold = True
            self._reserve.insert(connection, rows)

    def _settle(self, connection: apsw.Connection, closed: dict[int, Entry]) -> None:
        numbers = numbers_text(closed)
        held = list(connection.execute(self._sql["reserved_of"], (numbers,)))
        if not held:
            return
        settled = {
            (seq, each.reservation.number): each.micros for seq, entry in closed.items() for each in entry.settled
        }
        spent: dict[tuple[str, str], int] = {}
        for seq, number, account, period, micros in held:
            cost = settled.get((seq, number))
            spent[account, period] = spent.get((account, period), 0) + (micros if cost is None else cost)
        for (account, period), micros in spent.items():
            connection.execute(self._sql["spend"], (account, period, micros))
        connection.execute(self._sql["free"], (numbers,))

    def _use(self, connection: apsw.Connection, entries: Iterable[Entry]) -> None:
        """One statement for all the calls of a day that are alike in caller, version and target."""
        sums: dict[tuple[int, str, str, int, str], list[float]] = {}
        for entry in entries:
            target = _service_of(entry)
            if target:
                key = (entry.at_wall_ns // DAY_NS, entry.caller_id, entry.endpoint, entry.version, target)
                sums[key] = [a + b for a, b in zip(sums.get(key, _NO_USE), _used(entry), strict=True)]
        for (day, *alike), (calls, failed, *counts, seconds, micros, unpriced) in sums.items():
            named = (iso_time(day * DAY_NS)[:10], *alike)
            whole = map(int, (calls, failed, *counts))
            connection.execute(self._sql["use"], (*named, *whole, seconds, int(micros), int(unpriced)))


def _service_of(entry: Entry) -> str:
    """The service outside that a call used; empty for a call that asked none: of our own models, or given a kept answer."""
    if not entry.settled:
        return ""
    return entry.target if OUTSIDE in entry.target else entry.settled[-1].reservation.service


def _used(entry: Entry) -> tuple[float, ...]:
    """What one call adds to each sum, in the order of the table."""
    usage = entry.usage or _NOTHING
    return (
        1, entry.outcome != "ok", usage.input_tokens or 0, usage.cached_tokens or 0, usage.output_tokens or 0,
        usage.reasoning_tokens or 0, usage.images or 0, usage.characters or 0, usage.seconds or 0.0,
        entry.cost_micros or 0, entry.cost_micros is None,
    )  # fmt: skip
