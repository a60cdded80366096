"""Money beside the record: what attempts may cost, what accounts have spent, what services were used for.

Everything is written in the transaction of the opened or closed row that it comes from, so neither a crash nor a restart
makes the sums drift from the rows. A call that a crash cut off is charged what it held; an attempt that had ended by then,
what it had come to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import apsw
from msgspec.structs import astuple

from headworks.costs import Reservation, Usage
from headworks.owing import Owed
from headworks.pending import Pending
from headworks.recording import Entry, Opened
from headworks.records.detail import numbers_text
from headworks.records.recovery import UNKNOWN_OUTCOME
from headworks.records.sealing import Put
from headworks.stores.queries import load_queries
from headworks.stores.rows import RowInsert
from headworks.stores.work import Item
from headworks.units import SECOND_NS, RequestId, iso_time

OUTSIDE = "/"
"""What the name of a target outside has in it."""
CUT_OFF = "-"
"""In place of the service that a call used which a crash cut off."""
DAY_NS = 86_400 * SECOND_NS
Hold = tuple[int, str, str]
"""What one attempt holds something of: its number, the account and its period."""
_NOTHING = Usage()
LARGEST_FIGURE = 2**50
"""Of one call: a milliard of any currency. Thousands of such calls fit a sum of 64 bits."""


class Reserve(Item):
    """One more attempt of a call under way."""

    __slots__ = ("opened", "reservation")

    def __init__(self, pending: Pending[None], opened: Opened, reservation: Reservation) -> None:
        super().__init__(pending)
        self.opened = opened
        self.reservation = reservation


class Spending:
    """Writes the tables of spending.sql; what calls under way hold is in memory, too.

    Bounded: by the calls that may be open, and their attempts.
    Safe under: the writer's thread.
    """

    def __init__(self) -> None:
        self._sql = load_queries(__package__, "spending.sql")
        self._reserve = RowInsert(self._sql["reserve"])
        self._held: dict[int, dict[Hold, int]] | None = None

    def create(self, connection: apsw.Connection) -> None:
        """Create what is missing."""
        connection.execute(self._sql["create"])

    def forget(self) -> None:
        """Nothing in memory is certain any more."""
        self._held = None

    def write(
        self, connection: apsw.Connection, opened: list[Put], closed: Mapping[int, Put], reserves: list[Reserve]
    ) -> None:
        """What these rows and attempts mean for the sums; `closed` by the number of the opened row."""
        held = self._held
        if held is None:
            held = self._held = self._read(connection)
        rows = [
            row for put in opened if put.entry.reservation is not None for row in _rows(put.seq, put.entry.reservation)
        ]
        for item in reserves:
            rows += _rows(item.opened.number, item.reservation)
        if rows:
            self._reserve.insert(connection, rows)
            for seq, number, account, period, micros in rows:
                held.setdefault(seq, {})[number, account, period] = micros
        if closed:
            self._settle(connection, held, closed)
            self._use(connection, [put.entry for put in closed.values()])

    def _read(self, connection: apsw.Connection) -> dict[int, dict[Hold, int]]:
        held: dict[int, dict[Hold, int]] = {}
        for seq, number, account, period, micros in connection.execute(self._sql["held"]):
            held.setdefault(seq, {})[number, account, period] = micros
        return held

    def _settle(self, connection: apsw.Connection, held: dict[int, dict[Hold, int]], closed: Mapping[int, Put]) -> None:
        ended = [seq for seq in closed if seq in held]
        if not ended:
            return
        spent: dict[tuple[str, str], int] = {}
        for seq in ended:
            settled = {each.reservation.number: each.micros for each in closed[seq].entry.settled}
            for (number, account, period), micros in held.pop(seq).items():
                cost = settled.get(number)
                spent[account, period] = spent.get((account, period), 0) + (micros if cost is None else cost)
        for (account, period), micros in spent.items():
            connection.execute(self._sql["spend"], (account, period, micros))
        connection.execute(self._sql["free"], (numbers_text(ended),))

    def _use(self, connection: apsw.Connection, entries: Iterable[Entry]) -> None:
        """One statement for all the calls of a day that are alike in caller, version and target."""
        alike: dict[tuple[int, str, str, int, str], list[tuple[float, ...]]] = {}
        for entry in entries:
            target = _service_of(entry)
            if target:
                key = (entry.at_wall_ns // DAY_NS, entry.caller_id, entry.endpoint, entry.version, target)
                alike.setdefault(key, []).append(_used(entry))
        for (day, *named), each in alike.items():
            *counts, seconds, micros, unpriced = map(sum, zip(*each, strict=True))
            values = (iso_time(day * DAY_NS)[:10], *named, *counts, float(seconds), micros, unpriced)
            connection.execute(self._sql["use"], values)


def is_beyond_sums(entry: Entry) -> bool:
    """Whether a service tells figures that no call can have: a sum that they do not fit would keep every other call from being written."""
    if entry.usage is None and not entry.settled:
        return False
    told = () if entry.usage is None else astuple(entry.usage)
    figures = (entry.cost_micros, *told, *(each.micros for each in entry.settled))
    return any(figure is not None and figure > LARGEST_FIGURE for figure in figures)


def booked_use(owed: Owed, usage: Usage, cost_micros: int | None) -> tuple[float | str, ...]:
    """What a batch that ended adds to the row of the call that began it, in the order of the table."""
    figures = _used(Entry(RequestId(""), 0, "", outcome="ok", usage=usage, cost_micros=cost_micros))
    named = (owed.day, owed.caller_id, owed.endpoint, owed.version, owed.target)
    return (*named, 0, *figures[1:-1], 0 if cost_micros is None else -1)


def _rows(seq: int, reservation: Reservation) -> list[tuple[int, int, str, str, int]]:
    """One row for each budget that an attempt holds something of."""
    number, micros = reservation.number, reservation.micros or 0
    return [(seq, number, account, period, micros) for account, period in reservation.budgets]


def _service_of(entry: Entry) -> str:
    """The service outside that a call used; empty for a call that asked none: of our own models, or given a kept answer."""
    if not entry.settled:
        return CUT_OFF if entry.outcome == UNKNOWN_OUTCOME and entry.cost_micros is not None else ""
    return entry.target if OUTSIDE in entry.target else entry.settled[-1].reservation.service


def _used(entry: Entry) -> tuple[float, ...]:
    """What one call adds to each sum, in the order of the table."""
    usage = entry.usage or _NOTHING
    return (
        1, entry.outcome != "ok", usage.input_tokens or 0, usage.cached_tokens or 0, usage.output_tokens or 0,
        usage.reasoning_tokens or 0, usage.images or 0, usage.characters or 0, usage.seconds or 0.0,
        entry.cost_micros or 0, entry.cost_micros is None,
    )  # fmt: skip
