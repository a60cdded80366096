"""What follows a failed attempt, as a table by class of error. No I/O, no clock, no random source of its own."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from msgspec import Struct, structs

from headworks.errors import (
    ContentRefused,
    ContextTooLong,
    ContractViolation,
    HeadworksError,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnable,
    ProviderUnavailable,
    ProviderUnreachable,
)
from headworks.units import MILLISECOND_NS, SECOND_NS

Random = Callable[[], float]
"""Gives a number from 0 up to 1."""

LEAST_LEFT_NS = 50 * MILLISECOND_NS
"""An attempt with less time than this is not begun after a wait."""

UNSAID_WAIT_S = 1.0
"""How long a provider is left alone that is busy and does not say how long."""

JITTER_FROM, JITTER_SPAN = 0.8, 0.4
LONGEST_TOLD_S = 86_400.0
LATER_SPAN = 0.1
"""How much later than told a provider is asked again, at most: all who were told the same would come at once."""


class Again(Enum):
    """Whether the same target is asked once more, and how."""

    NEVER = "never"
    OTHER_KEY = "other_key"
    """At once, with a key that was not tried; never with the same."""
    OTHER_KEY_OR_WAIT = "other_key_or_wait"
    """At once with another key; else when the provider said, where nobody else could answer meanwhile."""
    BACKOFF = "backoff"
    """After a growing wait. Nothing can have been carried out."""
    BACKOFF_IF_ALLOWED = "backoff_if_allowed"
    """After a growing wait, by the policy's word: the first attempt may have been carried out and billed."""
    ONCE = "once"
    """At once, one time: what was answered was no good."""


class Onward(Enum):
    """Whether another target may be asked."""

    NEVER = "never"
    ANY = "any"
    DECLARED = "declared"
    """Only one that the endpoint declares for this."""


class Rule(Struct, frozen=True):
    """What follows one class of error."""

    again: Again
    onward: Onward


ENDS = Rule(Again.NEVER, Onward.NEVER)

RULES: dict[type[HeadworksError], Rule] = {
    ProviderError: Rule(Again.NEVER, Onward.ANY),
    ProviderKeyRejected: Rule(Again.OTHER_KEY, Onward.ANY),
    ProviderBusy: Rule(Again.OTHER_KEY_OR_WAIT, Onward.ANY),
    ProviderUnreachable: Rule(Again.BACKOFF, Onward.ANY),
    ProviderUnavailable: Rule(Again.NEVER, Onward.ANY),
    ProviderDown: Rule(Again.BACKOFF_IF_ALLOWED, Onward.ANY),
    ProviderTimeout: Rule(Again.BACKOFF_IF_ALLOWED, Onward.ANY),
    ProviderBroken: Rule(Again.ONCE, Onward.ANY),
    ContractViolation: Rule(Again.ONCE, Onward.ANY),
    ProviderRefused: ENDS,
    ProviderUnable: Rule(Again.NEVER, Onward.ANY),
    ContextTooLong: Rule(Again.NEVER, Onward.DECLARED),
    ContentRefused: Rule(Again.NEVER, Onward.DECLARED),
}
"""What is not named here (a deadline, a budget, a caller who left) ends the target's work."""


class RetryPolicy(Struct, frozen=True):
    """How often one target is asked for one call, and how long is waited between.

    Shapes: `attempts` counts every sending but those that only changed the key. `resends_unsure` says that a call which
    may have been carried out may be sent again: it can be billed twice. `repeats_broken` says that one which was carried
    out, but answered in a way that is no good, is asked once more.
    """

    attempts: int = 3
    resends_unsure: bool = False
    repeats_broken: bool = True
    backoff_s: float = 0.5
    longest_backoff_s: float = 5.0


def only_if_undone(policy: RetryPolicy) -> RetryPolicy:
    """The policy of what must not be done twice: it is asked again only where nothing can have been carried out."""
    return structs.replace(policy, resends_unsure=False, repeats_broken=False)


class Tried(Struct, frozen=True):
    """What was done for a call at this target so far.

    Shapes: `sent` counts as `RetryPolicy.attempts` does; `is_last` says that no other target will be asked after this.
    """

    sent: int
    repeated: bool
    has_other_key: bool
    is_last: bool


class Step(Struct, frozen=True):
    """Ask again, after a wait, and with another key or not."""

    wait_ns: int = 0
    is_other_key: bool = False


AT_ONCE = Step()
WITH_OTHER_KEY = Step(is_other_key=True)


def following(error: HeadworksError, tried: Tried, policy: RetryPolicy, left_ns: int, random: Random) -> Step | None:
    """How the same target is asked again; None when it is not, so that the next target's turn comes.

    A wait that would not leave time for an answer is not begun.
    """
    rule = RULES.get(type(error), ENDS)
    step = _STEPS[rule.again](error, tried, policy, random)
    if step is None or left_ns < step.wait_ns + LEAST_LEFT_NS:
        return None
    if not step.is_other_key and tried.sent >= policy.attempts:
        return None
    return step


def _never(error: HeadworksError, tried: Tried, policy: RetryPolicy, random: Random) -> Step | None:
    return None


def _other_key(error: HeadworksError, tried: Tried, policy: RetryPolicy, random: Random) -> Step | None:
    return WITH_OTHER_KEY if tried.has_other_key else None


def _other_key_or_wait(error: HeadworksError, tried: Tried, policy: RetryPolicy, random: Random) -> Step | None:
    if tried.has_other_key:
        return WITH_OTHER_KEY
    if not tried.is_last:
        return None
    if error.retry_after_s is None:
        return Step(max(backoff_ns(tried.sent, policy, random), int(UNSAID_WAIT_S * SECOND_NS)))
    told_s = min(error.retry_after_s, LONGEST_TOLD_S) if error.retry_after_s > 0 else 0.0
    told_ns = int(told_s * (1 + LATER_SPAN * random()) * SECOND_NS)
    return Step(max(told_ns, backoff_ns(tried.sent, policy, random)))


def _backoff(error: HeadworksError, tried: Tried, policy: RetryPolicy, random: Random) -> Step | None:
    return Step(backoff_ns(tried.sent, policy, random))


def _backoff_if_allowed(error: HeadworksError, tried: Tried, policy: RetryPolicy, random: Random) -> Step | None:
    return Step(backoff_ns(tried.sent, policy, random)) if policy.resends_unsure else None


def _once(error: HeadworksError, tried: Tried, policy: RetryPolicy, random: Random) -> Step | None:
    return AT_ONCE if policy.repeats_broken and not tried.repeated else None


_STEPS: dict[Again, Callable[[HeadworksError, Tried, RetryPolicy, Random], Step | None]] = {
    Again.NEVER: _never,
    Again.OTHER_KEY: _other_key,
    Again.OTHER_KEY_OR_WAIT: _other_key_or_wait,
    Again.BACKOFF: _backoff,
    Again.BACKOFF_IF_ALLOWED: _backoff_if_allowed,
    Again.ONCE: _once,
}


def backoff_ns(sent: int, policy: RetryPolicy, random: Random) -> int:
    """The wait after so many sendings: doubling from the first, bounded, spread by a fifth either way."""
    wait_s = min(policy.backoff_s * 2 ** min(sent - 1, 16), policy.longest_backoff_s)
    return int(wait_s * (JITTER_FROM + JITTER_SPAN * random()) * SECOND_NS)
