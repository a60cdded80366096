from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.errors import SchemaViolation
from headworks.identity.terms import Terms, bounded, parse_networks, parse_scopes
from headworks.request.authorise import may_call
from headworks.units import Rate
from headworks.values import Auth, Caller
from tests.unit.contracts import make_endpoint

SCOPES = st.none() | st.frozensets(
    st.sampled_from(["call:a", "call:a/v1", "call:b", "call:b/v2", "call:*", "catalogue"]), min_size=1
)
RATES = st.none() | st.builds(
    Rate, st.integers(1, 50).map(float), st.sampled_from([1.0, 60.0]), st.none() | st.integers(1, 50)
)
NETWORKS = st.lists(
    st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "192.0.2.0/24", "2001:db8::/32", "2001:db8::1/128"]),
    max_size=3,
    unique=True,
).map(lambda texts: tuple(map(ip_network, texts)))
TERMS = st.builds(Terms, SCOPES, RATES, st.none() | st.integers(1, 9), NETWORKS, st.none() | st.integers(1, 9))
ENDPOINTS = [make_endpoint(name=name, version=version) for name in "abc" for version in (1, 2)]
ADDRESSES = [ip_network(t) for t in ("10.1.2.3/32", "10.9.9.9/32", "192.0.2.1/32", "8.8.8.8/32", "2001:db8::1/128")]


def callable_by(terms):
    caller = Caller("k", "n", Auth.KEY, terms.scopes)
    return {endpoint.id for endpoint in ENDPOINTS if may_call(caller, endpoint)}


def most_calls(rate, window_ns):
    return float("inf") if rate is None else rate.depth + window_ns // rate.interval_ns


def usable_from(terms):
    return {
        a
        for a in ADDRESSES
        if not terms.networks or any(a.version == n.version and a.subnet_of(n) for n in terms.networks)
    }


@given(TERMS, TERMS)
def test_a_child_never_exceeds_its_parent(asked, parent):
    try:
        child = bounded(asked, parent)
    except SchemaViolation:
        return

    assert callable_by(child) <= callable_by(parent)
    for window_ns in (0, 1, 10**9, 10**12):
        assert most_calls(child.rate, window_ns) <= most_calls(parent.rate, window_ns)
    assert (child.concurrency or 99) <= (parent.concurrency or 99)
    assert (child.expires_wall_ns or 99) <= (parent.expires_wall_ns or 99)
    assert usable_from(child) <= usable_from(parent)


@given(TERMS, TERMS, TERMS)
def test_nor_does_a_grandchild(asked, middle, parent):
    try:
        grandchild = bounded(asked, bounded(middle, parent))
    except SchemaViolation:
        return

    assert bounded(grandchild, parent) == grandchild


@given(TERMS)
def test_an_equal_child_is_allowed(terms):
    assert bounded(terms, terms) == terms


@given(TERMS)
def test_only_administrators_make_administrators(parent):
    with pytest.raises(SchemaViolation):
        bounded(Terms(frozenset({"admin"})), parent)

    assert bounded(Terms(frozenset({"admin"})), Terms(frozenset({"admin"}))).scopes == {"admin"}


@given(SCOPES)
def test_an_administrator_may_grant_every_scope(scopes):
    assert bounded(Terms(scopes), Terms(frozenset({"admin"}))).scopes == scopes


def test_every_field_beyond_the_parent_is_named():
    parent = Terms(frozenset({"call:a"}), Rate(1, 1.0), 1, (ip_network("10.0.0.0/8"),), 5)
    asked = Terms(frozenset({"call:b"}), Rate(2, 1.0), 2, (ip_network("8.8.8.8/32"),), None)
    with pytest.raises(SchemaViolation) as caught:
        bounded(asked, parent)

    assert [e.pointer for e in caught.value.errors] == ["/scopes", "/rate", "/concurrency", "/networks", "/expires"]


@pytest.mark.parametrize("scope", ["call:sentiment", "call:a-b_c/v12", "call:*", "catalogue", "admin"])
def test_scopes_as_documented_are_read(scope):
    assert parse_scopes([scope]) == {scope}


@pytest.mark.parametrize(
    "scopes",
    [[], ["call:"], ["call:A"], ["call:a/v0"], ["call:a/1"], ["*"], ["Admin"], ["call:a\n"], ["admin", "call:a"]],
)
def test_other_scopes_are_refused(scopes):
    with pytest.raises(ValueError):
        parse_scopes(scopes)


@pytest.mark.parametrize("network", ["10.0.0.1/8", "x", "", "10.0.0.0/33"])
def test_what_is_no_network_is_refused_by_name(network):
    with pytest.raises(ValueError, match="is no network"):
        parse_networks([network])
