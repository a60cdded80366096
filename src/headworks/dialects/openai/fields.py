"""Header fields that OpenAI's clients and the tools around them look for.

Source: platform.openai.com, "Rate limits in headers".
"""

from math import ceil

from headworks.values import Quota

_NAMES = (("requests", False), ("tokens", True))
_UNITS = ((3600, "h"), (60, "m"))


def rate_fields(quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
    """What is left of calls and of tokens, of each the quota that ends first."""
    fields: tuple[tuple[str, str], ...] = ()
    for unit, tightest in tightest_of(quotas):
        fields += (
            (f"x-ratelimit-limit-{unit}", str(tightest.limit)),
            (f"x-ratelimit-remaining-{unit}", str(tightest.remaining)),
            (f"x-ratelimit-reset-{unit}", duration(tightest.reset_s)),
        )
    return fields


def tightest_of(quotas: tuple[Quota, ...]) -> list[tuple[str, Quota]]:
    """Of calls and of tokens, as vendors name them, the quota that ends first; nothing of what has none."""
    tightest: dict[bool, Quota] = {}
    for quota in quotas:
        held = tightest.get(quota.is_tokens)
        if held is None or quota.remaining < held.remaining:
            tightest[quota.is_tokens] = quota
    return [(unit, tightest[is_tokens]) for unit, is_tokens in _NAMES if is_tokens in tightest]


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
