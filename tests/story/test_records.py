"""The record of every call, read and proved with the service running, stopped, altered and cut short."""

import json
import os
import shutil
import sqlite3
from base64 import b64encode

import pytest

from headworks.records.columns import COLUMNS
from tests.running import cli, service, shell, write_config
from tests.talking import Talk

CONFIG = """
models:
  sum: {python: "kinds:Sum"}
  echo: {python: "kinds:Echo"}
  count: {python: "kinds:Count"}
endpoints:
  sum: {v1: {targets: [sum]}}
  echo: {v1: {targets: [echo]}}
  count: {v1: {targets: [count]}}
  hashed: {v1: {targets: [echo], record: digest}}
  untold: {v1: {targets: [echo], record: none, reason: "a test"}}
  brief: {v1: {targets: [echo], retention: 1s}}
logs: {calls: false}
"""
LARGE = "large" * 40_000


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """The home of a service that was used and stopped, and the answers it gave."""
    folder = tmp_path_factory.mktemp("past")
    home = folder / "home"
    with service(write_config(folder, CONFIG), home) as running, Talk(running.port, running.key) as talk:
        answers = {
            "sum": talk.call(
                "/api/sum/v1", [{"x": [1, 2]}, {"x": [3]}], headers={"X-Request-Id": "mine-1", "X-Subject": "ann"}
            ),
            "echo": talk.call("/api/echo/v1", {"text": "hello"}),
            "large": talk.call("/api/echo/v1", {"text": LARGE}),
            "stream": talk.call("/api/count/v1", {"x": [1, 2]}, headers={"Accept": "text/event-stream"}),
            "hashed": talk.call("/api/hashed/v1", {"text": "hello"}),
            "untold": talk.call("/api/untold/v1", {"text": "hello"}),
            "wrong": talk.call("/api/echo/v1", {"text": 1}),
        }
        for _ in range(50):
            talk.call("/api/echo/v1", {"text": "more"})
        answers["last"] = talk.call("/api/echo/v1", {"text": "last"})
        live = {words: running.cli("records", *words.split()) for words in ("list --limit 100", "verify", "checkpoint")}
    return home, answers, live


@pytest.fixture
def home(past, tmp_path):
    """A copy that a test may spoil."""
    shutil.copytree(past[0], tmp_path / "home")
    return tmp_path / "home"


def records(home, *words, code=0):
    return cli("records", *words, "--home", str(home), code=code)


def sql(home, statement, *values):
    """Change the file behind the service's back, with the standard library's own SQLite."""
    with sqlite3.connect(home / "records.db") as connection:
        changed = connection.execute(statement, values).rowcount
    connection.close()
    return changed


def test_the_list_is_the_same_with_the_service_and_without(past):
    home, answers, live = past
    told = records(home, "list", "--limit", "100")
    calls = {call["request_id"]: call for call in told}

    assert live["list --limit 100"] == told
    assert {answer.headers["x-request-id"] for answer in answers.values()} <= set(calls)
    asked = calls[answers["sum"].headers["x-request-id"]]
    assert (asked["endpoint"], asked["version"], asked["status"], asked["outcome"], asked["rows"]) == (
        "sum",
        1,
        200,
        "ok",
        2,
    )
    assert asked["client_request_id"] == "mine-1"
    assert "ann" not in str(asked)
    assert calls[answers["wrong"].headers["x-request-id"]]["outcome"] == "schema_violation"


def test_the_list_can_be_narrowed(past):
    home, answers, _ = past
    wrong = records(home, "list", "--outcome", "schema_violation")
    sums = records(home, "list", "--endpoint", "sum")
    newest = records(home, "list", "--limit", "1", "--endpoint", "echo")

    assert [call["request_id"] for call in wrong] == [answers["wrong"].headers["x-request-id"]]
    assert [call["endpoint"] for call in sums] == ["sum"]
    assert [call["request_id"] for call in newest] == [answers["last"].headers["x-request-id"]]
    assert records(home, "list", "--since", "1ms") == []


def sql_rows(home, statement):
    with sqlite3.connect(home / "records.db") as connection:
        rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


@pytest.mark.parametrize(
    ("name", "sent", "got"),
    [
        ("echo", [{"text": "hello"}], {"text": "hello"}),
        ("large", [{"text": LARGE}], {"text": LARGE}),
        ("sum", [[{"x": [1, 2]}, {"x": [3]}]], [{"total": 3.0}, {"total": 3.0}]),
        ("stream", [{"x": [1, 2]}], [{"total": 1.0}, {"total": 2.0}]),
    ],
)
def test_content_is_shown_as_it_was_sent_and_answered(past, name, sent, got):
    shown = records(past[0], "show", past[1][name].headers["x-request-id"])

    assert [json.loads(part) if isinstance(part, str) else part for part in shown["input"]] == sent
    output = shown["output"]
    assert (json.loads(output) if isinstance(output, str) else output) == got


