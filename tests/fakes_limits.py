"""Limits for tests: tokens as exact fractions, the obvious way; and a store of debts that can be killed."""

from contextlib import contextmanager
from fractions import Fraction

from headworks.errors import ConcurrencyExceeded, RateLimited, RecordUnavailable
from headworks.pending import Pending
from headworks.units import SECOND_NS
from headworks.values import Held, Quota


@contextmanager
def holding():
    """What a call holds, given back at the end as the story does."""
    held = Held()
    try:
        yield held
    finally:
        held.release()


class FakeLimits:
    """Token buckets; passes tests/contract/test_limits.py like the real thing."""

    def __init__(self):
        self.tokens = {}
        self.running = {}

    def take(self, bucket, rate, cost, now_ns):
        most, interval_ns = rate.depth, rate.interval_ns
        had, at_ns = self.tokens.get(bucket, (Fraction(most), now_ns))
        have = min(Fraction(most), had + Fraction(now_ns - at_ns, interval_ns))
        window_s = most * interval_ns / SECOND_NS
        if cost > have:
            wait_s = float((cost - have) * interval_ns / SECOND_NS) if cost <= most else None
            raise RateLimited("used up", retry_after_s=wait_s)
        have -= cost
        self.tokens[bucket] = (have, now_ns)
        return Quota(bucket, most, window_s, int(have), float((most - have) * interval_ns / SECOND_NS))

    def correct(self, bucket, rate, by, now_ns):
        most, interval_ns = rate.depth, rate.interval_ns
        had, at_ns = self.tokens.get(bucket, (Fraction(most), now_ns))
        have = min(Fraction(most), had + Fraction(now_ns - at_ns, interval_ns))
        self.tokens[bucket] = (min(Fraction(most), have - by), now_ns)

    def left(self, bucket, rate, now_ns):
        most, interval_ns = rate.depth, rate.interval_ns
        had, at_ns = self.tokens.get(bucket, (Fraction(most), now_ns))
        have = min(Fraction(most), had + Fraction(now_ns - at_ns, interval_ns))
        wait_s = float((most - have) * interval_ns / SECOND_NS)
        return Quota(bucket, most, most * interval_ns / SECOND_NS, max(0, int(have)), wait_s)

    def enter(self, bucket, most):
        if self.running.get(bucket, 0) >= most:
            raise ConcurrencyExceeded("too many", retry_after_s=1.0)
        self.running[bucket] = self.running.get(bucket, 0) + 1

    def leave(self, bucket):
        self.running[bucket] = max(0, self.running.get(bucket, 0) - 1)


class FakeDebts:
    """What survives a kill: whatever was handed over, unless the store fails."""

    def __init__(self):
        self.due = {}
        self.elapsed_ns = 0
        self.writes = 0
        self.is_failing = False

    def keep(self, bucket, due_ns, elapsed_ns):
        pending = Pending()
        if self.is_failing:
            pending.fail(RecordUnavailable())
            return pending
        self.writes += 1
        self.due[bucket] = due_ns
        self.elapsed_ns = max(self.elapsed_ns, elapsed_ns)
        pending.resolve(None)
        return pending

    def tick(self, elapsed_ns):
        self.elapsed_ns = elapsed_ns

    def settle(self, due, elapsed_ns):
        if self.is_failing:
            raise RecordUnavailable
        self.due.update(due)
        self.elapsed_ns = elapsed_ns
