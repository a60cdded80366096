"""A process that uses a home, for the tests that kill it or fill its disk. Run as: python fault_program.py WHAT HOME [STEP]."""

import os
import queue
import resource
import signal
import sys
import time
from pathlib import Path

from headworks.errors import RecordUnavailable
from headworks.recording import Entry
from headworks.records.ledger import Ledger
from headworks.records.rekey import rekey
from headworks.records.settings import RecordSettings
from headworks.stores.work import Scheduling
from headworks.units import RequestIds, SystemClock

CLOCK = SystemClock()
IDS = RequestIds(CLOCK)
MAIL = queue.SimpleQueue()


def start(home: str) -> Ledger:
    """A ledger that promises what it can; a loop's next round, and what is later, are the next wait."""
    scheduling = Scheduling(MAIL.put, lambda _, callback: MAIL.put(callback))
    return Ledger.start(RecordSettings(home=Path(home), inline_bytes=2000), CLOCK, MAIL.put, scheduling=scheduling)


def entry(size: int = 300) -> Entry:
    return Entry(
        IDS(), CLOCK.wall_ns(), "/api/a/v1", caller_id="k", endpoint="a", version=1, input=(b"i",), output=b"x" * size
    )


def wait(pending):
    while not pending.is_done:
        MAIL.get(timeout=20)()
    return pending.result()


def commit_for_ever(home: str) -> None:
    """Acknowledge each record on standard output after its commit; mixed sizes, some streams."""
    ledger = start(home)
    number = 0
    while True:
        under_way = []
        for _ in range(16):
            number += 1
            made = entry(3000 if number % 50 == 0 else 300)
            under_way.append((made, ledger.commit(made)))
        stream = entry()
        opened = wait(ledger.open(stream))
        for made, pending in under_way:
            wait(pending)
            os.write(1, f"{made.request_id}\n".encode())
        os.write(1, f"{stream.request_id}\n".encode())
        wait(ledger.close(opened, stream))


def fill_and_recover(home: str) -> None:
    """Meet the file-size bound, be refused quickly, then go on once there is room again."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ledger = start(home)
    acknowledged = []
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    refused = 0
    while not refused:
        made = entry(1500)
        try:
            wait(ledger.commit(made))
            acknowledged.append(made.request_id)
        except RecordUnavailable as error:
            refused += error.retry_after_s is not None
    for _ in range(100):
        try:
            wait(ledger.commit(entry(1500)))
        except RecordUnavailable:
            refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        made = entry()
        try:
            wait(ledger.commit(made))
        except RecordUnavailable:
            time.sleep(0.01)
            continue
        acknowledged.append(made.request_id)
        break
    available = ledger.is_available
    ledger.stop()
    print(f"refused {refused} available {available}")
    print("\n".join(acknowledged))


def rekey_until(home: str, count: str) -> None:
    """Change the key-encryption key, and be killed when so many steps were done."""
    left = iter(range(int(count)))

    def passed(step: str) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    rekey(RecordSettings(home=Path(home)), passed)


if __name__ == "__main__":
    {"commit": commit_for_ever, "fill": fill_and_recover, "rekey": rekey_until}[sys.argv[1]](*sys.argv[2:])