@pytest.mark.parametrize("name", ["hashed", "untold"])
def test_content_that_was_not_kept_cannot_be_shown(past, name):
    shown = records(past[0], "show", past[1][name].headers["x-request-id"])

    assert "hello" not in json.dumps(shown)
    assert b64encode(b"hello").decode() not in json.dumps(shown)


def test_reading_content_is_itself_recorded_with_the_service_and_without(home, past):
    asked = past[1]["echo"].headers["x-request-id"]
    before = records(home, "verify")["records"]
    records(home, "show", asked)
    shell("records", "export", "--home", str(home))
    after = records(home, "verify")

    assert after["whole"]
    assert [access["read"] for access in accesses(home)][-2:] == ["show", "export"]
    assert accesses(home)[-2]["request_id"] == asked
    assert after["records"] >= before + 2


def accesses(home):
    rows = sql_rows(home, "SELECT detail FROM records WHERE kind = 'access' ORDER BY seq")
    return [json.loads(detail) for (detail,) in rows]


def test_an_export_holds_every_call_with_its_content(home, past):
    told = records(home, "export", "--out", str(home.parent / "calls.jsonl"))
    lines = [json.loads(line) for line in (home.parent / "calls.jsonl").read_text().splitlines()]

    assert told["calls"] == len(lines)
    assert {answer.headers["x-request-id"] for answer in past[1].values()} <= {line["request_id"] for line in lines}
    assert "last" in json.dumps(lines[-1])


def test_a_record_that_is_whole_is_proved(past):
    home, answers, live = past
    verdict = records(home, "verify")
    proofs = records(home, "prove", answers["stream"].headers["x-request-id"])

    assert verdict["whole"]
    assert verdict["signed"] == verdict["records"]
    assert live["verify"]["whole"]
    assert len(proofs) == 2
    assert {proof["root"] for proof in proofs} == {verdict["root"]}


@pytest.mark.parametrize("column", COLUMNS)
def test_an_altered_column_is_found_and_its_record_named(home, past, column):
    """Every column of a record, whatever it holds; an empty one is filled."""
    asked = past[1]["sum"].headers["x-request-id"]
    types = {name: kind for _, name, kind, *_ in sql_rows(home, "PRAGMA table_info(records)")}
    other = {
        "INTEGER": f"coalesce({column}, 0) + 1000",
        "TEXT": f"coalesce({column}, '') || 'x'",
        "BLOB": "randomblob(32)",
    }
    assert sql(home, f"UPDATE records SET {column} = {other[types[column]]} WHERE request_id = ?", asked) == 1
    verdict = records(home, "verify", code=1)

    assert not verdict["whole"]
    if column != "seq":
        assert verdict["first_bad"]["request_id"].removesuffix("x") == asked


def test_altered_records_are_named_by_the_command_a_person_types(home, past):
    asked = past[1]["echo"].headers["x-request-id"]
    sql(home, "UPDATE records SET status = 500 WHERE request_id = ?", asked)
    code, told, _ = shell("records", "verify", "--home", str(home))

    assert code == 1
    assert asked in told


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM records WHERE seq = 3",
        "DELETE FROM records WHERE seq = (SELECT max(seq) FROM records)",
        "DELETE FROM records WHERE seq > 10",
        "UPDATE records SET seq = -1 WHERE seq = 3",
        "DELETE FROM records",
        "UPDATE tree SET root = zeroblob(32)",
    ],
)
def test_a_missing_record_is_found(home, statement):
    assert sql(home, statement) >= 1
    verdict = records(home, "verify", code=1)

    assert not verdict["whole"]
    assert verdict["findings"]


def test_swapped_records_are_found(home):
    sql(home, "UPDATE records SET seq = -1 WHERE seq = 3")
    sql(home, "UPDATE records SET seq = 3 WHERE seq = 4")
    sql(home, "UPDATE records SET seq = 4 WHERE seq = -1")

    assert records(home, "verify", code=1)["first_bad"]["seq"] == 3


def test_a_lost_or_altered_content_file_is_found(home, past):
    asked = past[1]["large"].headers["x-request-id"]
    files = sorted(path for path in (home / "content").rglob("*") if path.is_file())
    original = files[0].read_bytes()
    files[0].write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    altered = records(home, "verify", code=1)
    files[0].unlink()
    lost = records(home, "verify", code=1)

    assert {altered["first_bad"]["request_id"], lost["first_bad"]["request_id"]} == {asked}


