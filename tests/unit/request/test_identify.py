"""Who calls, or why not."""

import base64

import msgspec
import pytest

from headworks.errors import Forbidden, Malformed, RateLimited, Unauthenticated
from headworks.request.identify import ANONYMOUS, identify
from headworks.values import Auth, Caller, Matched, Route
from tests.fakes_keys import START_WALL_NS, FakeKeys
from tests.unit.contracts import make_raw

KEY = "hw_live_abcdefgh_" + "s" * 43 + "_123456"
APP = Caller("abcdefgh", "app", Auth.KEY)
ADMIN = Caller("adminadm", "ops", Auth.ADMIN, frozenset({"admin"}))


@pytest.fixture
def keys():
    keys = FakeKeys()
    keys.add(KEY, APP)
    keys.add("admin-key", ADMIN)
    return keys


def route(auth, template="/api/{endpoint}/v{n}", method="POST"):
    return Matched(Route(method, template, auth, "call", 1000), {})


def found(keys, auth=Auth.KEY, matched=None, peer="192.0.2.7", **headers):
    raw = msgspec.structs.replace(make_raw(**headers), peer=peer)
    return identify(raw, matched or route(auth), keys, START_WALL_NS)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"authorization": f"BEARER  {KEY} "},
        {"x_api_key": KEY},
        {"authorization": f"Bearer {KEY}", "x_api_key": KEY},
    ],
)
def test_a_key_is_taken_from_either_header(keys, headers):
    assert found(keys, **headers) is APP


@pytest.mark.parametrize(
    "headers", [{"authorization": "Bearer a", "x_api_key": KEY}, {"authorization": f"Bearer {KEY}", "x_api_key": ""}]
)
def test_two_different_keys_are_refused_with_400(keys, headers):
    with pytest.raises(Malformed):
        found(keys, **headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer wrong"},
        {"authorization": KEY},
        {"authorization": f"Token {KEY}"},
        {"authorization": f"Bearer {KEY}, Bearer {KEY}"},
        {"authorization": "Basic " + base64.b64encode(f"x:{KEY}".encode()).decode()},
        {"x_api_key": ""},
        {"x_api_key": f"{KEY}, {KEY}"},
        {"cookie": f"key={KEY}"},
    ],
)
def test_everything_else_is_refused_with_401_and_a_challenge(keys, headers):
    with pytest.raises(Unauthenticated) as caught:
        found(keys, **headers)

    ((name, challenge),) = caught.value.headers
    assert name == "WWW-Authenticate"
    assert challenge.startswith('Bearer realm="headworks"')


@pytest.mark.parametrize(
    "query",
    [
        f"key={KEY}",
        KEY,
        "a=1&api_key=x",
        "apikey=x",
        "X-API-Key=x",
        "access_token=x",
        f"q={KEY.replace('_', '%5F')}",
        "b=2;api-key=",
    ],
)
@pytest.mark.parametrize("auth", list(Auth))
def test_a_key_in_the_query_is_refused_with_400_and_a_fixed_text(keys, query, auth):
    raw = make_raw(query=query, authorization=f"Bearer {KEY}")
    with pytest.raises(Malformed) as caught:
        identify(raw, route(auth), keys, START_WALL_NS)

    assert caught.value.detail.startswith("A key must not stand in the URL")
    assert KEY not in caught.value.detail


@pytest.mark.parametrize("query", ["", "limit=10", "key=name", "tokens=5", "q=what+is+an+api+key"])
def test_other_queries_pass(keys, query):
    assert identify(make_raw(query=query, x_api_key=KEY), route(Auth.KEY), keys, START_WALL_NS) is APP


def test_a_public_route_asks_for_no_key_and_reads_none(keys):
    assert found(keys, Auth.PUBLIC) is ANONYMOUS
    assert found(keys, Auth.PUBLIC, authorization="Bearer wrong") is ANONYMOUS


