"""What a chat through the gateway costs the front's own code: from a request's bytes to its reply's, without sockets and files.

    python -m bench.through --names          # Python calls a call, by function
    python -m bench.through --calls 64000    # a loop to look at: perf stat -e instructions:u, a profiler

Everything is the code of the gateway: connections, keys, limits, the OpenAI dialect, budgets, the story, the target with its
breakers, the openai provider's operation. The HTTP client and the ledger are stand-ins that answer when a round is
over, so that 64 calls are under way at once.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.front import COLLECT_AFTER, CONNECTIONS, ROUNDS_A_FLUSH, Sink, Store, Transport
from bench.gateways import BODY, PATH
from bench.upstream import ANSWER
from headworks.contract import tasks
from headworks.contract.schema import contract_from
from headworks.edge.front import Front
from headworks.edge.gate import Gate
from headworks.edge.h1 import Connection
from headworks.edge.limits import Bind
from headworks.identity.key_text import mint
from headworks.identity.keys import CallerDefaults, LiveKeys
from headworks.identity.pepper import Peppers
from headworks.identity.rows import KeyRow
from headworks.identity.terms import Terms
from headworks.limits.memory import MemoryLimits
from headworks.money.budgets import Budget, Budgets
from headworks.money.prices import PriceTable
from headworks.pending import Pending
from headworks.ports import Parts
from headworks.publish import Published
from headworks.request.arrive import Routes
from headworks.routes import table
from headworks.secret import Secret
from headworks.settings import Config
from headworks.settings.money import Price
from headworks.targets.providers.attempt import Tools
from headworks.targets.providers.breaker import BreakerSettings
from headworks.targets.providers.health import Health
from headworks.targets.providers.kinds import kind_of
from headworks.targets.providers.target import ProviderTarget
from headworks.targets.providers.wire import HttpResponse, ProviderSettings
from headworks.units import Rate, SystemClock
from headworks.values import Endpoint, TargetChoice
from headworks.watch.logs import Logs
from headworks.watch.metrics import Metrics
from headworks.watch.watch import LoggedWatch
from headworks.ways import dialects, refusals

TARGET = "up/any-model"
WARM_UP = 640


class Upstream:
    """An HTTP client whose answers are here when the round is over."""

    def __init__(self) -> None:
        self.waiting: list[Pending[HttpResponse]] = []
        headers = {"content-type": "application/json", "content-length": str(len(ANSWER))}
        self._response = HttpResponse(200, headers, ANSWER.encode())

    def send(self, origin: object, request: object, timeouts: object, deadline_ns: int) -> Pending[HttpResponse]:
        pending: Pending[HttpResponse] = Pending()
        self.waiting.append(pending)
        return pending

    def answer(self) -> None:
        now, self.waiting = self.waiting, []
        response = self._response
        for pending in now:
            pending.resolve(HttpResponse(200, response.headers, response.body))


class Record:
    """A ledger that has opened and closed rows when it is told so."""

    def __init__(self) -> None:
        self.opening: list[Pending[int]] = []
        self.closing: list[Pending[None]] = []
        self.rows = 0

    def open(self, entry: object) -> Pending[int]:
        pending: Pending[int] = Pending()
        self.opening.append(pending)
        return pending

    def close(self, number: int, entry: object) -> Pending[None]:
        pending: Pending[None] = Pending()
        self.closing.append(pending)
        return pending

    def opened(self) -> None:
        now, self.opening = self.opening, []
        for pending in now:
            self.rows += 1
            pending.resolve(self.rows)

    def closed(self) -> None:
        now, self.closing = self.closing, []
        for pending in now:
            pending.resolve(None)


class Targets:
    """The one target."""

    def __init__(self, target: ProviderTarget) -> None:
        self._target = target

    def find(self, name: str, task: str | None) -> ProviderTarget:
        return self._target


class Bench:
    """Sixty-four connections to the front of a chat endpoint on one provider, and one key."""

    def __init__(self) -> None:
        clock = SystemClock()
        peppers = Peppers("00000001", {"00000001": b"p" * 32})
        key = mint("hw", "live", os.urandom)
        text = key.reveal()
        digest = peppers.digest("00000001", text.encode())
        row = KeyRow(key.key_id, "bench", "hw", digest, "00000001", Terms(rate=Rate(1e6, 1.0)), 0)
        keys = LiveKeys(Store(row), peppers, clock, CallerDefaults())  # type: ignore[arg-type]  # what it uses of a store
        keys.refresh()
        request, reply = tasks.schemas("chat")
        published = Published()
        contract = contract_from(request, reply, False, True, ())
        rate = Rate(1e6, 1.0)
        choices = (TargetChoice(TARGET),)
        published.replace(
            (
                Endpoint(
                    "chat", 1, contract, choices, task="chat", timeout_s=20, rate=rate, is_outside=True, id="chat/v1"
                ),
            )
        )
        limits = MemoryLimits()
        prices = PriceTable("today", "USD", {TARGET: Price(input=0.15, output=0.6, most_output=4096)})
        money = Budgets((Budget("all", 10**12, period="day"),), prices, clock, limits)
        self.upstream, self.record = Upstream(), Record()
        loop = asyncio.new_event_loop()
        tools = Tools(self.upstream, clock, loop, None, lambda: 0.5, money)  # type: ignore[arg-type]  # only a whole answer is asked for
        settings = ProviderSettings("up", "openai", "http://127.0.0.1:9/v1", (Secret("sk-upstream"),))
        bound = kind_of("openai").bind(settings, "any-model", "chat")
        self.target = ProviderTarget(TARGET, TARGET, bound, tasks.reply("chat"), Health(BreakerSettings()), tools)
        self.watch = LoggedWatch(Metrics(), Logs(Sink(), lambda words: words, clock))
        parts = Parts(
            keys, limits, published, Targets(self.target), self.record, self.watch, clock, None,  # type: ignore[arg-type]
            Routes(table(2**24, is_loopback=True)), {}, dialects(), refusals(), money, None,
        )  # fmt: skip
        service = SimpleNamespace(config=Config(), clock=clock, parts=parts)
        gate = Gate(Front(service), Bind(), clock)  # type: ignore[arg-type]  # what it uses of a service
        self.links = []
        for _ in range(CONNECTIONS):
            connection, transport = Connection(gate), Transport()
            connection.connection_made(transport)  # type: ignore[arg-type]  # what it uses of a transport
            self.links.append((connection, transport))
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {text}\r\nContent-Length: {len(BODY)}\r\n\r\n"
        )
        self.request = (head + BODY).encode()

    def round(self, number: int) -> None:
        """One call on every connection, all under way at once."""
        for connection, _ in self.links:
            connection.data_received(self.request)
        self.record.opened()
        self.upstream.answer()
        self.record.closed()
        if number % ROUNDS_A_FLUSH == 0:
            self.watch.flush()

    def run(self, calls: int) -> None:
        """So many calls; each must have been answered well."""
        before = sum(transport.replies for _, transport in self.links)
        for number in range(calls // CONNECTIONS):
            self.round(number)
        answered = sum(transport.replies for _, transport in self.links) - before
        if answered != calls // CONNECTIONS * CONNECTIONS or not self.links[0][1].last.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{answered} answers of {calls}, the last {self.links[0][1].last!r}")


def python_calls(calls: int = 640) -> Counter[str]:
    """How often each function is entered in so many calls; those in C start with `C `."""
    bench = Bench()
    bench.run(WARM_UP)
    seen: Counter[str] = Counter()

    def entered(frame: Any, event: str, argument: object) -> None:
        code = frame.f_code
        if event == "call":
            seen[f"{Path(code.co_filename).name}:{code.co_name}"] += 1
        elif event == "c_call":
            seen[f"C {getattr(argument, '__qualname__', argument)} < {code.co_name}"] += 1

    sys.setprofile(entered)
    bench.run(calls)
    sys.setprofile(None)
    return seen


def left_behind(calls: int = 640) -> Counter[str]:
    """What only the collector can take away again, by type: reference cycles that calls leave."""
    bench = Bench()
    bench.run(WARM_UP)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    bench.run(calls)
    gc.collect()
    gc.set_debug(0)
    return Counter(type(each).__name__ for each in gc.garbage)


def _timed_us(bench: Bench, number: int) -> float:
    began = time.process_time()
    bench.round(number)
    return 1e6 * (time.process_time() - began) / CONNECTIONS


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.through", description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, help="only make so many calls")
    parser.add_argument("--names", action="store_true", help="and which functions are called")
    asked = parser.parse_args()
    if asked.calls is not None:
        bench = Bench()
        gc.freeze()  # as `headworks serve` does
        gc.set_threshold(*COLLECT_AFTER)
        rounds = sorted(_timed_us(bench, number) for number in range(asked.calls // CONNECTIONS))
        print(
            f"{rounds[len(rounds) // 10]:.1f} us a call in a good round, {rounds[len(rounds) // 2]:.1f} in the middle one"
        )
        return
    seen = python_calls()
    python = sum(count for name, count in seen.items() if not name.startswith("C "))
    print(f"Python calls a call: {python / 640:.1f}; C calls: {(seen.total() - python) / 640:.1f}")
    print(
        f"left to the collector a call: {({name: count / 640 for name, count in left_behind().items()}) or 'nothing'}"
    )
    if asked.names:
        for name, count in seen.most_common(160):
            print(f"  {count / 640:6.2f}  {name}")


if __name__ == "__main__":
    main()
