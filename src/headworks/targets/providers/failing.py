"""What a provider's refusal means to us: facts by code and by status, one table a provider.

A provider's own text decides nothing and is kept for the log only; where it refuses a credential not even there, since
some repeat the credential.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime

from msgspec import Struct

from headworks.errors import (
    ContextTooLong,
    HeadworksError,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
)

LONGEST_CODE = 80
LONGEST_TEXT = 200
LONGEST_RETRY_AFTER_S = 24 * 3600.0

BY_STATUS: Mapping[int, type[HeadworksError]] = {
    401: ProviderKeyRejected,
    402: ProviderKeyRejected,
    403: ProviderKeyRejected,
    404: ProviderDown,
    405: ProviderDown,
    408: ProviderTimeout,
    409: ProviderDown,
    410: ProviderDown,
    413: ContextTooLong,
    424: ProviderDown,
    425: ProviderBusy,
    429: ProviderBusy,
    503: ProviderBusy,
    504: ProviderTimeout,
    529: ProviderBusy,
}
"""What a status means where nothing more exact is known; else 4xx is our request's fault and 5xx the provider's.

A missing model or path (404) says nothing about the input, nor that the key is dead: another target may answer.
"""


class Told(Struct, frozen=True):
    """What an error document says: its codes, most exact first, and its text."""

    codes: tuple[str, ...] = ()
    text: str = ""


def failed(
    told: Told,
    by_code: Mapping[str, type[HeadworksError]],
    status: int,
    headers: Mapping[str, str] | None = None,
) -> HeadworksError:
    """The error that a refusal with this status and these codes is."""
    kind = next((by_code[code] for code in told.codes if code in by_code), None) or by_status(status)
    codes = " ".join(code[:LONGEST_CODE] for code in told.codes)
    text = "" if kind is ProviderKeyRejected else told.text[:LONGEST_TEXT]
    wait_s = retry_after_s(headers) if headers is not None and kind is ProviderBusy else None
    return kind(retry_after_s=wait_s, reason=": ".join(part for part in (f"{status} {codes}".strip(), text) if part))


def by_status(status: int) -> type[HeadworksError]:
    """What a status means by itself."""
    known = BY_STATUS.get(status)
    if known is not None:
        return known
    if 400 <= status < 500:
        return ProviderRefused
    return ProviderDown if status >= 500 else ProviderBroken


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """When a provider says to come back: in milliseconds where it does, else in seconds or by a date against its own."""
    for name, unit_s in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = said_s(headers.get(name, ""), unit_s)
        if seconds is not None:
            return seconds
    return _until(headers.get("retry-after", ""), headers.get("date", ""))


def said_s(text: str, unit_s: float = 1.0) -> float | None:
    """The seconds that a provider says, a day at most; None for what is no time."""
    try:
        value = float(text) * unit_s
    except ValueError:
        return None
    return min(value, LONGEST_RETRY_AFTER_S) if 0 <= value < float("inf") else None


def _until(then: str, now: str) -> float | None:
    try:
        wait_s = (parsedate_to_datetime(then) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError, OverflowError, LookupError):  # a year of eleven digits overflows
        return None
    return min(max(wait_s, 0.0), LONGEST_RETRY_AFTER_S)


def texts(values: Iterable[object]) -> tuple[str, ...]:
    """Those of the values that are texts or numbers, as texts."""
    return tuple(str(value) for value in values if isinstance(value, str | int) and value not in {"", True, False})
