"""The books of one attempt: what it holds is given back, and how it ended is told, exactly once."""

from __future__ import annotations

from msgspec import Struct

from headworks.costs import Reservation, Usage
from headworks.errors import (
    ClientGone,
    ContextTooLong,
    DeadlineExceeded,
    HeadworksError,
    Overloaded,
    ProviderBusy,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnable,
    ProviderUnreachable,
)
from headworks.ports import Money
from headworks.targets.providers.health import Pass, Standing
from headworks.units import Clock
from headworks.values import Call, Opening

FAIR_PART = 0.9
"""How much of what an endpoint grants its targets one must have had before its silence counts against it."""

UNBILLED: frozenset[type[HeadworksError]] = frozenset(
    {
        ContextTooLong,
        Overloaded,
        ProviderBusy,
        ProviderKeyRejected,
        ProviderRefused,
        ProviderUnable,
        ProviderUnreachable,
    }
)
"""Failures that no provider bills; after any other a sent attempt may be billed in full."""

MAYBE_BILLED_STATUSES = frozenset({408, 504, 524})
"""Refusals for time: somebody on the way gave up, and the model may have answered all the same."""


class Manner(Struct, frozen=True):
    """What is known of a call beforehand: that it costs nothing, that it may be done twice without harm, that its answer is one body to hand on."""

    is_free: bool = False
    may_repeat: bool = True
    is_passed: bool = False
    money: Money | None = None
    """What holds and settles in place of the usual, if anything does."""


class Side(Struct, frozen=True):
    """The caller's side of an attempt."""

    call: Call
    caller_id: str
    deadline_ns: int
    opening: Opening
    manner: Manner = Manner()
    is_row: bool = False
    """Whether it is one of several rows, so that the call goes on after its answer."""

    @property
    def is_last(self) -> bool:
        """Whether no other target follows: this one may use all the time there is."""
        return self.deadline_ns >= self.call.deadline_ns

    @property
    def fair_ns(self) -> float:
        """What the endpoint itself grants each target, whatever less this caller asked for."""
        endpoint = self.call.endpoint
        return FAIR_PART * endpoint.timeout_s * 1e9 / max(len(endpoint.targets), 1)


class Trial:
    """One attempt, from its pass and its reservation to their ends.

    Safe under: one thread.
    """

    __slots__ = (
        "_began_ns", "_clock", "_is_judged", "_is_refused", "_is_sent", "_is_settled", "_leave", "_money", "_side", "_standing",
        "is_asked", "reservation", "took_ns", "usage",
    )  # fmt: skip

    def __init__(self, standing: Standing, leave: Pass, side: Side, money: Money, clock: Clock) -> None:
        self._standing = standing
        self._leave = leave
        self._side = side
        self._money = money
        self._clock = clock
        self._began_ns = clock.monotonic_ns()
        self._is_judged = self._is_settled = self._is_refused = self._is_sent = False
        self.reservation: Reservation | None = None
        self.is_asked = False
        """Whether the client was told to send it: from here on the provider may be to blame."""
        self.usage: Usage | None = None
        self.took_ns = 0
        """From its beginning until it was judged."""

    def judge(self, error: HeadworksError | None) -> None:
        """Tell the breakers how it went; of a stream, once its first content is here."""
        if self._is_judged:
            return
        self._is_judged = True
        now_ns = self._clock.monotonic_ns()
        took_ns = self.took_ns = now_ns - self._began_ns
        if isinstance(error, DeadlineExceeded) and self.is_its_fault(error):
            error = ProviderTimeout()
        self._standing.ended(self._leave, error, took_ns, now_ns)

    def is_its_fault(self, error: HeadworksError) -> bool:
        """Whether an end says something of the other side: a deadline does once it had its fair part of the time."""
        took_ns = self._clock.monotonic_ns() - self._began_ns
        return not isinstance(error, DeadlineExceeded) or took_ns >= self._side.fair_ns

    def sent(self) -> None:
        """The first byte leaves: from here on it may be billed."""
        self._is_sent = True

    def failed(self, error: HeadworksError) -> None:
        """It ended in an error; that it was never asked says nothing of the provider."""
        self.judge(error if self.is_asked else ClientGone())
        self.settle(error, may_go_on=True)

    def refused(self, status: int) -> None:
        """The provider answered with an error status, which none bills but where time ran out."""
        self._is_refused = status not in MAYBE_BILLED_STATUSES

    def unsigned(self) -> None:
        """Its key could not be made ready."""
        self._is_judged = True
        self._standing.unsigned(self._leave, self._clock.monotonic_ns())

    def settle(self, error: HeadworksError | None, *, may_go_on: bool = False) -> int | None:
        """What it cost in millionths, nothing where nothing was sent; None where that is not known."""
        if self._is_settled or self.reservation is None:
            return None
        self._is_settled = True
        is_free = not self._is_sent or self._is_refused or type(error) in UNBILLED
        settlement = self._money.settle(self.reservation, None if is_free else self.usage, is_free=is_free)
        self._side.opening.settle(settlement, may_go_on=may_go_on or self._side.is_row)
        return settlement.micros

    def stream_ended(self, error: HeadworksError | None, usage: Usage | None) -> int | None:
        """What a stream that was let go cost; see hold.Ended. Content came, so it is billed however it ended."""
        self.usage = usage
        if error is not None:
            self._standing.broke(self._leave, error, self._clock.monotonic_ns())
        return self.settle(None, may_go_on=True)
