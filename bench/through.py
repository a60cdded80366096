"""What a chat through the gateway costs the front's own code: edge, policy, money, provider, in one process.

    python -m bench.through                  # instructions a call (valgrind), and Python calls a call
    python -m bench.through --names          # Python calls and the interpreter's steps, by function
    python -m bench.through --calls 64000    # a loop to look at with a profiler

Keys, limits, the OpenAI dialect, budgets, the target with its breakers, the openai provider's operation, the writing of
the request and the reading of the answer's head are the real ones. The sockets to the upstream and the ledger are
stand-ins; everything else is what driver.py says.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench import driver
from bench.answering import ANSWER
from bench.driver import CONNECTIONS, KEY_RATE, Ticking
from bench.gateways import BODY, PATH
from headworks.contract import tasks
from headworks.contract.schema import contract_from
from headworks.identity.keys import LiveKeys
from headworks.limits.memory import MemoryLimits
from headworks.money.budgets import Budget, Budgets
from headworks.money.prices import PriceTable
from headworks.pending import Pending
from headworks.ports import Parts
from headworks.publishing.published import Published
from headworks.request.arrive import Routes
from headworks.routes import table
from headworks.secret import Secret
from headworks.settings.money import Price
from headworks.targets.providers.attempt import Tools
from headworks.targets.providers.breaker import BreakerSettings
from headworks.targets.providers.client import Client
from headworks.targets.providers.health import Health
from headworks.targets.providers.http.connection import Connection
from headworks.targets.providers.kinds import kind_of
from headworks.targets.providers.target import ProviderTarget
from headworks.targets.providers.wire import Origin, ProviderSettings
from headworks.values import Endpoint, TargetChoice
from headworks.watch.watch import LoggedWatch
from headworks.ways import dialects, refusals

TARGET = "up/any-model"
ANSWERED = (
    f"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Fri, 27 Nov 2026 12:00:00 GMT\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(ANSWER)}\r\nConnection: keep-alive\r\n\r\n{ANSWER}"
).encode()


class Wire:
    """A socket to the upstream that takes requests."""

    def __init__(self, sent: list[Connection]) -> None:
        self._sent = sent
        self.connection: Connection | None = None

    def write(self, data: bytes) -> None:
        if self.connection is not None:
            self._sent.append(self.connection)

    def get_extra_info(self, name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


class Timers:
    """The part of a loop that nothing comes of here: nothing is late."""

    def call_later(self, delay_s: float, callback: object) -> Timers:
        return self

    def cancel(self) -> None:
        """Nothing was going to happen."""


class Upstream:
    """The HTTP client on stand-ins for sockets, which answer when they are told to."""

    def __init__(self, timers: Timers, clock: Ticking, origin: Origin) -> None:
        self.client = Client(timers, clock, None, [origin])  # type: ignore[arg-type]  # what it uses of a loop
        self._sent: list[Connection] = []
        pool = self.client._pools[origin]
        for _ in range(CONNECTIONS):
            wire = Wire(self._sent)
            wire.connection = connection = Connection(pool)
            connection.connection_made(wire)  # type: ignore[arg-type]  # what it uses of a transport
            pool.give_back(connection)

    def answer(self) -> None:
        now, self._sent[:] = list(self._sent), ()
        for connection in now:
            connection.data_received(ANSWERED)


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


class Gateway:
    """A chat endpoint on one provider; implements driver.Filling."""

    tick_ns = 5_000
    _upstream: Upstream

    def __init__(self) -> None:
        self._record = Record()

    def parts(self, keys: LiveKeys, watch: LoggedWatch, clock: Ticking) -> Parts:
        request, reply = tasks.schemas("chat")
        contract = contract_from(request, reply, False, True, ())
        published = Published()
        choices = (TargetChoice(TARGET),)
        published.replace(
            (
                Endpoint(
                    "chat",
                    1,
                    contract,
                    choices,
                    task="chat",
                    timeout_s=20,
                    rate=KEY_RATE,
                    is_outside=True,
                    id="chat/v1",
                ),
            )
        )
        limits = MemoryLimits()
        prices = PriceTable("today", "USD", {TARGET: Price(input=0.15, output=0.6, most_output=4096)})
        money = Budgets((Budget("all", 10**12, period="day"),), prices, clock, limits)
        timers = Timers()
        settings = ProviderSettings("up", "openai", "http://127.0.0.1:9/v1", (Secret("sk-upstream"),))
        bound = kind_of("openai").bind(settings, "any-model", "chat")
        self._upstream = Upstream(timers, clock, bound.origin)
        tools = Tools(self._upstream.client, clock, timers, None, lambda: 0.5, money)  # type: ignore[arg-type]  # no credential ages
        target = ProviderTarget(TARGET, TARGET, bound, tasks.reply("chat"), Health(BreakerSettings()), tools)
        return Parts(
            keys, limits, published, Targets(target), self._record, watch, clock, None,  # type: ignore[arg-type]
            Routes(table(2**24, is_loopback=True)), {}, dialects(), refusals(), money, None, None, None,
        )  # fmt: skip

    def requests(self, key: str) -> Sequence[bytes]:
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {key}\r\nContent-Length: {len(BODY)}\r\n\r\n"
        )
        return [(head + BODY).encode()] * CONNECTIONS

    def answer(self) -> None:
        self._record.opened()
        self._upstream.answer()
        self._record.closed()


if __name__ == "__main__":
    driver.main("bench.through", __doc__, Gateway)