def test_an_admin_route_needs_an_administrator(keys):
    assert found(keys, Auth.ADMIN, authorization="Bearer admin-key") is ADMIN
    with pytest.raises(Forbidden):
        found(keys, Auth.ADMIN, x_api_key=KEY)
    with pytest.raises(Unauthenticated):
        found(keys, Auth.ADMIN)


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_a_local_route_is_open_to_this_machine(keys, peer):
    assert found(keys, Auth.LOCAL, peer=peer) is ANONYMOUS


@pytest.mark.parametrize("peer", ["192.0.2.7", "::2", "128.0.0.1", "", "1127.0.0.1", "::ffff:192.0.2.1"])
def test_from_elsewhere_a_local_route_needs_an_administrator(keys, peer):
    assert found(keys, Auth.LOCAL, peer=peer, x_api_key="admin-key") is ADMIN
    with pytest.raises(Forbidden):
        found(keys, Auth.LOCAL, peer=peer, x_api_key=KEY)
    with pytest.raises(Unauthenticated):
        found(keys, Auth.LOCAL, peer=peer)


@pytest.mark.parametrize("header", ["forwarded", "x_forwarded_for", "x_real_ip", "via", "x_forwarded_proto"])
def test_a_sign_of_a_proxy_closes_a_local_route(keys, header):
    with pytest.raises(Unauthenticated):
        found(keys, Auth.LOCAL, peer="127.0.0.1", **{header: "1.2.3.4"})


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("template", ["/docs", "/openapi.json"])
def test_a_browser_may_send_the_key_as_a_password_for_pages(keys, template):
    matched = route(Auth.KEY, template, "GET")

    assert found(keys, matched=matched, authorization=basic(f"me:{KEY}")) is APP
    with pytest.raises(Unauthenticated) as caught:
        found(keys, matched=matched)
    assert caught.value.headers[0][1].startswith("Basic realm=")
    for wrong in ("Basic !!!", "Basic", basic("nocolon"), "Basic " + base64.b64encode(b"\xff:\xff").decode()):
        with pytest.raises(Unauthenticated):
            found(keys, matched=matched, authorization=wrong)


def test_no_other_route_takes_a_password(keys):
    for matched in (route(Auth.KEY, "/docs", "POST"), route(Auth.KEY, "/api", "GET"), route(Auth.ADMIN)):
        with pytest.raises(Unauthenticated) as caught:
            found(keys, matched=matched, authorization=basic(f"me:{KEY}"))
        assert "Basic" not in caught.value.headers[0][1]


def test_a_wrong_key_is_told_from_none_in_the_challenge_only(keys):
    with pytest.raises(Unauthenticated) as caught:
        found(keys, x_api_key="wrong")

    assert caught.value.headers == (("WWW-Authenticate", 'Bearer realm="headworks", error="invalid_token"'),)


def test_a_throttled_source_stays_429():
    class Throttling(FakeKeys):
        def find(self, presented, peer, wall_ns):
            raise RateLimited("slow down", retry_after_s=3.0)

    with pytest.raises(RateLimited):
        found(Throttling(), x_api_key="wrong")


@pytest.mark.parametrize(
    ("scopes", "is_let_in"), [(None, False), ({"call:x"}, False), ({"call:x", "statistics"}, True)]
)
def test_figures_of_all_callers_are_for_administrators_and_keys_of_their_scope(keys, scopes, is_let_in):
    caller = Caller("counting", "load", Auth.KEY, None if scopes is None else frozenset(scopes))
    keys.add("counting-key", caller)

    assert found(keys, Auth.STATISTICS, authorization="Bearer admin-key") is ADMIN
    if is_let_in:
        assert found(keys, Auth.STATISTICS, authorization="Bearer counting-key") is caller
        return
    with pytest.raises(Forbidden, match="scope statistics"):
        found(keys, Auth.STATISTICS, authorization="Bearer counting-key")
