"""A service that speaks TLS: only TLS 1.3, verified by its callers, and its certificate changed without a restart."""

import http.client
import json
import signal
import ssl

import pytest
from cryptography import x509

from tests.running import service, write_config
from tests.unit.targets.providers.http.certificates import Authority

CONFIG = """
models: {{sum: {{python: "kinds:Sum"}}}}
endpoints: {{sum: {{v1: {{targets: [sum]}}}}}}
tls: {{cert: "cert.pem", key: "key.pem"}}
"""


class House:
    """A service with a certificate that can be replaced, and a caller who trusts its authority alone."""

    def __init__(self, folder):
        self.folder, self.authority = folder, Authority(folder)
        self.trust = ssl.create_default_context(cafile=self.authority.ca_file)
        self.trust.check_hostname = True

    def put(self, name):
        """Lay a new pair where the configuration says."""
        certificate, key = self.authority.pair(name)
        for made, place in ((certificate, "cert.pem"), (key, "key.pem")):
            (self.folder / place).write_bytes((self.folder / made).read_bytes())

    def connection(self, port):
        made = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=self.trust)
        made.connect()
        return made

    def name(self, port):
        made = self.connection(port)
        der = made.sock.getpeercert(binary_form=True)
        made.close()
        return x509.load_der_x509_certificate(der).subject.rfc4514_string()


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    made.put("first")
    return made


def asked(connection, key):
    fields = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/api/sum/v1", b'{"x": [1.0, 2.0]}', fields)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def reloads(running):
    return [json.loads(line) for line in running.log if '"event":"reload' in line]


def test_a_certificate_is_changed_without_a_restart_and_no_connection_is_lost(house, tmp_path, monkeypatch):
    config = write_config(tmp_path, CONFIG.format())
    monkeypatch.chdir("/")  # its files stand beside the configuration, wherever the command runs
    with service(config, tmp_path / "home", key="") as running:
        key = running.cli("keys", "create", "test")["key"]
        open_before = house.connection(running.port)
        names = [house.name(running.port)]
        house.put("second")
        running.process.send_signal(signal.SIGHUP)
        running.until(lambda: len(reloads(running)) == 1)
        names.append(house.name(running.port))
        house.put("third")
        told = running.cli("models", "reload")
        names.append(house.name(running.port))
        (tmp_path / "key.pem").write_text("broken")
        refused = running.cli("models", "reload", code=1)
        names.append(house.name(running.port))
        status, _, headers = asked(open_before, key)
        open_before.close()

    assert names == ["CN=first", "CN=second", "CN=third", "CN=third"]
    assert told["waiting"] == []
    assert "key.pem" in str(refused)
    assert status == 200
    assert headers["strict-transport-security"].startswith("max-age=")


def test_other_paths_of_the_certificate_wait_for_a_restart(house, tmp_path):
    config = write_config(tmp_path, CONFIG.format())
    with service(config, tmp_path / "home", key="") as running:
        config.write_text(CONFIG.format().replace('"cert.pem"', '"other.pem"'))
        (tmp_path / "other.pem").write_bytes((tmp_path / "cert.pem").read_bytes())

        assert running.cli("models", "reload")["waiting"] == ["tls.cert"]
