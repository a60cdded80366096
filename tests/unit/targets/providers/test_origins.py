"""Where requests go, as a configured URL says: the client takes every origin that is read, and nothing hidden is read."""

import pytest

from headworks.errors import ConfigurationRefused
from headworks.targets.providers.http.outgoing import checked_origin, host_field
from headworks.targets.providers.origins import authority_of, origin_of
from headworks.targets.providers.wire import Origin


@pytest.mark.parametrize(
    ("url", "origin", "host"),
    [
        ("https://api.example/v1/", Origin("https", "api.example", 443, "/v1"), "api.example"),
        ("http://127.0.0.1:9000/v1", Origin("http", "127.0.0.1", 9000, "/v1"), "127.0.0.1:9000"),
        ("http://[::1]:9000/v1", Origin("http", "[::1]", 9000, "/v1"), "[::1]:9000"),
        ("https://[2001:DB8::7]", Origin("https", "[2001:db8::7]", 443), "[2001:db8::7]"),
    ],
)
def test_the_client_takes_what_is_read(url, origin, host):
    read = origin_of(url, "up")

    assert read == origin
    assert host_field(checked_origin(read)) == authority_of(read) == host


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/v1", "h/v1", "http:///v1", "http://h:99999", "http://[::1", "http://u:p@h/v1", "http://u@h", "http://h?q=1",
        "http://h#f", "http://h\\@evil/v1",
    ],
)  # fmt: skip
def test_anything_but_scheme_host_port_and_path_is_refused(url):
    with pytest.raises(ConfigurationRefused):
        origin_of(url, "up")
