"""The caller's own rate and concurrency."""

import pytest

from headworks.errors import ConcurrencyExceeded, RateLimited
from headworks.request.admit import admit
from headworks.request.identify import ANONYMOUS
from headworks.units import Rate
from headworks.values import Auth, Caller
from tests.fakes_limits import FakeLimits, holding

CALLER = Caller("abcdefgh", "app", Auth.KEY, rate=Rate(2, 1.0), concurrency=1)


def test_an_admitted_call_is_counted_until_it_gives_back_what_it_holds():
    limits = FakeLimits()
    with holding() as held:
        admission = admit(CALLER, limits, held, 0)

        assert (admission.caller, admission.quota.remaining) == (CALLER, 1)
        assert limits.running == {"abcdefgh": 1}
    assert limits.running == {"abcdefgh": 0}


def test_a_call_refused_for_its_rate_holds_nothing():
    limits = FakeLimits()
    for _ in range(2):
        with holding() as held:
            admit(CALLER, limits, held, 0)

    with pytest.raises(RateLimited) as caught, holding() as held:
        admit(CALLER, limits, held, 0)
    assert caught.value.retry_after_s == 0.5
    assert limits.running == {"abcdefgh": 0}


def test_a_call_refused_for_concurrency_takes_nothing_from_the_rate():
    limits = FakeLimits()
    with holding() as held:
        admit(CALLER, limits, held, 0)
        with pytest.raises(ConcurrencyExceeded), holding() as other:
            admit(CALLER, limits, other, 0)
        assert limits.running == {"abcdefgh": 1}
    with holding() as held:
        assert admit(CALLER, limits, held, 0).quota.remaining == 0


def test_a_caller_without_limits_is_admitted_without_a_bucket():
    limits = FakeLimits()
    with holding() as held:
        admission = admit(ANONYMOUS, limits, held, 0)

    assert admission.quota is None
    assert (limits.tokens, limits.running) == ({}, {})
