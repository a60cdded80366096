"""What a call of a model of our own costs the front's own code: edge and policy, in one process.

    python -m bench.front                 # instructions a call (valgrind), and Python calls a call
    python -m bench.front --names         # Python calls and the interpreter's steps, by function
    python -m bench.front --calls 64000   # a loop to look at with a profiler

The model and the ledger are stand-ins; everything else is what driver.py says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from bench import driver
from bench.driver import CONNECTIONS, Ticking
from bench.servers import ROW
from headworks.contract.schema import contract_from
from headworks.identity.keys import LiveKeys
from headworks.limits.memory import MemoryLimits
from headworks.pending import Pending
from headworks.ports import Parts
from headworks.publishing.published import Published
from headworks.request.arrive import Routes
from headworks.routes import table
from headworks.values import Endpoint, Outcome, TargetChoice
from headworks.watch.watch import LoggedWatch
from headworks.ways import dialects, refusals

BATCH = 28
REQUEST = {
    "type": "object",
    "properties": {"x": {"type": "array", "items": {"type": "number"}, "minItems": 30, "maxItems": 30}},
    "required": ["x"],
    "additionalProperties": False,
}
REPLY = {"type": "object", "properties": {"score": {"type": "number"}}, "required": ["score"]}


class Model:
    """A pool that answers the calls it was given in batches, when it is told to."""

    name = "dot"

    def __init__(self) -> None:
        self.waiting: list[Pending[Outcome]] = []
        self.plan = self

    def find(self, name: str, task: str | None) -> Model:
        return self

    def predicted_wait_ns(self, rows: int) -> int:
        return 200_000

    def start(self, call: object, caller_id: str, deadline_ns: int, opening: object) -> Pending[Outcome]:
        pending: Pending[Outcome] = Pending()
        self.waiting.append(pending)
        return pending

    def answer(self) -> None:
        now, self.waiting = self.waiting, []
        for number, pending in enumerate(now):
            pending.resolve(
                Outcome(b'{"score":5121.26}', "dot", "1", 100_000 + 10_000 * (number // BATCH), 80_000, BATCH)
            )


class Record:
    """A ledger that has committed when it is told so."""

    def __init__(self) -> None:
        self.waiting: list[Pending[None]] = []

    def commit(self, entry: object) -> Pending[None]:
        pending: Pending[None] = Pending()
        self.waiting.append(pending)
        return pending

    def committed(self) -> None:
        now, self.waiting = self.waiting, []
        for pending in now:
            pending.resolve(None)


class Own:
    """One published model; implements driver.Filling."""

    tick_ns = 15_000

    def __init__(self) -> None:
        self._model, self._record = Model(), Record()

    def parts(self, keys: LiveKeys, watch: LoggedWatch, clock: Ticking) -> Parts:
        published = Published()
        contract = contract_from(REQUEST, REPLY, True, False, ())
        published.replace((Endpoint("dot", 1, contract, (TargetChoice("dot"),), id="dot/v1"),))
        return Parts(
            keys, MemoryLimits(), published, self._model, self._record, watch, clock, None,  # type: ignore[arg-type]
            Routes(table(2**24, is_loopback=True)), {}, dialects(), refusals(), None, None, None, None,
        )  # fmt: skip

    def requests(self, key: str) -> Sequence[bytes]:
        return [_request(key, ROW[at % 30 :] + ROW[: at % 30]) for at in range(CONNECTIONS)]

    def answer(self) -> None:
        self._model.answer()
        self._record.committed()


def _request(key: str, row: Sequence[float]) -> bytes:
    body = json.dumps({"x": row})
    head = (
        "POST /api/dot/v1 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n"
        f"Content-Type: application/json\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


if __name__ == "__main__":
    driver.main("bench.front", __doc__, Own)
