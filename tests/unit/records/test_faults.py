"""Processes that are killed at any moment, and disks that fill up."""

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from headworks.records.ledger import Ledger
from headworks.records.reading import Records
from headworks.records.recovery import UNKNOWN_OUTCOME
from headworks.records.settings import RecordSettings
from headworks.records.verify import verify
from headworks.units import SystemClock

PROGRAM = Path(__file__).with_name("fault_program.py")
KILLS = 20


def run(what, home, *words):
    return subprocess.Popen([sys.executable, str(PROGRAM), what, str(home), *words], stdout=subprocess.PIPE)


def recorded_ids(home):
    """Of every row, however many there are: a list of calls is bounded."""
    with closing(sqlite3.connect(home / "records.db")) as records:
        return {request_id for (request_id,) in records.execute("SELECT request_id FROM records")}


@pytest.mark.slow
def test_kill_minus_nine_at_any_moment_loses_no_acknowledged_record(tmp_path):
    home, chance = tmp_path / "home", random.Random(7)
    acknowledged = set()
    for _ in range(KILLS):
        process = run("commit", home)
        lines = chance.randrange(1, 120)
        seen = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        seen += process.stdout.read().splitlines(keepends=True)
        process.wait(timeout=20)
        process.stdout.close()
        acknowledged |= {line.decode().strip() for line in seen if line.endswith(b"\n")}

    Ledger.start(RecordSettings(home=home, inline_bytes=2000), SystemClock(), lambda resolve: resolve()).stop()

    verdict = verify(home)
    assert verdict.is_whole, verdict
    assert acknowledged - recorded_ids(home) == set()
    assert len(acknowledged) >= KILLS
    incoming = home / "content" / "incoming"
    assert not incoming.exists() or list(incoming.iterdir()) == []
    with closing(sqlite3.connect(home / "records.db")) as records:
        assert records.execute("SELECT count(*) FROM running").fetchone() == (0,)


class Told:
    """What a program that was killed over and over had been answered."""

    def __init__(self):
        self.calls = {}
        self.erasing = {}
        self.opened, self.reserved, self.closed = set(), set(), set()

    def line(self, kind, *words):
        if kind == "call":
            self.calls[words[0]] = words[1]
        elif kind == "erasing":
            before = {each for each, person in self.calls.items() if person == words[0]}
            self.erasing.setdefault(words[0], []).append(before)  # they end in their order
        elif kind == "erased":
            self.calls |= dict.fromkeys(self.erasing[words[0]].pop(0), "erased")
        elif kind == "started":
            self.erasing.clear()
        else:
            getattr(self, kind).add(words[0])


def killed_at_random(home, chance, told):
    """Some lines, or some time that may end in the middle of a start."""
    process = run("mix", home, str(chance.random()))
    try:
        process.communicate(timeout=chance.choice((0.15, 0.3, 0.4, 0.5, 0.6, 0.8)) + chance.random() / 10)
    except subprocess.TimeoutExpired:
        process.kill()
    text, _ = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL
    for line in text.decode().splitlines(keepends=True):
        if line.endswith("\n"):
            told.line(*line.split())


def unlike(home, told):
    """What of a home is not as its program was answered."""
    with closing(sqlite3.connect(home / "records.db")) as records:
        rows = records.execute("SELECT kind, request_id, outcome, cost_micros, seq FROM records").fetchall()
        spent = records.execute("SELECT coalesce(sum(micros), 0) FROM spent").fetchone()[0]
        left = records.execute("SELECT (SELECT count(*) FROM reserved) + (SELECT count(*) FROM running)").fetchone()[0]
    by_kind = {
        kind: [row for row in rows if row[0] == kind] for kind in ("call", "opened", "closed", "erased", "access")
    }
    found = {kind: {row[1]: row for row in some} for kind, some in by_kind.items()}
    costs = {request_id: row[3] for request_id, row in found["closed"].items()}
    yield from (("twice", kind) for kind in ("call", "opened", "closed") if len(found[kind]) != len(by_kind[kind]))
    yield from (("lost", kind) for kind in told.calls.keys() - found["call"].keys())
    yield from (("lost", kind) for kind in told.opened - found["opened"].keys())
    yield from (("cut off", each) for each in told.closed if found["closed"][each][2] == UNKNOWN_OUTCOME)
    yield from (("forgot", each) for each in told.reserved if costs[each] not in {100, 80, 57})
    if found["opened"].keys() != costs.keys() or left:
        yield ("open", left)
    if spent != sum(costs.values()):
        yield ("spent", spent, sum(costs.values()))
    with Records(home) as reading:
        for request_id, person in told.calls.items():
            shown = reading.show(request_id, lambda what: None)
            if (shown["content"] == "erased") and person == "-":
                yield ("erased", request_id)
            if (request_id in str(shown["input"])) and person == "erased":
                yield ("readable", request_id)


@pytest.mark.slow
def test_whatever_goes_on_when_it_is_killed_rows_money_and_erasures_are_as_was_told(tmp_path):
    home, chance, told = tmp_path / "home", random.Random(11), Told()
    for _ in range(KILLS):
        killed_at_random(home, chance, told)
    last = Ledger.start(RecordSettings(home=home, inline_bytes=2000), SystemClock(), lambda resolve: resolve())
    last.stop()

    assert last.lost == []
    assert verify(home).is_whole
    assert list(unlike(home, told)) == []
    assert min(len(told.calls), len(told.closed)) > 0
    assert "erased" in told.calls.values()


def test_a_full_disk_refuses_at_once_loses_nothing_and_recovers_without_a_restart(tmp_path):
    home = tmp_path / "home"
    process = run("fill", home)
    out, _ = process.communicate(timeout=60)

    first, *acknowledged = out.decode().splitlines()
    words = first.split()
    assert int(words[1]) >= 2
    assert words[2:] == ["available", "True"]
    assert len(acknowledged) > 10
    assert set(acknowledged) - recorded_ids(home) == set()
    assert verify(home).is_whole
    assert sorted(path.name for path in home.iterdir()) == ["kek", "keys.db", "records.db"]


def test_verify_beside_a_running_writer_sees_a_whole_record(tmp_path):
    home = tmp_path / "home"
    process = run("commit", home)
    process.stdout.readline()
    reading = threading.Thread(target=process.stdout.read)
    reading.start()
    verdicts = [verify(home) for _ in range(10)]
    process.kill()
    reading.join()
    process.wait(timeout=20)
    process.stdout.close()

    assert [verdict.findings for verdict in verdicts] == [()] * 10
    assert verdicts[-1].records > verdicts[0].records


def test_a_copied_home_without_its_key_file_verifies_and_opens_nothing(tmp_path):
    home, copy = tmp_path / "home", tmp_path / "copy"
    ledger = Ledger.start(RecordSettings(home=home), SystemClock(), lambda resolve: resolve())
    ledger.accessed_now("admin", {"read": "nothing"})
    ledger.stop()
    shutil.copytree(home, copy)
    (copy / "kek").unlink()

    assert verify(copy).is_whole
