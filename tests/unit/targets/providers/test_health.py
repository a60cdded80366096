"""Which failure counts against what: the origin, the model there, or the key."""

import pytest

from headworks.errors import (
    ClientGone,
    DeadlineExceeded,
    Overloaded,
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
from headworks.targets.providers.breaker import BreakerSettings, State
from headworks.targets.providers.health import EVIDENCE, Health
from headworks.units import SECOND_NS

SETTINGS = BreakerSettings(failed_in_a_row=3)
NOTHING_SPENT = frozenset()


@pytest.fixture
def health():
    return Health(SETTINGS)


def fail(standing, error, times=1, now_ns=0, spent=NOTHING_SPENT):
    for _ in range(times):
        standing.ended(standing.admit(now_ns, spent), error, 1, now_ns)


def below(kind):
    return {kind} | {inner for child in kind.__subclasses__() for inner in below(child)}


def test_every_failure_of_a_provider_has_a_row():
    never_sent = {ProviderUnavailable}

    assert (below(ProviderError) | below(ProviderRefused)) - never_sent <= EVIDENCE.keys()


def test_a_host_that_cannot_be_reached_stops_every_model_behind_it(health):
    one, other = health.standing("up", "host", "a", 1), health.standing("up", "host", "b", 1)
    fail(one, ProviderUnreachable(), times=3)

    assert other.admit(0, NOTHING_SPENT) is None
    assert health.standing("up", "another", "a", 1).admit(0, NOTHING_SPENT) is not None


@pytest.mark.parametrize("error", [ProviderDown(), ProviderTimeout()])
def test_a_model_that_fails_stops_only_itself(health, error):
    one, other = health.standing("up", "host", "a", 1), health.standing("up", "host", "b", 1)
    fail(one, error, times=3)

    assert one.admit(0, NOTHING_SPENT) is None
    assert one.wait_ns(0) == 5 * SECOND_NS
    assert other.admit(0, NOTHING_SPENT) is not None


def test_a_refused_key_is_out_for_a_minute_is_counted_and_makes_room_for_the_next(health):
    standing = health.standing("up", "host", "a", 2)
    fail(standing, ProviderKeyRejected())
    following = standing.admit(0, NOTHING_SPENT)

    assert following.key == 1
    assert standing.keys_rejected == 1
    assert standing.admit(60 * SECOND_NS, NOTHING_SPENT).key == 0


def test_a_busy_key_rests_as_long_as_the_provider_says(health):
    standing = health.standing("up", "host", "a", 2)
    fail(standing, ProviderBusy(retry_after_s=9.0))

    assert standing.admit(0, NOTHING_SPENT).key == 1
    assert standing.admit(9 * SECOND_NS, NOTHING_SPENT).key == 0
    assert standing.states()[0] is State.CLOSED


def test_a_key_that_was_tried_for_this_call_is_not_taken_again(health):
    standing = health.standing("up", "host", "a", 2)

    assert standing.admit(0, frozenset({0})).key == 1
    assert standing.admit(0, frozenset({0, 1})) is None
    assert standing.has_other_key(0, frozenset({0}))
    assert not standing.has_other_key(0, frozenset({0, 1}))


@pytest.mark.parametrize(
    "error",
    [ProviderRefused(), ProviderUnable(), ClientGone(), DeadlineExceeded(), Overloaded(), ValueError()],
)
def test_what_is_not_the_providers_fault_never_stops_it(health, error):
    standing = health.standing("up", "host", "a", 1)
    fail(standing, error, times=100)

    assert standing.states() == (State.CLOSED, State.CLOSED, (State.CLOSED,))


def test_a_probe_refused_by_the_model_is_given_back_to_its_origin(health):
    one, other = health.standing("up", "host", "a", 1), health.standing("up", "host", "b", 1)
    fail(one, ProviderUnreachable(), times=3)
    fail(other, ProviderUnreachable(), times=0)
    at_ns = 5 * SECOND_NS
    first = one.admit(at_ns, NOTHING_SPENT)
    refused = other.admit(at_ns, NOTHING_SPENT)
    one.ended(first, ClientGone(), 1, at_ns)

    assert first is not None
    assert refused is None
    assert other.admit(at_ns, NOTHING_SPENT) is not None


def test_a_new_configuration_keeps_what_is_known_of_the_origins_it_names(health):
    fail(health.standing("up", "kept", "a", 1), ProviderUnreachable(), times=3)
    fail(health.standing("up", "gone", "a", 1), ProviderUnreachable(), times=3)
    health.keep_only(["kept"])

    assert health.standing("up", "kept", "a", 1).admit(0, NOTHING_SPENT) is None
    assert health.standing("up", "gone", "a", 1).admit(0, NOTHING_SPENT) is not None


@pytest.mark.parametrize("error", [ProviderKeyRejected(), ProviderBusy(retry_after_s=60.0)])
def test_keys_that_were_replaced_are_used_at_once_and_their_origin_stays_as_it_was(health, error):
    one, down = health.standing("up", "host", "a", 1), health.standing("up", "gone", "a", 1)
    fail(one, error)
    fail(down, ProviderUnreachable(), times=3)
    before = one.wait_ns(0)
    health.renew_keys()

    assert before > 0
    assert one.wait_ns(0) == 0
    assert down.wait_ns(0) > 0


def test_a_refused_key_is_told_of_once_and_once_more_when_it_is_taken_again():
    told = []
    health = Health(SETTINGS, tell=told.append)
    standing, same = (health.standing("up", "host", "a", 2) for _ in range(2))
    fail(standing, ProviderKeyRejected())
    fail(standing, ProviderKeyRejected())
    late_ns = 61 * SECOND_NS
    fail(same, ProviderKeyRejected(), now_ns=late_ns)
    fail(standing, ProviderRefused(), now_ns=4 * late_ns)
    fail(standing, None, now_ns=4 * late_ns)

    assert [(c.key.provider, c.key.model, c.key.place, c.key.keys, c.is_refused, c.others) for c in told] == [
        ("up", "a", 1, 2, True, 1),
        ("up", "a", 2, 2, True, 0),
        ("up", "a", 1, 2, False, 0),
    ]


def test_a_key_that_cannot_be_made_ready_is_told_of_and_one_that_only_waits_is_not():
    told = []
    health = Health(SETTINGS, tell=told.append)
    standing = health.standing("up", "host", "a", 1)
    fail(standing, ProviderBusy())
    standing.unsigned(standing.admit(10 * SECOND_NS, NOTHING_SPENT), 10 * SECOND_NS)
    health.keep_only(())

    assert [(change.key.place, change.is_refused, change.others) for change in told] == [(1, True, 0)]


def test_a_key_of_an_origin_that_is_gone_is_told_of_anew():
    told = []
    health = Health(SETTINGS, tell=told.append)
    fail(health.standing("up", "host", "a", 1), ProviderKeyRejected())
    health.keep_only(())
    fail(health.standing("up", "host", "a", 1), ProviderKeyRejected())

    assert [change.is_refused for change in told] == [True, True]
