"""Administration on the machine itself is in the record: who, what, how it ended; before it is done and before it is answered."""

import json
import os
import pwd
import re
import signal
import sqlite3

import pytest

from headworks.admin.control import ask_owner
from headworks.errors import BadControl
from tests.running import cli, service, shell, write_config

CONFIG = """
models: {echo: {python: "kinds:Echo"}}
endpoints: {echo: {v1: {targets: [echo]}}}
logs: {calls: false}
"""
UNBEGUN = (
    """CREATE TRIGGER unbegun BEFORE INSERT ON records WHEN new.kind = 'opened' BEGIN SELECT raise(ABORT, 'no'); END"""
)


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """A service, administered in every way, and what came back."""
    folder = tmp_path_factory.mktemp("administered")
    with service(write_config(folder, CONFIG), folder / "home") as running:
        running.call("/api/echo/v1", {"text": "a"}, headers={"X-Subject": "patient-17"})
        made = running.cli("keys", "create", "bedside", "--scope", "call:echo", "--rate", "10/s")
        new = running.cli("keys", "rotate", made["id"], "--overlap", "1h")
        running.cli("keys", "revoke", new["id"])
        running.cli("keys", "revoke", "0" * 8, code=1)
        running.cli("keys", "list")
        running.cli("models", "list")
        running.cli("models", "swap", "echo")
        running.cli("models", "reload")
        running.cli("targets", "list")
        running.cli("records", "erase", "patient-17")
        with pytest.raises(BadControl):
            ask_owner(str(folder / "home" / "control.sock"), "keys.revoke", {"id": made["key"]})
        running.process.send_signal(signal.SIGHUP)
        running.until(lambda: [each["outcome"] for each in told(running.home) if each["via"] == "SIGHUP"] == ["ok"])
        yield running, made, new


def told(home):
    """What the record says of commands given on the machine, oldest first."""
    calls = cli("records", "list", "--home", str(home), "--limit", "1000")
    return [call for call in reversed(calls) if call["via"] not in {"http", "cache"}]


def named(home, command):
    return [call for call in told(home) if call["route"] == command]


def shown(home, call):
    """The words and the result of one command, as the record kept them."""
    whole = cli("records", "show", call["request_id"], "--home", str(home))
    return json.loads(whole["input"][0]), json.loads(whole["output"] or "null")


def test_every_command_leaves_who_gave_it(used):
    rows = told(used[0].home)
    own = f"uid:{os.getuid()}:{pwd.getpwuid(os.getuid()).pw_name}"

    assert all(call["caller_id"].startswith(own) for call in rows)
    assert [(call["route"], call["outcome"], call["via"]) for call in rows] == [
        *((command, "ok", "control socket") for command in ("keys.create", "keys.rotate", "keys.revoke")),
        ("keys.revoke", "not_found", "control socket"),
        *((f"{part}.list", "ok", "control socket") for part in ("keys", "models")),
        *((f"models.{act}", "ok", "control socket") for act in ("swap", "reload")),
        *((command, "ok", "control socket") for command in ("targets.list", "records.erase")),
        ("keys.revoke", "schema_violation", "control socket"),
        ("models.reload", "ok", "SIGHUP"),
    ]


def test_what_was_told_is_kept_with_what_came_of_it(used):
    running, made, new = used
    (created,), (rotated,), revoked = (named(running.home, f"keys.{act}") for act in ("create", "rotate", "revoke"))

    assert shown(running.home, created) == (
        {"name": "bedside", "scopes": ["call:echo"], "rate": "10/s"},
        {"id": made["id"], "expires": made["expires"]},
    )
    assert shown(running.home, rotated)[1]["id"] == new["id"]
    assert shown(running.home, revoked[0]) == ({"id": new["id"]}, {"id": new["id"], "name": "bedside"})
    assert shown(running.home, revoked[1]) == ({"id": "0" * 8}, None)


def test_a_change_is_in_the_record_before_it_is_done(used):
    assert all(len(call["seqs"]) == 2 for call in told(used[0].home) if not call["route"].endswith(".list"))
    assert all(len(call["seqs"]) == 1 for call in told(used[0].home) if call["route"].endswith(".list"))


def test_neither_a_key_nor_the_name_of_a_person_is_kept(used):
    running, made, new = used
    kept = json.dumps([shown(running.home, call) for call in told(running.home) if call["mode"] == "full"])
    erased = shown(running.home, named(running.home, "records.erase")[0])

    assert "patient-17" not in kept
    assert (erased[0], erased[1]["data_keys"]) == ({}, 1)
    for key in (made["key"], new["key"]):
        assert key not in kept
        assert re.findall("[0-9A-Za-z]{43}", key)[0] not in kept
    assert running.cli("records", "verify")["whole"]


