"""A copy of a home that is in use: whole, provable, and a service again once its secrets are beside it."""

import json
import shutil
import stat
import threading

import pytest

from tests.running import cli, service, shell
from tests.story.echoes import LARGE, write_echo


@pytest.fixture
def config(tmp_path):
    return write_echo(tmp_path)


def call(running, text, subject=None):
    answer = running.call("/api/echo/v1", text, headers={"X-Subject": subject} if subject else None)
    assert answer.status == 200
    return answer.headers["x-request-id"]


def test_a_copy_made_under_load_verifies_and_serves_with_all_that_was_answered_before_it(config, tmp_path):
    home, copy = tmp_path / "home", tmp_path / "copies" / "monday"
    over = threading.Event()
    with service(config, home) as running:
        before = [call(running, LARGE + str(number)) for number in range(5)] + [call(running, "erased", "ana")]

        def go_on():
            while not over.is_set():
                call(running, LARGE + "meanwhile")

        caller = threading.Thread(target=go_on)
        caller.start()
        try:
            done = running.cli("backup", str(copy))
        finally:
            over.set()
            caller.join()
        key = running.key
    assert shell("records", "verify", "--home", str(copy))[0] == 0

    for secret in done["not_copied"]:
        shutil.copy2(home / secret, copy)
    with service(config, copy, key=key) as restored:
        again = call(restored, "again")
        shown = [restored.cli("records", "show", each)["input"] for each in before[:5]]
        listed = {each["request_id"] for each in restored.cli("records", "list", "--limit", "1000")}
        restored.cli("records", "erase", "ana")
        erased = restored.cli("records", "show", before[-1])

    assert {*before, again} <= listed
    assert shown == [[json.dumps(LARGE + str(number))] for number in range(5)]
    assert "erased" not in str(erased["input"])
    assert done["content_files"] >= 5
    assert shell("records", "verify", "--home", str(copy))[0] == 0


def test_a_copy_is_for_its_owner_only_and_holds_no_secret_that_opens_it(config, tmp_path):
    home, copy = tmp_path / "home", tmp_path / "copy"
    with service(config, home) as running:
        call(running, LARGE)
        running.cli("backup", str(copy))
    files = [path for path in copy.rglob("*") if path.is_file()]

    assert {path.name for path in files} >= {"records.db", "keys.db"}
    assert not {path.name for path in files} & {"kek", "keys.pepper", "lock", "control.sock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o700


def test_a_folder_that_is_there_is_not_written_over(config, tmp_path):
    with service(config, tmp_path / "home"):
        pass
    (tmp_path / "copy").mkdir()
    refusal = cli("backup", str(tmp_path / "copy"), "--home", str(tmp_path / "home"), code=1)

    assert refusal["error"].endswith("is there already; name a new folder for each backup.")
    assert list((tmp_path / "copy").iterdir()) == []


def test_a_home_that_is_none_is_refused(tmp_path):
    refusal = cli("backup", str(tmp_path / "copy"), "--home", str(tmp_path / "nowhere"), code=3)

    assert "records.db does not exist" in refusal["error"]
    assert list(tmp_path.iterdir()) == []