def test_a_file_that_was_cut_short_is_no_whole_record(home):
    size = (home / "records.db").stat().st_size
    os.truncate(home / "records.db", size // 2)
    code, told, errors = shell("records", "verify", "--home", str(home))

    assert code in {1, 3}
    assert "Traceback" not in told + errors


def test_a_home_that_was_rolled_back_is_found_by_a_checkpoint_kept_elsewhere(home, past, tmp_path):
    kept = tmp_path / "kept"
    with service(write_config(tmp_path / "project", CONFIG), home) as running:
        running.call("/api/echo/v1", {"text": "later"})
    kept.write_text(records(home, "checkpoint")["checkpoint"])

    assert records(home, "verify", "--since", str(kept))["whole"]
    assert records(past[0], "verify")["whole"]
    assert not records(past[0], "verify", "--since", str(kept), code=1)["whole"]


def test_a_service_does_not_go_on_with_a_record_whose_end_was_taken_away(home, tmp_path):
    sql(home, "DELETE FROM records WHERE seq = (SELECT max(seq) FROM records)")
    code, _, errors = shell(
        "serve", str(write_config(tmp_path / "project", CONFIG)), "--home", str(home), "--port", "0"
    )

    assert code == 3, errors
    assert "Traceback" not in errors


def test_records_past_their_retention_go_and_the_rest_is_still_whole(tmp_path):
    with service(write_config(tmp_path, CONFIG), tmp_path / "home") as running:
        brief = running.call("/api/brief/v1", {"text": LARGE}).headers["x-request-id"]
        kept = running.call("/api/echo/v1", {"text": "kept"}).headers["x-request-id"]
        running.until(lambda: brief not in str(running.cli("records", "list")))
        listed = str(running.cli("records", "list"))
        live = running.cli("records", "verify")
    stopped = records(tmp_path / "home", "verify")

    assert kept in listed
    assert live["whole"]
    assert stopped["whole"]
    assert stopped["pruned"] >= 1
    assert [path for path in (tmp_path / "home" / "content").rglob("*") if path.is_file()] == []


def test_an_erased_persons_content_is_gone_for_good_and_everything_else_stays(tmp_path):
    """Erased by the command line while the service runs, by the administrator, and with the service stopped."""
    home, said = tmp_path / "home", {}
    people = ("ann", "bob", "cho", "dee")
    with service(write_config(tmp_path, CONFIG), home) as running:
        for person in people:
            answer = running.call("/api/echo/v1", {"text": person}, headers={"X-Subject": person})
            said[person] = answer.headers["x-request-id"]
        kept = home.parent / "kept"
        running.until(lambda: running.cli("records", "checkpoint")["checkpoint"])
        kept.write_text(running.cli("records", "checkpoint")["checkpoint"])
        by_command = running.cli("records", "erase", "ann")
        by_admin = running.call("/admin/records/erase", {"subject": "bob"}, key=running.admin_key)
        (administrator,) = (key["id"] for key in running.cli("keys", "list") if "admin" in key["scopes"])
        again = running.cli("records", "erase", "ann")
        later = running.call("/api/echo/v1", {"text": "new"}, headers={"X-Subject": "ann"}).headers["x-request-id"]
    stopped = records(home, "erase", "cho")
    shown = {person: records(home, "show", said[person]) for person in people}

    assert [done["data_keys"] for done in (by_command, by_admin.json, again, stopped)] == [1, 1, 0, 1]
    assert {person: call["content"] for person, call in shown.items()} == {
        "ann": "erased", "bob": "erased", "cho": "erased", "dee": "kept",
    }  # fmt: skip
    assert [shown[person]["input"] for person in ("ann", "bob", "cho")] == [None] * 3
    assert records(home, "show", later)["content"] == "kept"
    assert records(home, "verify", "--since", str(kept))["whole"]
    erasures = sql_rows(home, "SELECT seq, caller_id FROM records WHERE kind = 'erased' ORDER BY seq")
    assert [seq for seq, _ in erasures] == [done["record"] for done in (by_command, by_admin.json, again, stopped)]
    assert [actor for _, actor in erasures] == ["owner", administrator, "owner", "owner"]


def test_erasing_needs_the_administrator_and_a_home_with_a_record(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    nothing = cli("records", "erase", "ann", "--home", str(home), code=3)
    with service(write_config(tmp_path, CONFIG), home) as running:
        refused = running.call("/admin/records/erase", {"subject": "ann"})
        wrong = running.call("/admin/records/erase", {"subject": ""}, key=running.admin_key)

    assert "is not a home" in nothing["error"]
    assert refused.status == 403
    assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "/subject")
    assert sql_rows(home, "SELECT count(*) FROM records WHERE kind = 'erased'") == [(0,)]


def test_no_mode_needs_no_reason_and_none_needs_one(tmp_path):
    config = write_config(tmp_path, CONFIG.replace(', reason: "a test"', ""))
    told = cli("check", "--quick", str(config), code=1)

    assert "reason" in str(told)


def test_a_home_that_is_none_is_said_to_be_none(tmp_path):
    code, told, errors = shell("records", "list", "--home", str(tmp_path / "nowhere"))

    assert code == 3
    assert told == ""
    assert "nowhere" in errors


def test_a_home_without_a_record_says_so(tmp_path):
    (tmp_path / "records.db").touch()

    for words in (["list"], ["verify"], ["checkpoint"]):
        assert "Nothing was recorded" in cli("records", *words, "--home", str(tmp_path), code=3)["error"]
