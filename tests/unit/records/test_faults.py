"""Processes that are killed at any moment, and disks that fill up."""

import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from headworks.records.ledger import Ledger
from headworks.records.settings import RecordSettings
from headworks.records.verify import verify
from headworks.units import SystemClock

PROGRAM = Path(__file__).with_name("fault_program.py")
KILLS = 20


def run(what, home):
    return subprocess.Popen([sys.executable, str(PROGRAM), what, str(home)], stdout=subprocess.PIPE)


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
