"""Refusals of nobody in particular, counted instead of written one by one: garbage can never fill the record.

A second's refusals become one row for each (source prefix, route, code), under a quota of rows a minute of their own;
what exceeds the map or the quota is still counted, in one row a minute without a source.
"""

from __future__ import annotations

import socket
import threading

from msgspec import Struct

from headworks.records.settings import RecordSettings
from headworks.units import SECOND_NS

MOST_ROUTE_CHARS = 120
MINUTE_NS = 60 * SECOND_NS


class Refused(Struct, frozen=True):
    """How often one source prefix was refused, where and why."""

    source: str
    route: str
    code: str
    count: int


class Refusals:
    """Counts refusals of the current second.

    Cost: about 1 µs.
    Safe under: any thread.
    """

    def __init__(self, settings: RecordSettings) -> None:
        self._most_keys = settings.refusal_keys_per_second
        self._rows_per_minute = settings.refusal_rows_per_minute
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, str], int] = {}
        self._over: dict[str, int] = {}
        self._minute_ends_ns = 0
        self._rows_left = 0

    def count(self, source: str, route: str, code: str) -> None:
        """Count one refusal."""
        key = (source_prefix(source), route[:MOST_ROUTE_CHARS], code)
        with self._lock:
            if key in self._counts or len(self._counts) < self._most_keys:
                self._counts[key] = self._counts.get(key, 0) + 1
            else:
                self._over[code] = self._over.get(code, 0) + 1

    def take(self, now_ns: int) -> list[Refused]:
        """What to write for the second that ended, within the quota; the rest waits for the minute's end as bare counts."""
        with self._lock:
            counts, self._counts = self._counts, {}
            rows = self._take_over(now_ns)
            for (source, route, code), count in counts.items():
                if self._rows_left > 0:
                    self._rows_left -= 1
                    rows.append(Refused(source, route, code, count))
                else:
                    self._over[code] = self._over.get(code, 0) + count
            return rows

    def take_all(self) -> list[Refused]:
        """Everything that is still counted, for a clean stop."""
        with self._lock:
            over = [Refused("*", "*", code, count) for code, count in self._over.items()]
            rows = [Refused(*key, count) for key, count in self._counts.items()]
            self._counts, self._over = {}, {}
            return over + rows[: max(0, self._rows_left)]

    def _take_over(self, now_ns: int) -> list[Refused]:
        if now_ns < self._minute_ends_ns:
            return []
        self._minute_ends_ns = now_ns + MINUTE_NS
        self._rows_left = self._rows_per_minute
        over, self._over = self._over, {}
        return [Refused("*", "*", code, count) for code, count in over.items()]


def source_prefix(source: str) -> str:
    """The /24 or /64 that an address lies in; `-` for what is no address."""
    try:
        a, b, c, _ = socket.inet_pton(socket.AF_INET, source)
    except (OSError, ValueError):
        return _prefix_v6(source)
    return f"{a}.{b}.{c}.0/24"


def _prefix_v6(source: str) -> str:
    try:
        packed = socket.inet_pton(socket.AF_INET6, source.partition("%")[0])
    except (OSError, ValueError):
        return "-"
    if packed[:12] == b"\x00" * 10 + b"\xff\xff":
        return f"{packed[12]}.{packed[13]}.{packed[14]}.0/24"
    return socket.inet_ntop(socket.AF_INET6, packed[:8] + b"\x00" * 8) + "/64"
