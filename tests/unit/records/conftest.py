import queue
from pathlib import Path

import pytest

from headworks.recording import Entry
from headworks.records.ledger import Ledger
from headworks.records.reading import Records
from headworks.records.settings import RecordSettings
from headworks.units import SECOND_NS, RequestIds

START_NS = 1_790_000_000_000_000_000
"""A moment in September 2026."""


class ManualClock:
    """A clock that stands until it is told to go on."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.step_ns = 0

    def monotonic_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return START_NS + self.now_ns + self.step_ns

    def advance(self, s: float) -> None:
        self.now_ns += int(s * SECOND_NS)


class Log:
    """A ledger on a home, with an event loop's thread played by the test."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = ManualClock()
        self.mail = queue.SimpleQueue()
        self.settings = {}
        self.ledger = None
        self.scheduling = None
        self._ids = RequestIds(self.clock)

    def start(self, **settings) -> Ledger:
        self.settings = settings or self.settings
        chosen = RecordSettings(home=self.home, **self.settings)
        self.ledger = Ledger.start(chosen, self.clock, self.mail.put, scheduling=self.scheduling)
        return self.ledger

    def stop(self) -> None:
        if self.ledger is not None:
            self.ledger.stop()
            self.ledger = None

    def wait(self, pending):
        while not pending.is_done:
            self.mail.get(timeout=20)()
        return pending.result()

    def settle(self) -> None:
        """Return after the chores that follow everything queued so far."""
        for _ in range(2):
            self.ledger.stores.records.write_now(lambda connection: None)

    def entry(self, **changes) -> Entry:
        fields = {
            "caller_id": "k_1",
            "endpoint": "sentiment",
            "version": 1,
            "status": 200,
            "outcome": "ok",
            "input": (b'{"text":"good"}',),
            "output": b'{"label":"positive"}',
            "input_bytes": 15,
            "output_bytes": 20,
            "stages_us": (1, 2, 3),
        }
        return Entry(self._ids(), self.clock.wall_ns(), "/api/sentiment/v1", **(fields | changes))

    def commit(self, **changes) -> str:
        entry = self.entry(**changes)
        self.wait(self.ledger.commit(entry))
        return entry.request_id

    def commit_many(self, count: int, **changes) -> list[str]:
        entries = [self.entry(**changes) for _ in range(count)]
        pendings = [self.ledger.commit(entry) for entry in entries]
        for pending in pendings:
            self.wait(pending)
        return [entry.request_id for entry in entries]

    def read(self) -> Records:
        return Records(self.home)

    def show(self, request_id: str):
        with self.read() as records:
            return records.show(request_id, lambda what: None)

    def newest(self, *which, **how):
        with self.read() as records:
            return records.newest(*which, **how)


@pytest.fixture
def log(tmp_path):
    log = Log(tmp_path / "home")
    yield log
    log.stop()
