"""What every implementation of ports.Keys does."""

from ipaddress import ip_network

import pytest

from headworks.errors import Forbidden, Unauthenticated
from headworks.identity.issue import KeyOrder
from headworks.values import Auth, Caller
from tests.fakes_keys import START_WALL_NS, FakeKeys, Service

DAY_S = 86_400


class Real:
    """One key of LiveKeys."""

    def __init__(self, **terms):
        self.service = Service()
        self.key = self.service.create(KeyOrder("app", **terms)).key
        self.keys = self.service.keys


class Fake:
    """One key of FakeKeys."""

    def __init__(self, life_s=90 * DAY_S, **terms):
        self.keys = FakeKeys()
        self.key = "known"
        expires_ns = START_WALL_NS + life_s * 10**9
        self.keys.add(self.key, Caller("k", "app", Auth.KEY, expires_wall_ns=expires_ns, **terms))


@pytest.fixture(params=[Fake, Real])
def home(request):
    return request.param


def test_a_known_key_gives_its_caller(home):
    one = home(scopes=frozenset({"call:sentiment"}))
    caller = one.keys.find(one.key, "192.0.2.7", START_WALL_NS)

    assert (caller.name, caller.auth, caller.scopes) == ("app", Auth.KEY, {"call:sentiment"})


@pytest.mark.parametrize("presented", ["", "x", "é" * 40, "hw_live_" + "a" * 60, "y" * 100_000])
def test_what_is_no_key_is_refused(home, presented):
    with pytest.raises(Unauthenticated):
        home().keys.find(presented, "192.0.2.7", START_WALL_NS)


def test_a_key_ends_at_its_expiry(home):
    one = home(life_s=60)
    one.keys.find(one.key, "192.0.2.7", START_WALL_NS + 60 * 10**9 - 1)

    with pytest.raises(Unauthenticated):
        one.keys.find(one.key, "192.0.2.7", START_WALL_NS + 60 * 10**9)


def test_unknown_and_expired_keys_are_told_the_same(home):
    one = home(life_s=60)
    texts = set()
    for presented in ("unknown", one.key):
        with pytest.raises(Unauthenticated) as caught:
            one.keys.find(presented, "192.0.2.7", START_WALL_NS + 61 * 10**9)
        texts.add((caught.value.detail, caught.value.reason, caught.value.headers))

    assert len(texts) == 1


def test_a_key_bound_to_a_network_is_refused_elsewhere(home):
    one = home(networks=(ip_network("192.0.2.0/24"),))
    one.keys.find(one.key, "192.0.2.7", START_WALL_NS)

    with pytest.raises(Forbidden):
        one.keys.find(one.key, "198.51.100.7", START_WALL_NS)
