"""Header fields that OpenAI's clients and the tools around them look for.

Source: platform.openai.com, "Rate limits in headers".
"""

from math import ceil

from headworks.values import Quota

_NAMES = {
    unit: (f"x-ratelimit-limit-{unit}", f"x-ratelimit-remaining-{unit}", f"x-ratelimit-reset-{unit}")
    for unit in ("requests", "tokens")
}
_UNITS = ((3600, "h"), (60, "m"))


def rate_fields(quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
    """What is left of calls and of tokens, of each the quota that ends first."""
    fields: tuple[tuple[str, str], ...] = ()
    for unit, tightest in tightest_of(quotas):
        limit, remaining, reset = _NAMES[unit]
        fields += (
            (limit, str(tightest.limit)),
            (remaining, str(tightest.remaining)),
            (reset, duration(tightest.reset_s)),
        )
    return fields


def tightest_of(quotas: tuple[Quota, ...]) -> list[tuple[str, Quota]]:
    """Of calls and of tokens, as vendors name them, the quota that ends first; nothing of what has none."""
    calls = tokens = None
    for quota in quotas:
        if quota.is_tokens:
            tokens = quota if tokens is None or quota.remaining < tokens.remaining else tokens
        elif calls is None or quota.remaining < calls.remaining:
            calls = quota
    told = [] if calls is None else [("requests", calls)]
    if tokens is not None:
        told.append(("tokens", tokens))
    return told


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
