"""Commands on a home on which no service runs: what the configuration says of the home counts all the same."""

import os
import pwd
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from headworks.errors import HomeUnavailable
from headworks.home import Home
from headworks.owner import refuse_anothers
from tests.running import cli, refused, service, shell

RULES = """
endpoints: {{broken: {{v9: {{targets: [nowhere]}}}}}}
providers: {{openai: {{api_key: "${{NOT_SET_IN_THIS_SHELL}}"}}}}
keys: {{prefix: acme, environment: test, expires: 2h}}
records: {{key_file: {key_file}}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The working folder, with a configuration of which only what it says of a home can be read."""
    (tmp_path / "headworks.yaml").write_text(RULES.format(key_file="../keys/kek"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_key_made_without_a_service_follows_the_rules_of_the_working_folder(project):
    made = cli("keys", "create", "early", "--home", "home")

    assert made["key"].startswith("acme_test_")
    assert datetime.fromisoformat(made["expires"]) - datetime.fromisoformat(made["created"]) == timedelta(hours=2)
    assert made["prefix"] == "acme_test"


def test_a_successor_made_without_a_service_follows_them_too(project):
    (project / "headworks.yaml").unlink()
    (project / "other.yaml").write_text("keys: {prefix: acme, environment: test}")
    old = cli("keys", "create", "old", "--home", "home")
    new = cli("keys", "rotate", old["id"], "--home", "home", "--config", "other.yaml")

    assert old["prefix"] == "hw_live"
    assert new["prefix"] == "acme_test"


def test_a_configuration_that_is_named_and_missing_is_refused(project):
    code, _, told = shell("keys", "create", "early", "--home", "home", "--config", "none.yaml")

    assert code == 1
    assert "none.yaml does not exist" in told


def test_a_mistake_in_what_counts_is_refused_with_its_line(project):
    (project / "headworks.yaml").write_text("models: {}\nkeys: {expires: soon}\n")
    code, _, told = shell("keys", "create", "early", "--home", "home")

    assert code == 1
    assert "headworks.yaml:2: keys.expires" in told


def test_the_record_is_opened_with_the_key_file_that_the_configuration_names(tmp_path, monkeypatch):
    project = tmp_path / "project"
    project.mkdir()
    (project / "models.py").write_text("import headworks\n@headworks.model\ndef echo(text: str) -> str: return text\n")
    text = "models: {echo: {python: 'models:echo'}}\nendpoints: {echo: {v1: {targets: [echo]}}}\n"
    (project / "headworks.yaml").write_text(text + "records: {key_file: ../keys/kek}\n")
    with service(project / "headworks.yaml", tmp_path / "home") as running:
        answer = running.call("/api/echo/v1", "hello", headers={"X-Subject": "ann"})
    monkeypatch.chdir(project)
    request_id, home = answer.headers["x-request-id"], str(tmp_path / "home")
    shown = cli("records", "show", request_id, "--home", home)
    erased = cli("records", "erase", "ann", "--home", home)

    assert shown["output"] == '"hello"'
    assert erased["data_keys"] == 1
    assert not (tmp_path / "home" / "kek").exists()
    shutil.rmtree(tmp_path / "keys")
    assert cli("records", "verify", "--home", home)["whole"]


@pytest.mark.parametrize(
    "words", [("--rate", "10"), ("--scope", "foo"), ("--expires", "30"), ("--network", "1.2.3.4/99")]
)
def test_words_that_are_refused_make_no_home(tmp_path, words):
    cli("keys", "create", "me", *words, "--home", str(tmp_path / "home"), code=1)

    assert not (tmp_path / "home").exists()


def test_a_home_of_another_user_is_not_written_to(tmp_path):
    home = tmp_path / "home"
    cli("keys", "create", "me", "--home", str(home))
    refuse_anothers(home, os.geteuid())

    with pytest.raises(HomeUnavailable, match=f"sudo -u {pwd.getpwuid(os.geteuid()).pw_name}"):
        refuse_anothers(home, os.geteuid() + 1)


@pytest.fixture
def killed(tmp_path, monkeypatch):
    """The home of a service that was killed with promised calls, from the folder of its configuration."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "models.py").write_text("import headworks\n@headworks.model\ndef echo(text: str) -> str: return text\n")
    text = "models: {echo: {python: 'models:echo'}}\nendpoints: {echo: {v1: {targets: [echo]}}}\n"
    (project / "headworks.yaml").write_text(text + "records: {key_file: ../keys/kek, retention: 2h}\n")
    home = tmp_path / "home"
    with service(project / "headworks.yaml", home) as running:
        for text in ("one", "two", "three"):
            running.call("/api/echo/v1", text)
        running.process.kill()
        running.process.wait(20)
    monkeypatch.chdir(project)
    return home


@pytest.mark.parametrize("words", [("usage",), ("backup", "copy")])
def test_what_a_killed_service_promised_is_taken_in_as_its_configuration_says(killed, words):
    was_there = (killed / "journal").exists()
    code, _, told = shell(*words, "--home", str(killed))
    with closing(sqlite3.connect(killed / "records.db")) as records:
        kept_ns = records.execute("SELECT expires_ns - at_ns FROM records WHERE kind = 'call'").fetchall()

    assert (code, told) == (0, "")
    assert was_there
    assert not (killed / "journal").exists()
    assert kept_ns == [(7200 * 10**9,)] * 3


@pytest.mark.parametrize("words", [("usage",), ("backup", "copy"), ("records", "list")])
def test_what_cannot_be_taken_in_before_a_reading_is_told_in_one_line(killed, words):
    shutil.rmtree(killed.parent / "keys")
    code, _, told = shell(*words, "--home", str(killed))

    assert code == 0
    assert told.startswith("headworks: the newest calls may be missing: Key file ")
    assert told.count("\n") == 1
    assert (killed / "journal").exists()


def test_a_service_that_does_not_answer_before_a_reading_is_told_in_one_line(killed):
    home = Home(killed)
    home.lock()  # and nobody listens
    code, _, told = shell("usage", "--home", str(killed))
    home.unlock()

    assert code == 0
    assert told.startswith("headworks: the newest calls may be missing: ")
    assert told.count("\n") == 1


def test_a_home_without_anything_to_take_in_is_read_without_a_word(killed):
    cli("usage", "--home", str(killed))
    shutil.rmtree(killed.parent / "keys")

    assert shell("usage", "--home", str(killed))[::2] == (0, "")


def test_a_key_that_was_made_without_the_configuration_is_named_where_its_own_is_missing(tmp_path):
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    cli("keys", "create", "early", "--home", str(home))
    (project / "models.py").write_text("import headworks\n@headworks.model\ndef echo(text: str) -> str: return text\n")
    text = "models: {echo: {python: 'models:echo'}}\nendpoints: {echo: {v1: {targets: [echo]}}}\n"
    config = project / "headworks.yaml"
    config.write_text(text + "records: {key_file: ../keys/kek}\n")
    code, refusal = refused(config, home)
    (tmp_path / "keys").mkdir()
    (home / "kek").rename(tmp_path / "keys" / "kek")

    assert code != 0
    assert f"{home / 'kek'} is there" in refusal["error"]
    assert "move it there" in refusal["error"]
    with service(config, home) as running:
        assert running.get("/health/ready").status == 200
