"""No secret and no content comes out anywhere but where it belongs: marked texts are looked for in every sink."""

import base64
import json
import os

import pytest

from tests.running import service, write_config
from tests.talking import Talk
from tests.upstreams import upstream

CONFIG = """
models:
  careful: {python: "leaky:Careful"}
  wordy: {python: "leaky:Wordy"}
  wrong: {python: "leaky:Wrong"}
  piecewise: {python: "leaky:Piecewise"}
endpoints:
  careful: {v1: {targets: [careful]}}
  digest: {v1: {targets: [careful], record: digest}}
  untold: {v1: {targets: [careful], record: none, reason: "a test"}}
  wordy: {v1: {targets: [wordy]}}
  wrong: {v1: {targets: [wrong]}}
  piecewise: {v1: {targets: [piecewise]}}
OUTSIDE
providers:
"""
CONTENT = "Canary7Content"
SUBJECT = "canary7subject"
PROVIDER_KEY = "canary7providerkey"
SAID = "canary7saidbyprovider"
ECHO = f"{SAID} {PROVIDER_KEY} {CONTENT}"
REFUSAL = {"error": {"message": ECHO, "type": SAID, "code": SAID, "param": ECHO, "status": SAID}}
REFUSALS = (
    *((status, REFUSAL) for status in (200, 302, 400, 401, 403, 404, 413, 422, 429, 500, 503)),
    (200, {"id": SAID, "choices": ECHO}),
    (200, {"choices": [{"index": ECHO, "message": ECHO}]}),
    (200, [ECHO]),
    (400, {"detail": [{"loc": [ECHO], "msg": ECHO}]}),
    (500, ECHO),
)
"""What a service answers that repeats what it was sent, credential and all."""
LARGE = 200_000
EVENTS = {"Accept": "text/event-stream"}


class Told:
    """All that a service told whom it must not tell, and all that was secret."""

    def __init__(self):
        self.secrets = {}
        self.sinks = {}
        self.shown = {}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A service that was used in every way, and everything that came out of it meanwhile and afterwards."""
    folder = tmp_path_factory.mktemp("canaries")
    told = Told()
    with upstream() as (up, url), service(config_at(folder, url), folder / "home") as running:
        use(running, up, told)
        told.sinks |= {f"{path.name} while running": path.read_bytes() for path in files_below(running.home)}
        told.sinks |= {f"/proc/{pid}/{what}": process_file(pid, what) for pid in (running.process.pid, *running.workers()) for what in ("cmdline", "environ")}  # fmt: skip
    told.sinks["standard error"] = "\n".join(running.log).encode()
    told.sinks |= {path.name: path.read_bytes() for path in files_below(running.home)}
    assert any(
        path.parent.parent.name == "content" or path.parent.name == "content" for path in files_below(running.home)
    )
    return told


def config_at(folder, url):
    """A configuration with a provider for each refusal, so that none is set aside for another's."""
    provider = f'{{kind: openai, base_url: "{url}", api_key: {PROVIDER_KEY}, attempts: 1}}'
    endpoints = [f'  outside-{n}: {{v1: {{task: chat, targets: ["echo-{n}/m"]}}}}' for n in range(len(REFUSALS))]
    providers = [f"  echo-{n}: {provider}" for n in range(len(REFUSALS))]
    text = CONFIG.replace("OUTSIDE", "\n".join(endpoints)) + "\n".join(providers) + "\n"
    return write_config(folder, text, models=("leaky.py",))


def use(running, up, told):
    """Call in every way, well and badly, and keep what must not say the canaries."""
    made = [running.make_key(f"key-{n}") for n in range(3)]
    rotated = running.call("/admin/keys/rotate", {"id": key_id(made[1])}, key=running.admin_key)
    running.call("/admin/keys/revoke", {"id": key_id(made[2])}, key=running.admin_key)
    keys = [running.key, *made, rotated.json["key"], running.admin_key]
    told.secrets = {f"key {n}": secret_of(key) for n, key in enumerate(keys)}
    told.secrets |= {"content": CONTENT, "subject": SUBJECT, "provider's key": PROVIDER_KEY, "provider's text": SAID}
    with Talk(running.port, running.key) as talk:
        told.shown = good_calls(talk)
        told.sinks |= bad_calls(running, talk, made[2])
        told.sinks |= refused_outside(talk, up)
    get = running.get
    told.sinks |= {
        path: get(path, key=running.admin_key).body for path in ("/metrics", "/openapi.json", "/api", "/docs")
    }
    admin = (
        "/admin/keys",
        "/admin/models",
        "/admin/targets",
        "/admin/records?limit=1000",
        "/admin/records/usage",
        "/health/ready",
    )
    told.sinks |= {path: get(path, key=running.admin_key).body for path in admin}
    lists = (("records", "list", "--limit", "1000"), ("keys", "list"), ("models", "list"), ("records", "verify"))
    told.sinks |= {" ".join(words[:2]): json.dumps(running.cli(*words)).encode() for words in lists}
    told.shown = {
        name: running.cli("records", "show", answer.headers["x-request-id"]) for name, answer in told.shown.items()
    }


