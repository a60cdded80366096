"""The key-encryption key and the pepper of API keys are changed by their owner; what was recorded and handed out goes on."""

import json
import secrets
import shutil
import sqlite3
import stat

import pytest

from tests.running import cli, service, shell
from tests.story.echoes import LARGE, write_echo


@pytest.fixture
def config(tmp_path):
    return write_echo(tmp_path)


def call(running, text, key=None, subject="ann"):
    return running.call("/api/echo/v1", text, key=key, headers={"X-Subject": subject})


def details(home):
    connection = sqlite3.connect(home / "records.db")
    try:
        rows = connection.execute("SELECT caller_id, detail FROM records WHERE kind = 'access' ORDER BY seq").fetchall()
    finally:
        connection.close()
    return [(actor, json.loads(detail)) for actor, detail in rows]


def test_a_changed_key_encryption_key_opens_all_that_was_recorded_and_old_backups_need_the_old_one(config, tmp_path):
    home, copy, old = tmp_path / "home", tmp_path / "copy", tmp_path / "old"
    with service(config, home) as running:
        ids = [call(running, text).headers["x-request-id"] for text in ("small", LARGE)]
        running.cli("backup", str(copy))
        refusal = running.cli("records", "rekey", code=1)
        key = running.key
    shutil.copy2(home / "kek", old)
    done = cli("records", "rekey", "--home", str(home))
    with service(config, home, key=key) as running:
        ids.append(call(running, "after").headers["x-request-id"])
        shown = [running.cli("records", "show", each)["input"] for each in ids]

    assert "stop it and try again" in refusal["error"]
    assert done == {"keys": 5, "unreadable": 0, "was_begun": False}
    assert shown == [[json.dumps(text)] for text in ("small", LARGE, "after")]
    told = [call for call in cli("records", "list", "--home", str(home)) if call["route"] == "records.rekey"]
    assert [call["outcome"] for call in told] == ["ok", "begun"]
    assert shell("records", "verify", "--home", str(home))[0] == 0
    assert old.read_bytes() != (home / "kek").read_bytes()
    assert stat.S_IMODE((home / "kek").stat().st_mode) == 0o600
    wrong = cli("records", "show", ids[0], "--home", str(copy), "--key-file", str(home / "kek"), code=3)
    assert "not the one that keys.db was written with" in wrong["error"]
    assert cli("records", "show", ids[0], "--home", str(copy), "--key-file", str(old))["input"] == ['"small"']


def test_a_key_file_elsewhere_is_changed_where_it_lies_and_has_to_be_named(tmp_path):
    config = write_echo(tmp_path, 'records: {key_file: "keys/kek"}\n')
    home, kept = tmp_path / "home", tmp_path / "keys" / "kek"
    with service(config, home) as running:
        request_id = call(running, "hello").headers["x-request-id"]
    was = kept.read_bytes()
    refusal = cli("records", "rekey", "--home", str(home), code=3)
    cli("records", "rekey", "--home", str(home), "--key-file", str(kept))

    assert "kek is missing" in refusal["error"]
    assert kept.read_bytes() != was
    assert not (home / "kek").exists()
    shown = cli("records", "show", request_id, "--home", str(home), "--key-file", str(kept))
    assert shown["input"] == ['"hello"']


def test_a_home_without_a_record_has_no_key_to_change(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    refusal = cli("records", "rekey", "--home", str(home), code=3)

    assert "is not a home" in refusal["error"]
    assert not (home / "kek").exists()


def test_a_person_reads_what_was_done_and_what_to_keep(config, tmp_path):
    home = tmp_path / "home"
    with service(config, home) as running:
        call(running, "hello")
    code, told, _ = shell("records", "rekey", "--home", str(home))

    assert code == 0
    assert told == (
        "The key-encryption key is changed: 5 keys were wrapped anew."
        " Back up the key file; older backups need the old one.\n"
    )


def test_a_further_pepper_serves_new_keys_and_the_old_one_may_go_when_every_key_was_rotated(config, tmp_path):
    home = tmp_path / "home"
    pepper = home / "keys.pepper"
    with service(config, home) as running:
        first = running.cli("keys", "create", "first")
    with pepper.open("a") as file:
        file.write(f"{secrets.token_hex(4)}:{secrets.token_hex(32)}\n")
    with service(config, home, key=first["key"]) as running:
        second = running.cli("keys", "rotate", first["id"], "--overlap", "1h")
        both = [call(running, "hello", each["key"]).status for each in (first, second)]
    old, new = pepper.read_text().splitlines(keepends=True)
    pepper.write_text(new)
    with service(config, home, key=second["key"]) as running:
        after = [call(running, "hello", each["key"]).status for each in (first, second)]

    assert both == [200, 200]
    assert after == [401, 200]
    assert old != new