def test_who_reads_content_is_recorded_by_name(used):
    running = used[0]
    call = told(running.home)[0]
    shown(running.home, call)
    cli(
        "records",
        "export",
        "--caller",
        "nobody",
        "--out",
        str(running.home.parent / "none"),
        "--home",
        str(running.home),
    )
    newest, before = running.cli("records", "readings", "--limit", "2")

    assert newest["what"] == {
        "read": "export",
        "filter": {"endpoint": None, "caller": "nobody", "outcome": None, "since_ns": None},
    }
    assert before["what"] == {"read": "show", "request_id": call["request_id"]}
    assert {each["by"].split(":login")[0] for each in (newest, before)} == {
        f"uid:{os.getuid()}:{pwd.getpwuid(os.getuid()).pw_name}"
    }
    assert running.cli("records", "readings", "--since", "1ms") == []
    code, lines, _ = shell("records", "readings", "--limit", "1", "--home", str(running.home))
    assert (code, "{'caller': 'nobody'}" in lines) == (0, True)


def test_a_change_is_a_line_of_the_log_too(used):
    def told():
        lines = [json.loads(line) for line in list(used[0].log)]
        return [(line["command"], line["outcome"], line["via"]) for line in lines if line["event"] == "command"]

    used[0].until(lambda: told()[-1:] == [("models.reload", "ok", "SIGHUP")])

    assert told()[:2] == [("keys.create", "ok", "control socket"), ("keys.rotate", "ok", "control socket")]
    assert ("keys.revoke", "not_found", "control socket") in told()
    assert not [command for command, _, _ in told() if command.endswith(".list")]


def test_nothing_is_done_that_cannot_be_recorded(tmp_path):
    home = tmp_path / "home"
    with service(write_config(tmp_path, CONFIG), home) as running:
        made = running.cli("keys", "create", "kept")
        with sqlite3.connect(home / "records.db") as connection:
            connection.execute(UNBEGUN)
        refused = running.cli("keys", "revoke", made["id"], code=1)
        over_http = running.call("/admin/keys/revoke", {"id": made["id"]}, key=running.admin_key)
        with sqlite3.connect(home / "records.db") as connection:
            connection.execute("DROP TRIGGER unbegun")
        connection.close()
        running.until(lambda: running.call("/api/echo/v1", {"text": "a"}, key=made["key"]).status == 200)

    assert refused["error"] == "Record cannot be written"
    assert over_http.status == 503


def test_a_change_over_http_is_recorded_before_it_is_done_as_well(used):
    running = used[0]
    made = running.call("/admin/keys", {"name": "by-http"}, key=running.admin_key)
    wrong = running.call("/admin/keys/revoke", {"id": "0" * 8}, key=running.admin_key)
    told = {call["request_id"]: call for call in running.cli("records", "list")}
    calls = [told[answer.headers["x-request-id"]] for answer in (made, wrong)]

    assert [(len(call["seqs"]), call["status"], call["outcome"]) for call in calls] == [
        (2, 200, "ok"),
        (2, 404, "not_found"),
    ]
    assert {call["mode"] for call in calls} == {"none"}


def test_commands_without_a_service_are_told_too(tmp_path):
    home = tmp_path / "home"
    made = cli("keys", "create", "early", "--home", str(home))
    cli("keys", "list", "--home", str(home))
    cli("keys", "revoke", made["id"], "--home", str(home))
    cli("keys", "revoke", "0" * 8, "--home", str(home), code=1)
    cli("records", "erase", "ann", "--home", str(home))
    rows = [(call["route"], call["outcome"]) for call in told(home)]

    assert rows == [
        ("keys.create", "ok"), ("keys.list", "ok"), ("keys.revoke", "ok"), ("keys.revoke", "not_found"), ("records.erase", "ok"),
    ]  # fmt: skip
    assert {call["via"] for call in told(home)} == {"command line"}
    assert shown(home, told(home)[0])[1]["id"] == made["id"]
    assert cli("records", "verify", "--home", str(home))["whole"]


@pytest.mark.parametrize("words", [("keys", "list"), ("keys", "revoke", "0" * 8), ("records", "erase", "ann")])
def test_a_folder_that_is_no_home_is_left_as_it_is(tmp_path, words):
    refused = cli(*words, "--home", str(tmp_path), code=3)

    assert "is not a home" in refused["error"]
    assert list(tmp_path.iterdir()) == []
