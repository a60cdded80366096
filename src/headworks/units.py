"""Identifiers, quantities and the clock. The only module that reads time or randomness."""

import os
import re
import time
from datetime import UTC, datetime
from typing import NewType, Protocol

from msgspec import Struct

RequestId = NewType("RequestId", str)

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000
MICROSECOND_NS = 1_000

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_DURATION_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|kB|MB|GB)")
_SIZE_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}
_RATE = re.compile(r"(\d+(?:\.\d+)?)/(s|m|h|d)")

_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_MONEY = re.compile(r"(\d+(?:\.\d{1,6})?)\s*USD")

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _CROCKFORD for b in _CROCKFORD]
_DIGITS = {character: value for value, character in enumerate(_CROCKFORD)}
_ID_CHARS = 26
_TIME_CHARS = 10


class Clock(Protocol):
    """Time as the steps see it."""

    def monotonic_ns(self) -> int:
        """Nanoseconds that never step back; deadlines and limits count in these."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970 UTC; for records and expiry only."""


class SystemClock:
    """The machine's clocks."""

    monotonic_ns = staticmethod(time.monotonic_ns)
    wall_ns = staticmethod(time.time_ns)


class Rate(Struct, frozen=True, gc=False):
    """So many calls a period, with a burst of as many calls as one period admits unless said otherwise."""

    count: float
    period_s: float
    burst: int | None = None

    @property
    def interval_ns(self) -> int:
        """Nanoseconds one call uses up."""
        return max(1, int(self.period_s * SECOND_NS / self.count))

    @property
    def depth(self) -> int:
        """Calls admitted at once from rest."""
        return self.burst if self.burst is not None else max(1, int(self.count))


QUOTA_IN_TOKENS = ';qu="tokens"'
"""What a RateLimit-Policy of tokens says beside the quota; the unit is ours, the draft registers only those of HTTP."""


def parse_duration_s(text: str) -> float:
    """Seconds of a duration such as `800ms`, `10s`, `5m`, `1h`, `30d`.

    Raises: ValueError, naming the accepted form.
    """
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a duration; write a number and ms, s, m, h or d, for example 800ms")
    return float(match[1]) * _DURATION_S[match[2]]


def parse_size_bytes(text: str) -> int:
    """Bytes of a size such as `64KiB` or `10MB`.

    Raises: ValueError, naming the accepted form.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(
            f"{text!r} is not a size; write a number and B, KiB, MiB, GiB, kB, MB or GB, for example 10MiB"
        )
    return int(float(match[1]) * _SIZE_BYTES[match[2]])


def parse_rate(text: str) -> Rate:
    """The rate written as `50/s`, `1000/m`, `10/h` or `5/d`.

    Raises: ValueError, naming the accepted form.
    """
    match = _RATE.fullmatch(text.strip())
    if not match or float(match[1]) <= 0:
        raise ValueError(f"{text!r} is not a rate; write calls and a period, for example 50/s or 1000/h")
    return Rate(float(match[1]), _DURATION_S[match[2]])


def parse_money_micros(text: str) -> int:
    """Millionths of a dollar of an amount such as `10 USD` or `0.05 USD`; prices are in that currency.

    Raises: ValueError, naming the accepted form.
    """
    match = _MONEY.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not an amount; write a number and USD, for example 10 USD")
    return round(float(match[1]) * 1_000_000)


def is_day(text: str) -> bool:
    """Whether a text is a day such as `2026-11-27`."""
    return _DAY.fullmatch(text) is not None


def iso_time(wall_ns: int) -> str:
    """RFC 3339 UTC time with milliseconds."""
    moment = datetime.fromtimestamp(wall_ns / SECOND_NS, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def http_date(wall_ns: int) -> str:
    """The time as a Date field says it (RFC 9110 section 5.6.7), whatever the locale."""
    at = datetime.fromtimestamp(wall_ns // SECOND_NS, UTC)
    day = f"{_DAYS[at.weekday()]}, {at.day:02d} {_MONTHS[at.month - 1]} {at.year}"
    return f"{day} {at.hour:02d}:{at.minute:02d}:{at.second:02d} GMT"


def _base32(value: int, pairs: int) -> str:
    out = [""] * pairs
    for position in range(pairs - 1, -1, -1):
        out[position] = _PAIRS[value & 1023]
        value >>= 10
    return "".join(out)


class RequestIds:
    """Mints request ids: 26 characters, unique, sortable by time (ULID, Crockford base32, lower case).

    Cost: about 0.3 µs; the random part is drawn once a block of 1024, the time part written once a millisecond, and
    all of it but two characters once a second.
    """

    __slots__ = ("_drawn", "_low", "_millisecond", "_second", "_start", "_wall_ns", "_written")

    def __init__(self, clock: Clock) -> None:
        self._wall_ns = clock.wall_ns
        self._low = len(_PAIRS)
        self._millisecond = self._second = -1
        self._drawn = self._start = self._written = ""

    def __call__(self) -> RequestId:
        """A new id."""
        low = self._low
        millisecond = self._wall_ns() // MILLISECOND_NS
        if millisecond != self._millisecond or low == len(_PAIRS):
            low = self._begin(millisecond, low)
        self._low = low + 1
        return self._start + _PAIRS[low]  # type: ignore[return-value]  # to call a NewType costs more than all of this

    def _begin(self, millisecond: int, low: int) -> int:
        """Write what the next ids start with; gives the number that the first of them ends with."""
        if low == len(_PAIRS):
            low = 0
            self._drawn = _base32(int.from_bytes(os.urandom(9), "big"), 7)
        self._millisecond = millisecond
        second, rest = divmod(millisecond, len(_PAIRS))
        if second != self._second:
            self._second = second
            self._written = _base32(second, 4)
        self._start = self._written + _PAIRS[rest] + self._drawn
        return low


def minted_wall_ns(request_id: str) -> int | None:
    """When a request id was minted, in nanoseconds since 1970 UTC; None when this is no request id of ours."""
    if len(request_id) != _ID_CHARS or not set(request_id) <= _DIGITS.keys():
        return None
    milliseconds = 0
    for character in request_id[:_TIME_CHARS]:
        milliseconds = milliseconds * 32 + _DIGITS[character]
    return milliseconds * MILLISECOND_NS


def random_share() -> float:
    """A number from 0 up to 1, for jitter and draws; no secret hangs on it."""
    return int.from_bytes(os.urandom(6), "big") / 2**48


def random_bytes(size: int) -> bytes:
    """Cryptographically strong random bytes."""
    return os.urandom(size)
