"""Header fields that OpenAI's clients and the tools around them look for.

Source: platform.openai.com, "Rate limits in headers".
"""

from math import ceil

from headworks.values import Quota

_UNITS = ((3600, "h"), (60, "m"))


def rate_fields(quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
    """What is left of the quota that ends first."""
    if not quotas:
        return ()
    tightest = min(quotas, key=lambda quota: quota.remaining)
    return (
        ("x-ratelimit-limit-requests", str(tightest.limit)),
        ("x-ratelimit-remaining-requests", str(tightest.remaining)),
        ("x-ratelimit-reset-requests", duration(tightest.reset_s)),
    )


def duration(seconds: float) -> str:
    """A duration as OpenAI writes it: `20ms`, `1s`, `6m0s`."""
    if 0 < seconds < 1:
        return f"{ceil(seconds * 1000)}ms"
    left, text = ceil(seconds), ""
    for size_s, unit in _UNITS:
        if text or left >= size_s:
            text += f"{left // size_s}{unit}"
            left %= size_s
    return f"{text}{left}s"
