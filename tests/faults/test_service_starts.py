"""How a service starts, refuses to start, stops and starts again."""

import json
import re
import signal
import socket
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from headworks.settings import read_config
from tests.running import COMMAND, cli, refused, service, shell, start, write_config
from tests.talking import Talk

CONFIG = """
models:
  echo: {python: "kinds:Echo"}
  later: {python: "kinds:Later"}
  count: {python: "kinds:Count"}
endpoints:
  echo: {v1: {targets: [echo]}}
  later: {v1: {targets: [later]}}
  count: {v1: {targets: [count]}}
"""


def test_sigterm_lets_running_calls_end_and_exits_0(tmp_path):
    with service(write_config(tmp_path, CONFIG), tmp_path / "home") as running:
        with (
            Talk(running.port, running.key) as unary,
            Talk(running.port, running.key) as stream,
            Talk(running.port) as idle,
        ):
            unary.ask("/api/later/v1", {"x": [1.0]})
            stream.ask("/api/count/v1", {"x": [2000] * 20}, headers={"Accept": "text/event-stream"})
            running.until(lambda: running.metric("headworks_model_running_calls") >= 2)
            running.process.send_signal(signal.SIGTERM)
            running.until(lambda: idle.read() == b"")
            late = is_refused(running.port)
            answers = [unary.answer(), stream.answer()]
        code = running.stop()
    verdict = cli("records", "verify", "--home", str(running.home))
    listed = {call["request_id"]: call["outcome"] for call in cli("records", "list", "--home", str(running.home))}

    assert late
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[1].body.endswith(b"event: end\ndata: {}\n\n")
    assert code == 0
    assert verdict["whole"]
    assert verdict["signed"] == verdict["records"]
    assert {listed[answer.headers["x-request-id"]] for answer in answers} == {"ok"}
    assert not (running.home / "records.db-wal").exists()
    assert not (running.home / "control.sock").exists()


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_what_does_not_end_in_time_is_ended_and_the_exit_is_still_clean(tmp_path):
    config = write_config(tmp_path, CONFIG + "server: {drain_timeout: 500ms}\n")
    with service(config, tmp_path / "home") as running, Talk(running.port, running.key) as talk:
        talk.ask("/api/later/v1", {"x": [9]})
        running.until(lambda: running.metric("headworks_model_running_calls") >= 1)
        code = running.stop()

    assert code == 0
    assert cli("records", "verify", "--home", str(running.home))["whole"]


def test_ctrl_c_ends_it_as_sigterm_does(tmp_path):
    with service(write_config(tmp_path, CONFIG), tmp_path / "home") as running:
        assert running.stop(signal.SIGINT) == 0


def test_a_second_service_on_a_home_is_refused_and_the_first_goes_on(tmp_path):
    config = write_config(tmp_path, CONFIG)
    with service(config, tmp_path / "home") as running:
        code, told, errors = shell("serve", str(config), "--home", str(running.home), "--port", "0")
        after = running.call("/api/echo/v1", {"text": "a"})

    assert code == 3
    assert told == ""
    assert str(running.process.pid) in errors
    assert str(running.home) in errors
    assert after.status == 200


def test_a_home_is_free_again_at_once_after_a_kill_and_keys_made_meanwhile_are_valid(tmp_path):
    config = write_config(tmp_path, CONFIG)
    running = start(config, tmp_path / "home")
    key, spare = running.key, running.make_key("spare")
    running.stop(signal.SIGKILL)
    made = cli("keys", "create", "made-while-down", "--home", str(tmp_path / "home"))
    with service(config, tmp_path / "home", key=key) as again:
        statuses = [again.call("/api/echo/v1", {"text": "a"}, key=each).status for each in (key, spare, made["key"])]

    assert statuses == [200] * 3
    assert again.admin_key is None


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, document = refused(write_config(tmp_path, CONFIG), tmp_path / "home", "--port", port)

    assert code == 1
    assert f"127.0.0.1:{port}" in document["error"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("kinds:Echo", "kinds:Nothing"), "echo"),
        (("kinds:Echo", "nowhere:Echo"), "echo"),
        (("targets: [echo]", "targets: [ekko]"), "echo"),
        (("endpoints:", "endpionts:"), "endpoints"),
        (("{targets: [echo]}", "{targets: [echo], rate: fast}"), "rate"),
        (("{targets: [echo]}", "{targets: [echo], timeout: '${NOT_SET_ANYWHERE}'}"), "NOT_SET_ANYWHERE"),
        (("models:", "models: ["), "headworks.yaml:4"),
    ],
)
def test_a_configuration_that_cannot_be_served_exits_1_and_says_what_is_wrong(tmp_path, change, says):
    config = write_config(tmp_path, CONFIG.replace(*change, 1))
    code, document = refused(config, tmp_path / "home")

    assert code == 1
    assert says in json.dumps(document), document
    assert document["code"] == "configuration_refused"


def test_a_model_that_fails_to_load_is_named_with_its_reason(tmp_path):
    text = 'models: {good: {python: "shapes:First"}, bad: {python: "shapes:Unloadable"}}\nendpoints: {good: {v1: {targets: [good]}}}\n'
    config = write_config(tmp_path, text, models=("shapes.py",))
    code, _, errors = shell("serve", str(config), "--home", str(tmp_path / "home"), "--port", "0")

    assert code == 1
    assert "bad" in errors
    assert "no weights at /nowhere" in errors
    assert errors.count("headworks: ") == 1


