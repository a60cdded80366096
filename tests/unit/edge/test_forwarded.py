import pytest

from headworks.edge.forwarded import Proxies, is_loopback
from headworks.errors import Malformed

TRUSTED = Proxies(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("chain", "origin"),
    [
        ("9.9.9.9", "9.9.9.9"),
        ("1.1.1.1, 9.9.9.9", "9.9.9.9"),
        ("1.1.1.1, 9.9.9.9, 10.1.1.1,10.2.2.2", "9.9.9.9"),
        ("10.1.1.1", "10.1.1.1"),
        ("9.9.9.9:1234", "9.9.9.9"),
        ("[2001:db8::1]:99", "2001:db8::1"),
        ("2001:db8::1, fd00::7", "2001:db8::1"),
        ("::ffff:9.9.9.9", "9.9.9.9"),
        ("unknown, 9.9.9.9", "9.9.9.9"),
    ],
)
def test_the_rightmost_address_that_is_no_proxy_is_the_caller(chain, origin):
    assert TRUSTED.origin("10.0.0.1", {"x-forwarded-for": chain}) == origin


def test_without_the_header_the_proxy_itself_calls():
    assert TRUSTED.origin("10.0.0.1", {}) == "10.0.0.1"


@pytest.mark.parametrize("chain", ["", "unknown", "1.2.3", "9.9.9.9,", "evil\n1.1.1.1", ",".join(["10.0.0.1"] * 17)])
def test_what_a_proxy_says_that_is_no_address_is_refused(chain):
    with pytest.raises(Malformed):
        TRUSTED.origin("10.0.0.1", {"x-forwarded-for": chain})


@pytest.mark.parametrize(
    ("value", "is_secure"), [("https", True), ("http, HTTPS", True), ("https, http", False), ("", False)]
)
def test_the_nearest_proxy_says_whether_tls_was_used(value, is_secure):
    assert TRUSTED.is_secure({"x-forwarded-proto": value}) is is_secure


def test_only_addresses_of_the_networks_are_proxies():
    assert TRUSTED.has("10.9.9.9")
    assert TRUSTED.has("::ffff:10.9.9.9")
    assert not TRUSTED.has("11.0.0.1")
    assert not TRUSTED.has("")
    assert not Proxies([]).has("10.9.9.9")


def test_loopback_is_known_in_both_families():
    assert [is_loopback(one) for one in ("127.0.0.9", "::1", "10.0.0.1", "")] == [True, True, False, False]
