"""Signatures are compared with those of the vendor's own signer for the same request at the same time."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from headworks.errors import ConfigurationRefused, ProviderKeyRejected
from headworks.secret import Secret
from headworks.targets.providers.aws.keys import ChainedKeys, FixedKeys
from headworks.targets.providers.aws.signing import Scope, Signature
from headworks.targets.providers.wire import HttpRequest, Origin

HOST = Origin("https", "comprehend.eu-west-1.amazonaws.com", 443)
LOCAL = Origin("http", "127.0.0.1", 5005, "/aws")
REQUESTS = [
    HttpRequest(
        "POST", "/", (("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "A.B")), b'{"Text":"\xc3\xa9"}'
    ),
    HttpRequest("POST", "/model/anthropic.claude-v2%3A1/converse", body=b"{}"),
    HttpRequest("POST", "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Aprofile%2Fa.b/invoke", body=b"{}"),
    HttpRequest("GET", "/list?b=2&a=%20x&a=1", ()),
]
KEY_ID, KEY, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "FwoGZXIvYXdzEJr//token=="


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("origin", [HOST, LOCAL], ids=["vendor", "emulator"])
@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.path[:12])
def test_a_signature_is_the_vendors_own(request_, origin, token):
    host = origin.host if origin.port == 443 else f"{origin.host}:{origin.port}"
    url = f"{origin.scheme}://{host}{origin.path}{request_.path}"
    theirs = AWSRequest(request_.method, url, dict(request_.headers), request_.body)
    SigV4Auth(ReadOnlyCredentials(KEY_ID, KEY, token), "bedrock", "eu-west-1").add_auth(theirs)
    signed_at = datetime.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    keys = FixedKeys(Secret(":".join(part for part in (KEY_ID, KEY, token) if part)))
    ours = Signature(keys, Scope("bedrock", "eu-west-1")).signed(
        request_, origin, int(signed_at.timestamp()) * 10**9 + 5
    )

    assert dict(ours.headers) == {name.lower(): value for name, value in theirs.headers.items()}
    assert (ours.method, ours.path, ours.body) == (request_.method, request_.path, request_.body)


def test_the_secret_is_used_and_never_sent():
    signed = Signature(FixedKeys(Secret(f"{KEY_ID}:{KEY}:{TOKEN}")), Scope("bedrock", "eu-west-1")).signed(
        REQUESTS[1], HOST, 0
    )

    assert KEY not in str(signed)
    assert dict(signed.headers)["x-amz-security-token"] == TOKEN


def test_nothing_prints_a_key():
    keys = FixedKeys(Secret(f"{KEY_ID}:{KEY}"))
    things = [keys, Signature(keys, Scope("bedrock", "eu-west-1"))]

    assert KEY not in "".join(repr(thing) + str(thing) for thing in things)


@pytest.mark.parametrize("text", ["only", ":", "a:", "a:b:c:d", ""])
def test_a_key_of_another_form_is_refused_without_showing_it(text):
    with pytest.raises(ConfigurationRefused) as caught:
        FixedKeys(Secret(text))

    assert text == "" or f" {text}" not in str(caught.value)


@pytest.fixture
def no_keys(monkeypatch, tmp_path):
    """A machine on which the chain finds nothing and asks no network."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return tmp_path


def test_a_chain_without_keys_says_so(no_keys):
    keys = ChainedKeys(None)

    with pytest.raises(ProviderKeyRejected):
        keys.refresh()
    with pytest.raises(ProviderKeyRejected):
        keys.current()
    assert not keys.is_fresh()


def test_the_chain_reads_the_shared_file(no_keys):
    (no_keys / "credentials").write_text(f"[team]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {KEY}\n")
    credential = Signature(ChainedKeys("team"), Scope("translate", "eu-west-1"))
    assert not credential.is_fresh(0)
    credential.refresh(0)

    assert credential.is_fresh(0)
    assert KEY_ID in dict(credential.signed(REQUESTS[0], HOST, 0).headers)["authorization"]


def test_an_unknown_profile_is_a_rejected_key(no_keys):
    with pytest.raises(ProviderKeyRejected):
        ChainedKeys("nobody").refresh()


@pytest.mark.parametrize(("minutes", "is_fresh"), [(60, True), (5, False)])
def test_keys_that_end_are_fresh_until_ten_minutes_before(no_keys, minutes, is_fresh):
    ends = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
    told = {"Version": 1, "AccessKeyId": KEY_ID, "SecretAccessKey": KEY, "SessionToken": TOKEN, "Expiration": ends}
    (no_keys / "told.json").write_text(json.dumps(told))
    (no_keys / "config").write_text(f"[profile team]\ncredential_process = cat {no_keys / 'told.json'}\n")
    keys = ChainedKeys("team")
    keys.refresh()

    assert keys.is_fresh() is is_fresh
    assert keys.current().token == TOKEN


def test_keys_that_ended_are_got_anew(no_keys):
    def tell(key_id, minutes):
        ends = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
        told = {"Version": 1, "AccessKeyId": key_id, "SecretAccessKey": KEY, "Expiration": ends}
        (no_keys / "told.json").write_text(json.dumps(told))

    (no_keys / "config").write_text(f"[profile team]\ncredential_process = cat {no_keys / 'told.json'}\n")
    keys = ChainedKeys("team")
    tell("OLD", 5)
    keys.refresh()
    tell("NEW", 60)
    keys.refresh()

    assert keys.current().access_key == "NEW"
    assert keys.is_fresh()


def test_a_process_that_gives_no_keys_is_a_rejected_key(no_keys):
    (no_keys / "config").write_text("[profile team]\ncredential_process = false\n")

    with pytest.raises(ProviderKeyRejected):
        ChainedKeys("team").refresh()
