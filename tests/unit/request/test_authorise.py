"""Scope, version, queue and the endpoint's limits."""

from types import SimpleNamespace

import msgspec
import pytest

from headworks.errors import (
    ConcurrencyExceeded,
    DeadlineExceeded,
    Forbidden,
    ModelUnavailable,
    Overloaded,
    RateLimited,
    VersionGone,
)
from headworks.request.authorise import authorise, may_call, may_see, permit
from headworks.request.identify import ANONYMOUS
from headworks.units import SECOND_NS, Rate
from headworks.values import Admission, Auth, Call, Caller, Held, Payload, Quota, TargetChoice
from tests.fakes_limits import FakeLimits, holding
from tests.unit.contracts import make_endpoint

ENDPOINT = make_endpoint(name="sentiment", version=2)
ADMIN = Caller("adminadm", "ops", Auth.ADMIN, frozenset({"admin"}))


def caller(*scopes):
    return Caller("abcdefgh", "app", Auth.KEY, frozenset(scopes) if scopes else None)


@pytest.mark.parametrize(
    ("who", "calls", "sees"),
    [
        (caller(), True, True),
        (caller("call:*"), True, True),
        (caller("call:sentiment"), True, True),
        (caller("call:sentiment/v2"), True, True),
        (caller("call:other", "call:sentiment/v2"), True, True),
        (caller("call:sentiment/v1"), False, False),
        (caller("call:sent"), False, False),
        (caller("call:other"), False, False),
        (caller("catalogue"), False, True),
        (ADMIN, False, True),
        (ANONYMOUS, False, False),
    ],
)
def test_scopes_decide_who_calls_and_who_sees(who, calls, sees):
    assert (may_call(who, ENDPOINT), may_see(who, ENDPOINT)) == (calls, sees)
    if calls:
        assert permit(who, ENDPOINT, 0) is ENDPOINT
        return
    with pytest.raises(Forbidden):
        permit(who, ENDPOINT, 0)


def test_a_version_ends_at_its_sunset_and_names_its_successor():
    endpoint = make_endpoint(sunset_wall_s=86_400.0, successor="/api/score/v2")
    permit(caller(), endpoint, 86_400 * SECOND_NS - 1)
    with pytest.raises(VersionGone) as caught:
        permit(caller(), endpoint, 86_400 * SECOND_NS)

    assert caught.value.detail == "score v1 ended on 1970-01-02. Its successor is /api/score/v2."
    assert caught.value.headers == (("Link", '</api/score/v2>; rel="successor-version"'),)


def test_scope_is_asked_before_the_version():
    with pytest.raises(Forbidden):
        permit(caller("call:other"), make_endpoint(sunset_wall_s=0.0), 1)


class Waiting:
    """Targets with a known wait; None: not ready."""

    def __init__(self, **waits_ns):
        self.waits_ns = waits_ns

    def find(self, name, task=None):
        wait_ns = self.waits_ns[name]
        if wait_ns is None:
            raise ModelUnavailable
        return SimpleNamespace(predicted_wait_ns=lambda rows: wait_ns * rows)


def granted(endpoint=ENDPOINT, held=None, limits=None, deadline_ns=SECOND_NS, now_ns=0, quota=None, rows=1, **waits_ns):
    parts = SimpleNamespace(limits=limits or FakeLimits(), targets=Waiting(**(waits_ns or {"model": 0})))
    call = Call(endpoint, Payload(b"{}", rows=rows), "application/json", deadline_ns)
    return authorise(Admission(caller(), quota), call, parts, held or Held(), now_ns)


def test_a_grant_holds_the_endpoints_quota_only():
    own = Quota("abcdefgh", 1, 1.0, 0, 0.0)
    grant = granted(make_endpoint(rate=Rate(5, 1.0)), quota=own)

    assert [(quota.name, quota.remaining) for quota in grant.quotas] == [("score/v1", 4)]
    assert grant.admission.quota is own
    assert granted(quota=own).quotas == ()


def test_a_call_that_cannot_start_in_time_is_shed_with_the_time_until_it_could():
    with pytest.raises(Overloaded) as caught:
        granted(now_ns=5 * SECOND_NS, deadline_ns=6 * SECOND_NS, model=1_500_000_000)

    assert caught.value.retry_after_s == 0.5
    assert granted(now_ns=5 * SECOND_NS, deadline_ns=6 * SECOND_NS, model=999_999_999)


def test_the_wait_is_asked_for_as_many_rows_as_the_call_has():
    granted(rows=1, model=SECOND_NS // 2)

    with pytest.raises(Overloaded):
        granted(rows=3, model=SECOND_NS // 2)


def test_a_deadline_that_is_over_is_504():
    with pytest.raises(DeadlineExceeded):
        granted(now_ns=SECOND_NS)


def targets(*choices):
    return msgspec.structs.replace(ENDPOINT, targets=tuple(TargetChoice(*choice) for choice in choices))


def test_the_target_that_would_start_first_decides():
    ordered = targets(("a",), ("b",))

    assert granted(ordered, a=9 * SECOND_NS, b=0)
    assert granted(ordered, a=None, b=0)
    assert granted(ordered, a=None, b=None)
    assert granted(targets(("a",)), a=None)
    with pytest.raises(Overloaded):
        granted(ordered, a=9 * SECOND_NS, b=None)
    with pytest.raises(Overloaded):
        granted(targets(("a", 100), ("b", 0)), a=9 * SECOND_NS, b=0)


def test_a_shed_call_takes_nothing_from_the_endpoint():
    limits, endpoint = FakeLimits(), make_endpoint(rate=Rate(1, 1.0), concurrency=1)
    with pytest.raises(Overloaded):
        granted(endpoint, limits=limits, model=9 * SECOND_NS)

    assert (limits.tokens, limits.running) == ({}, {})


def test_the_endpoints_concurrency_is_given_back():
    limits, endpoint = FakeLimits(), make_endpoint(concurrency=1)
    with holding() as held:
        granted(endpoint, held, limits)
        with pytest.raises(ConcurrencyExceeded):
            granted(endpoint, Held(), limits)

    assert granted(endpoint, Held(), limits)


def test_the_endpoints_rate_is_shared_by_all_callers():
    limits, endpoint = FakeLimits(), make_endpoint(rate=Rate(1, 1.0))
    granted(endpoint, limits=limits)

    with pytest.raises(RateLimited) as caught:
        granted(endpoint, limits=limits)
    assert caught.value.retry_after_s == 1.0