def test_plain_http_beyond_this_machine_must_be_meant(tmp_path):
    config = write_config(tmp_path, CONFIG)
    code, document = refused(config, tmp_path / "home", "--host", "0.0.0.0")

    assert code == 1
    assert "--insecure-http" in document["error"]
    assert "--behind-proxy" in document["error"]
    assert not (tmp_path / "home").exists()


def test_plain_http_that_is_meant_is_served_with_metrics_for_administrators_only(tmp_path):
    with service(write_config(tmp_path, CONFIG), tmp_path / "home", "--host", "0.0.0.0", "--insecure-http") as running:
        statuses = [running.get("/metrics", key=key).status for key in ("", running.key, running.admin_key)]
        answer = running.call("/api/echo/v1", {"text": "a"})
        foreign = running.call("/api/echo/v1", {"text": "a"}, headers={"Host": "evil.example"})

    assert statuses == [401, 403, 200]
    assert answer.status == 200
    assert foreign.status == 421


def test_a_forwarded_address_is_believed_from_the_proxy_alone(tmp_path):
    config = write_config(tmp_path, CONFIG)
    with service(config, tmp_path / "home", "--host", "0.0.0.0", "--behind-proxy", "127.0.0.2/32") as running:
        key = running.make_key("from-the-office", networks=["203.0.113.0/24"])
        said = {"X-Forwarded-For": "203.0.113.9"}
        proxied = running.call("/api/echo/v1", {"text": "a"}, key=key, headers=said, source="127.0.0.2")
        direct = running.call("/api/echo/v1", {"text": "a"}, key=key, headers=said, source="127.0.0.3")

    assert proxied.status == 200
    assert direct.status == 403


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for this machine, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(7).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    signed = built.sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return folder


def test_tls_1_3_is_served_and_1_2_is_refused(tmp_path, certificate):
    import ssl

    text = CONFIG + f"tls: {{cert: {certificate}/cert.pem, key: {certificate}/key.pem}}\n"
    running = start(write_config(tmp_path, text), tmp_path / "home", "--host", "0.0.0.0", key="")
    try:
        key = running.cli("keys", "create", "by-tls")["key"]
        context = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secured:
                secured.sendall(f"GET /api HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
                head = secured.recv(65536)
                version = secured.version()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as plain, pytest.raises(ssl.SSLError):
            context.wrap_socket(plain, server_hostname="localhost")
        with Talk(running.port) as plainly, pytest.raises(OSError):
            plainly.call("/health/live", method="GET")
    finally:
        code = running.stop()

    assert version == "TLSv1.3"
    assert b" 200 OK" in head
    assert b"strict-transport-security" in head.lower()
    assert code == 0


def test_a_certificate_that_is_none_is_named(tmp_path):
    (tmp_path / "cert.pem").write_text("nothing")
    config = write_config(tmp_path, CONFIG + f"tls: {{cert: {tmp_path}/cert.pem, key: {tmp_path}/cert.pem}}\n")
    code, document = refused(config, tmp_path / "home")

    assert code == 1
    assert "cert.pem" in json.dumps(document)


def test_a_project_written_by_init_runs_as_it_is(tmp_path):
    folder = tmp_path / "project"
    cli("init", str(folder))
    again = cli("init", str(folder), code=1)
    report = cli("check", str(folder), "--home", str(tmp_path / "home"))
    with service(folder / "headworks.yaml", tmp_path / "home") as running:
        answer = running.call("/api/mood/v1", {"inputs": "I love it"})

    assert "headworks.yaml" in again["error"]
    assert report["endpoints"] == ["mood/v1"]
    assert answer.status == 200
    assert answer.json[0]["label"] == "positive"


def test_what_stands_commented_out_in_a_new_project_is_right_as_well(tmp_path):
    folder = tmp_path / "project"
    cli("init", str(folder))
    lines = (folder / "headworks.yaml").read_text().splitlines()
    settings = re.compile(r"# ( *)(providers:|budgets:|openai:|aws:|each-key:|all:)")
    text = "\n".join(line.removeprefix("# ") if settings.match(line) else line for line in lines)
    text = text.replace("targets: [mood]", "targets: [mood, openai/gpt-5-mini, aws/comprehend:sentiment]")
    config = read_config_text(text, folder)

    assert set(config.providers) == {"openai", "aws"}
    assert {name: budget.per for name, budget in config.budgets.items()} == {"each-key": "key", "all": "service"}
    assert cli("check", str(folder), "--home", str(tmp_path / "home"))["endpoints"] == ["mood/v1"]


def read_config_text(text, folder):
    """The configuration, written in place of the project's own."""
    (folder / "headworks.yaml").write_text(text.replace("${OPENAI_API_KEY}", "a-key"))
    return read_config(folder / "headworks.yaml", {})


def test_a_file_of_models_is_served_without_any_configuration(tmp_path):
    (tmp_path / "models.py").write_text(
        "import headworks\n\n\nclass FraudRisk(headworks.Model):\n    def predict(self, row: str) -> str:\n        return row\n"
    )
    with service(tmp_path / "models.py", tmp_path / "home") as running:
        answer = running.call("/api/fraud-risk/v1", "abc")

    assert (answer.status, answer.json) == (200, "abc")


def test_what_is_told_to_a_person_names_the_address_the_endpoints_and_the_key_once(tmp_path):
    command = [*COMMAND, "serve", str(write_config(tmp_path, CONFIG)), "--home", str(tmp_path / "home"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        lines = [process.stdout.readline() for _ in range(9)]
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    told = "".join(lines) + rest

    assert process.returncode == 0
    assert "http://127.0.0.1:" in lines[0]
    assert "/api/echo/v1" in told
    assert told.count("hwadmin_live_") == 1