def good_calls(talk):
    """Calls with content, of every size, recorded in every way."""
    about = {"X-Subject": SUBJECT}
    return {
        "small": talk.call("/api/careful/v1", {"text": CONTENT}),
        "large": talk.call("/api/careful/v1", {"text": CONTENT * (LARGE // len(CONTENT))}),
        "of a person": talk.call("/api/careful/v1", {"text": CONTENT}, headers=about),
        "kept for replay": talk.call("/api/careful/v1", {"text": CONTENT}, headers={"Idempotency-Key": CONTENT}),
        "replayed": talk.call("/api/careful/v1", {"text": CONTENT}, headers={"Idempotency-Key": CONTENT}),
        "digest": talk.call("/api/digest/v1", {"text": CONTENT}),
        "untold": talk.call("/api/untold/v1", {"text": CONTENT}, headers=about),
        "streamed": talk.call("/api/piecewise/v1", {"text": CONTENT}, headers=EVENTS),
    }


def bad_calls(running, talk, revoked):
    """Answers to calls that went wrong in every way we know; none may say what was sent."""
    document = json.dumps({"text": CONTENT}).encode()
    answers = {
        "wrong type": talk.call("/api/careful/v1", {"text": [CONTENT]}),
        "no object": talk.call("/api/careful/v1", CONTENT),
        "too long": talk.call("/api/careful/v1", {"text": CONTENT * 200_000}),
        "a row of many": talk.call("/api/careful/v1", [{"text": "a"}, {"text": {CONTENT: CONTENT}}]),
        "not JSON": running.call("/api/careful/v1", body=document[:-1]),
        "twice the same": running.call("/api/careful/v1", body=b'{"text":"a","text":"%s"}' % CONTENT.encode()),
        "another body": talk.call("/api/careful/v1", {"text": "b"}, headers={"Idempotency-Key": CONTENT}),
        "model failed": talk.call("/api/wordy/v1", {"text": CONTENT}),
        "model lied": talk.call("/api/wrong/v1", {"text": CONTENT}),
        "key in the query": running.call(f"/api/careful/v1?api_key={running.key}", body=document),
        "key in the path": running.call(f"/api/{running.key}/v1", body=document),
        "key elsewhere": running.call("/api/careful/v1", body=document, headers={"X-Subject": running.key + "!"}),
        "revoked": running.call("/api/careful/v1", body=document, key=revoked),
        "damaged": running.call(
            "/api/careful/v1", body=document, key=running.key[:-1] + running.key[-1].swapcase().translate(DIGITS)
        ),
        "as user": running.call("/api", method="GET", key="", headers={"Authorization": f"Basic {running.key}"}),
        "key as id": running.call("/api/careful/v1", body=document, headers={"X-Request-Id": running.key}),
    }
    assert [name for name, answer in answers.items() if answer.status == 200] == []
    return {f"answer: {name}": answer.body + repr(answer.headers).encode() for name, answer in answers.items()}


def refused_outside(talk, up):
    """Answers to calls that a service refused, whole and as streams, telling all it was sent."""
    call = {"messages": [{"role": "user", "content": CONTENT}]}
    answers = {}
    for number, refusal in enumerate(REFUSALS):
        up.refusal = refusal
        answers[f"whole {number}"] = talk.call(f"/api/outside-{number}/v1", call)
        answers[f"stream {number}"] = talk.call(f"/api/outside-{number}/v1", call, headers=EVENTS)
    assert len(up.asked) >= len(REFUSALS)
    assert [name for name, answer in answers.items() if answer.status < 400] == []
    return {f"answer: {name}": answer.body + repr(answer.headers).encode() for name, answer in answers.items()}


def key_id(key):
    return key[-59:-51]


DIGITS = str.maketrans("0123456789", "1234567890")
"""For the last character of a key, whatever it is, another one."""


def secret_of(key):
    """The 43 characters nobody may see."""
    return key.rsplit("_", 2)[1]


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def process_file(process_id, what):
    with open(f"/proc/{process_id}/{what}", "rb") as file:
        return file.read()


def forms_of(secret):
    """The text itself, and as it would look in hexadecimal or in base64 at any place."""
    text = secret.encode()
    yield text
    yield text.hex().encode()
    for shift in range(3):
        inner = base64.b64encode(bytes(shift) + text)
        yield inner[4 if shift else 0 : len(inner) - 4]


def test_what_is_secret_is_in_no_sink(told):
    found = [
        f"{name} in {sink}: ...{data[max(0, data.find(form) - 60) : data.find(form) + 20]!r}"
        for name, secret in told.secrets.items()
        for sink, data in told.sinks.items()
        for form in forms_of(secret)
        if form in data
    ]

    assert not found, "\n".join(found)


def test_the_sinks_are_the_ones_that_are_meant(told):
    """Guards the test above: every sink was there and said something."""
    assert {"records.db", "keys.db", "standard error", "/metrics", "records list", "records.db while running"} <= set(
        told.sinks
    )
    assert all(told.sinks[name] for name in ("records.db", "keys.db", "standard error", "/metrics", "records list"))
    assert b'"event":"call"' in told.sinks["standard error"]
    assert len(told.secrets) == 10
    assert b"provider_refused" in told.sinks["standard error"]
    assert all(len(secret) == 43 for name, secret in told.secrets.items() if name.startswith("key"))


def test_what_is_recorded_in_full_is_shown_to_who_may_read_it(told):
    full = {"small", "large", "of a person", "kept for replay", "replayed", "streamed"}
    shows = {name for name, shown in told.shown.items() if CONTENT in json.dumps(shown)}

    assert shows == full


@pytest.mark.parametrize("name", ["keys.db", "records.db", "kek", "control.sock", "lock"])
def test_what_is_in_the_home_is_for_its_owner_only(served, name):
    assert os.stat(served.home / name).st_mode & 0o077 == 0
    assert os.stat(served.home).st_mode & 0o077 == 0
