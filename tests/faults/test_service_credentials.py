"""Who issues a provider's credentials may be slow: calls that need one end in time, and nobody else waits for it."""

import json
import socket
from contextlib import contextmanager
from time import monotonic

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.running import service, write_config
from tests.talking import Talk

CONFIG = """
models:
  echo: {{python: "kinds:Echo"}}
providers:
  cloud: {{kind: google, account_file: "{account}", project: team-1}}
endpoints:
  echo: {{v1: {{targets: [echo]}}}}
  said: {{v1: {{task: translation, targets: ["cloud/translate-v3"], timeout: 2s}}}}
"""
LARGE = {"text": "x" * 600_000}


@contextmanager
def silent():
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/token"


@pytest.fixture
def account(tmp_path):
    with silent() as url:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        held = {
            "type": "service_account",
            "client_email": "team@team-1.iam.gserviceaccount.com",
            "private_key": key.private_bytes(*form).decode(),
            "private_key_id": "one",
            "token_uri": url,
        }
        path = tmp_path / "account.json"
        path.write_text(json.dumps(held))
        yield path


def test_a_silent_issuer_of_tokens_holds_up_its_own_calls_alone_and_those_no_longer_than_their_deadline(
    tmp_path, account
):
    config = write_config(tmp_path / "house", CONFIG.format(account=account))
    with service(config, tmp_path / "home") as running, Talk(running.port, running.key) as waiting:
        began_s = monotonic()
        waiting.ask("/api/said/v1", {"inputs": "hello", "parameters": {"tgt_lang": "de"}})
        running.until(lambda: running.metric("headworks_target_attempts_total") >= 1)
        large = running.call("/api/echo/v1", LARGE)
        large_s = monotonic() - began_s
        late = waiting.answer()
        late_s = monotonic() - began_s

    assert (large.status, large.json) == (200, LARGE)
    assert large_s < 1.9
    assert (late.status, late.json["code"]) == (504, "deadline_exceeded")
    assert 1.9 < late_s < 3
