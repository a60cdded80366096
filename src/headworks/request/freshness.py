"""What a caller allows of kept answers, read from Cache-Control (RFC 9111 section 5.2.1)."""

import re

from headworks.policies import Freshness

_SECONDS = re.compile(r"[0-9]{1,9}")
_NOTHING_KEPT = Freshness(may_read=False, may_keep=False)
_NEW = Freshness(may_read=False)


def freshness(cache_control: str | None) -> Freshness | None:
    """None where the caller says nothing; an age that cannot be read allows no kept answer."""
    if cache_control is None:
        return None
    words = [word.strip().lower() for word in cache_control.split(",")]
    if "no-store" in words:
        return _NOTHING_KEPT
    if "no-cache" in words:
        return _NEW
    ages = [word.partition("=")[2].strip() for word in words if word.partition("=")[0].strip() == "max-age"]
    if not ages:
        return None
    if not all(_SECONDS.fullmatch(age) for age in ages):
        return _NEW
    oldest_s = min(float(age) for age in ages)
    return Freshness(max_age_s=oldest_s) if oldest_s > 0 else _NEW
