"""Tokens are minted against a real endpoint on loopback, which checks the signature that google-auth made."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from headworks.errors import ProviderKeyRejected, ProviderUnreachable
from headworks.secret import Secret
from headworks.targets.providers.google.tokens import SCOPES, AccessToken
from headworks.targets.providers.proof import prove_credential
from headworks.targets.providers.wire import HttpRequest, Origin

HOST = Origin("https", "language.googleapis.com", 443)
REQUEST = HttpRequest("POST", "/v2/documents:analyzeSentiment", body=b"{}")
AUDIENCE = "https://oauth2.googleapis.com/token"
SOON_NS, LATER_NS = 0, 4 * 10**18


class Endpoint(HTTPServer):
    """A token endpoint that knows one public key."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.claims = []
        self.answer = (200, {"access_token": "minted-1", "expires_in": 3600, "token_type": "Bearer"})

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/token"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        public = self.server.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        certs = {"one": public}
        self.server.claims.append(jwt.decode(form["assertion"][0], certs=certs, audience=AUDIENCE))
        status, document = self.server.answer
        body = json.dumps(document).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("location", self.server.url)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def endpoint():
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def key_file(endpoint, tmp_path):
    def written(url=endpoint.url):
        pem = endpoint.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {
            "type": "service_account",
            "client_email": "team@team-1.iam.gserviceaccount.com",
            "private_key": pem.decode(),
            "private_key_id": "one",
            "token_uri": url,
        }
        path = tmp_path / "account.json"
        path.write_text(json.dumps(account))
        return str(path)

    return written


def test_a_service_account_gets_a_token_for_the_cloud(endpoint, key_file):
    token = AccessToken(key_file())
    assert not token.is_fresh(SOON_NS)
    token.refresh(SOON_NS)

    assert dict(token.signed(REQUEST, HOST, SOON_NS).headers)["authorization"] == "Bearer minted-1"
    assert endpoint.claims[0]["iss"] == "team@team-1.iam.gserviceaccount.com"
    assert endpoint.claims[0]["scope"] == SCOPES[0]


def test_a_token_is_fresh_until_five_minutes_before_its_end(endpoint, key_file):
    token = AccessToken(key_file())
    token.refresh(SOON_NS)

    assert token.is_fresh(SOON_NS)
    assert not token.is_fresh(LATER_NS)


@pytest.mark.parametrize(
    "answer", [(400, {"error": "invalid_grant", "error_description": "x"}), (401, {}), (302, {}), (200, {})]
)
def test_a_refused_account_is_a_rejected_key(endpoint, key_file, answer):
    endpoint.answer = answer
    token = AccessToken(key_file())

    with pytest.raises(ProviderKeyRejected):
        token.refresh(SOON_NS)
    with pytest.raises(ProviderKeyRejected):
        token.signed(REQUEST, HOST, SOON_NS)


def test_an_endpoint_that_is_not_there_is_unreachable(key_file):
    with pytest.raises(ProviderUnreachable):
        AccessToken(key_file("http://127.0.0.1:1/token")).refresh(SOON_NS)


@pytest.mark.parametrize("content", ["", "{}", '{"type": "service_account"}'])
def test_a_file_that_is_no_key_is_a_rejected_key(tmp_path, content):
    path = tmp_path / "account.json"
    path.write_text(content)

    with pytest.raises(ProviderKeyRejected):
        AccessToken(str(path)).refresh(SOON_NS)


def test_nothing_prints_a_token(endpoint, key_file):
    token = AccessToken(key_file())
    token.refresh(SOON_NS)

    prove_credential(token, Secret("minted-1"), HOST)
