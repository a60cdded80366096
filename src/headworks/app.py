"""A running service: the only place that knows every part. It opens them in order, keeps them going, closes them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from headworks.acts import SETTLED, Acts, Given, reading, settling
from headworks.admin.control import ControlServer
from headworks.admin.person import Person, myself
from headworks.assembly.deployment import Deployment
from headworks.assembly.parts import (
    budgets_of,
    caller_defaults,
    key_rules,
    largest_body_bytes,
    prices_of,
    record_settings,
)
from headworks.assembly.people import People, open_people
from headworks.assembly.targets import Found
from headworks.assembly.watching import (
    STANDARD_ERROR,
    health_of,
    open_watch,
    tell_commands,
    tell_keys,
    tell_models,
    tell_peers,
    watch_answers,
    watch_outside,
    watch_parts,
    watch_peers,
)
from headworks.bridge import awaited
from headworks.cache.answers import SECRET_BYTES, CachedAnswers
from headworks.commands import Command, Reloaded, key_commands, model_commands, record_commands, target_commands
from headworks.doorbell import Doorbell
from headworks.errors import ConfigurationRefused, RecordUnavailable
from headworks.home import Home
from headworks.limits.memory import MemoryLimits
from headworks.limits.store import SqliteDebts
from headworks.money.budgets import Budgets
from headworks.offload import ThreadOffload
from headworks.operations.catalogue import Catalogue
from headworks.operations.records import record_operations
from headworks.operations.service import command_operations, health_operations, not_built
from headworks.operations.tensor_repository import TensorRepository
from headworks.operations.tensors import Shelf, TensorModels
from headworks.operations.vendor_models import ModelList
from headworks.pending import Pending
from headworks.ports import Action, Parts, Targets
from headworks.publishing.published import Published
from headworks.publishing.publisher import Publisher
from headworks.records.ledger import Ledger
from headworks.records.owing import SqliteOwing
from headworks.request.arrive import Routes
from headworks.routes import table
from headworks.stores.belongings import SqliteBelongings
from headworks.stores.work import Scheduling
from headworks.targets.estimate import Estimate
from headworks.targets.models.process import ProcessEngine
from headworks.targets.models.registry import Models
from headworks.targets.models.runner import Announcement
from headworks.targets.peers import Peers
from headworks.units import RequestId, RequestIds, SystemClock, random_bytes
from headworks.watch.health import Health
from headworks.watch.sink import ThreadSink
from headworks.watch.watch import LoggedWatch
from headworks.ways import dialects, refusals

if TYPE_CHECKING:
    from headworks.assembly.outside import Outside  # loaded only where providers are configured

TICK_S = 1.0
FLUSH_S = 0.1
FAREWELL_S = 2.0
USES_EVERY_TICKS = 60


class Service:
    """Everything behind an edge, on the running event loop.

    `open` takes the home and starts the parts; `ready` returns when every model serves. An edge may listen in
    between: health answers, calls are told to come back.
    """

    def __init__(self, deployment: Deployment, home: Home, *, is_loopback: bool) -> None:
        self.deployment = deployment
        self.config = deployment.config
        self.home = home
        self.clock = SystemClock()
        self.published = Published()
        self.publisher = Publisher(deployment, self.published, self._services)
        self.renew_certificate: Callable[[], None] = _nothing
        """Set by the edge that has one."""
        self.address = ""
        """Where the edge will listen, if it is ours; set by it, and told first."""
        self._is_loopback = is_loopback
        self._closers: list[Callable[[], Any]] = []
        self._ticks = 0
        self.parts: Parts
        self.answers: CachedAnswers
        self.peers: Peers
        self.models: Models
        self.ledger: Ledger
        self.people: People
        self.belongings: SqliteBelongings
        self.watch: LoggedWatch
        self.money: Budgets
        self._outside: Outside | None = None
        self.health: Health
        self._starting: asyncio.Task[Mapping[str, Announcement]] | None = None

    async def open(self) -> None:
        """Take the home, start the models, open the record; nothing is listened to yet.

        Raises: HomeUnavailable, ConfigurationRefused; what was opened is then closed again.
        """
        self.home.lock()
        self._closers.append(self.home.unlock)
        try:
            await self._open(asyncio.get_running_loop())
        except BaseException:
            await self.close(0.0)
            raise

    async def ready(self) -> str | None:
        """Wait until every model serves; gives the one-time administrator's key of a new home.

        Raises: ConfigurationRefused, naming each model that did not start and each broken contract.
        """
        if self._starting is None:
            raise RuntimeError("open comes before ready")
        self.publisher.publish(await self._starting)
        first = await awaited(self.people.issuer.first_admin())
        self.people.live.refresh()
        self.health.ready()  # remembers that every model was ready once
        return first.key if first else None

    async def close(self, grace_s: float) -> None:
        """Finish what runs within the grace, end the models, sign and fold the record away, give up the home."""
        if self._starting is not None:
            self._starting.cancel()
            await self.models.close(grace_s)
        while self._closers:
            closing = self._closers.pop()()
            if asyncio.iscoroutine(closing):
                await closing

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        config, clock = self.config, self.clock
        sink = ThreadSink(STANDARD_ERROR)
        self._closers.append(lambda: sink.close(FAREWELL_S))
        self.watch = open_watch(clock, sink, has_calls=config.logs.calls)
        self.watch.logs.event("starting", listens_on=self.address or None, home=str(self.home.folder))
        self._closers += [lambda: sink.wait(FAREWELL_S), self._last_words, lambda: sink.wait(FAREWELL_S)]
        engine = ProcessEngine(loop, os.environ, self._printed)
        self.models = Models(
            self.deployment.models(), engine, loop, clock, self.publisher.accept, tell_models(self.watch)
        )
        self._starting = loop.create_task(self.models.start())
        await asyncio.sleep(0)  # the workers start to load while this process opens its files
        bell = Doorbell(loop)
        self._closers.append(bell.close)
        self._open_ledger(loop, bell)
        limits = self._open_limits()
        stores = self.ledger.stores
        folder = self.home.folder
        self.belongings = SqliteBelongings(stores.records, clock)
        self.belongings.prepare()
        self.people = open_people(stores, folder, clock, key_rules(config), caller_defaults(config))
        self._closers.append(self.people.live.note_uses)
        watch_parts(self.watch, self.ledger, self.models, os.getpid())
        self.health = health_of(self.ledger, self.models, lambda: self.published.is_known)
        offload = ThreadOffload(bell.post)
        self._reading = ThreadOffload(bell.post)
        self._closers += [offload.close, self._reading.close]
        routes = Routes(table(largest_body_bytes(config), is_loopback=self._is_loopback))
        self.money = self._open_money(limits)
        self.models.stand_beside(Estimate(offload))
        targets = self._found(loop, offload)
        self.publisher.open()
        self.answers = CachedAnswers(random_bytes(SECRET_BYTES), clock, loop)
        watch_answers(self.watch, self.answers)
        self.peers = Peers(clock, tell_peers(self.watch))
        watch_peers(self.watch, self.peers)
        self.published.when_replaced = self._replaced
        self.parts = Parts(
            self.people.live, limits, self.published, targets, self.ledger, self.watch, clock, offload, routes,
            self._actions(offload, targets), dialects(), refusals(), self.money, self.answers, self.peers, RequestIds(clock),
        )  # fmt: skip
        control = ControlServer(self.home.control_path(), self._control_commands(), os.geteuid(), self._command_failed)
        await control.open()
        self._closers.append(control.close)
        ticking = loop.create_task(self._tick(limits))
        flushing = loop.create_task(self._flush())
        self._closers += [ticking.cancel, flushing.cancel]

    def _open_ledger(self, loop: asyncio.AbstractEventLoop, bell: Doorbell) -> None:
        settings = record_settings(self.config, self.home.folder)
        scheduling = Scheduling(loop.call_soon, loop.call_later)
        self.ledger = Ledger.start(settings, self.clock, bell.post, scheduling=scheduling)
        self._closers.append(self.ledger.stop)
        self.ledger.when_lost = partial(self.watch.failed, RequestId("journal"))
        for error in self.ledger.lost:
            self.ledger.when_lost(error)
        if self.ledger.without_journal:
            self.watch.logs.event("without_journal", "warning", reason=self.ledger.without_journal)

    def _found(self, loop: asyncio.AbstractEventLoop, offload: ThreadOffload) -> Targets:
        """The targets by name; what serves services outside is loaded only where some are configured."""
        if not self.config.providers:
            return self.models
        owing = SqliteOwing(self.ledger.stores.records, self.clock)
        owing.prepare()
        owned = import_module("headworks.targets.providers.owned")
        register = owned.Register(self.belongings, self.people.first_key, self.ledger.pseudonym)
        ownership = owned.Ownership(register, owing, self.published, self.money)
        made = import_module("headworks.assembly.outside").Outside
        outside = self._outside = made(loop, self.clock, offload, self.money, ownership, tell_keys(self.watch))
        self._closers.append(outside.close)
        watch_outside(self.watch, outside.states)
        return Found(self.models, outside.providers)

    def _services(self, deployment: Deployment) -> Callable[[], None]:
        """The budgets, the prices and the targets outside that a configuration names; see publish.Services."""
        config, outside = deployment.config, self._outside
        budgets, prices = budgets_of(config), prices_of(config)
        if outside is None and config.providers:
            raise ConfigurationRefused("The first provider of a service takes a restart.")
        prepared = None if outside is None else outside.prepared(config, deployment.path.parent, prices)

        def use() -> None:
            self.money.adopt(budgets, prices)
            if outside is not None and prepared is not None:
                outside.use(prepared)

        return use

    def _open_money(self, limits: MemoryLimits) -> Budgets:
        budgets = Budgets(budgets_of(self.config), prices_of(self.config), self.clock, limits)
        budgets.restore(self.ledger.spent())
        return budgets

    def _open_limits(self) -> MemoryLimits:
        debts = SqliteDebts(self.ledger.stores.records)
        debts.prepare()
        kept = debts.load()
        limits = MemoryLimits(debts)
        limits.restore(kept.elapsed_ns, kept.due, self.clock.monotonic_ns())
        self._closers.append(lambda: limits.close(self.clock.monotonic_ns()))
        return limits

    async def _tick(self, limits: MemoryLimits) -> None:
        """What happens every second."""
        while True:
            await asyncio.sleep(TICK_S)
            self._ticks += 1
            limits.tick(self.clock.monotonic_ns())
            with suppress(RecordUnavailable):
                self.people.live.refresh()
                if self._ticks % USES_EVERY_TICKS == 0:
                    self.people.live.note_uses()

    async def _flush(self) -> None:
        """Log lines leave in batches."""
        while True:
            await asyncio.sleep(FLUSH_S)
            self.watch.flush()

    def _last_words(self) -> None:
        self.watch.logs.event("stopped")
        self.watch.flush()

    def _replaced(self) -> None:
        """Answers kept before are not of what answers now; how targets did is still true of those that stay."""
        self.answers.clear()
        self.peers.keep_only(self.published.versions())

    def _outside_states(self) -> Iterable[Struct]:
        return () if self._outside is None else self._outside.states()

    def _command_failed(self, error: Exception) -> None:
        self.watch.failed(RequestId("control"), error)

    def _printed(self, model: str, line: str) -> None:
        self.watch.logs.event("model_output", model=model, line=line)

    def _actions(self, offload: ThreadOffload, targets: Targets) -> dict[str, Action]:
        commands, shelf = self.commands(), Shelf(self.published, targets, self.clock)
        return {
            **health_operations(self.health, self.watch),
            **command_operations(commands),
            **Catalogue(self.published, self.clock).actions(),
            **ModelList(self.published, self.clock).actions(),
            **TensorModels(shelf, self.health).actions(),
            **TensorRepository(shelf, self.watch.counted, commands["models.swap"]).actions(),
            **record_operations(
                self.home.folder, record_settings(self.config, self.home.folder).kek_path, self.ledger, offload
            ),
            **not_built(),
        }

    def commands(self) -> dict[str, Command]:
        """What an administrator may do; the same for the control socket and for /admin."""
        return {
            **key_commands(self.people.actions),
            **model_commands(self.models, self.publisher, self),
            **target_commands(self._outside_states, self.peers.states),
            **record_commands(self.ledger, self.belongings, self.answers.forget_subject),
        }

    def begun(self) -> Pending[Deployment]:
        """See commands.Reloading."""
        self.renew_certificate()
        return self._reading(self.publisher.read)

    def ended(self, reloaded: Reloaded) -> None:
        """See commands.Reloading."""
        names = {field: ", ".join(getattr(reloaded, field)) for field in reloaded.__struct_fields__}
        self.watch.logs.event("reloaded", "warning" if reloaded.waiting else "info", **names)

    async def reload(self, through: str) -> None:
        """Reload as `models.reload` does, asked for in another way, which the record then names.

        Raises: what the command raises.
        """
        await self._control_commands()["models.reload"]({}, myself(through))

    def _control_commands(self) -> Mapping[str, Callable[[Mapping[str, Any], Person], Any]]:
        acts = Acts(self.ledger, self.clock, tell_commands(self.watch))

        def on_loop(given: Given) -> Callable[[Mapping[str, Any], Person], Any]:
            return lambda words, person: awaited(given(words, person))

        given = {name: acts.recorded(name, command) for name, command in self.commands().items()}
        return {
            name: on_loop(each)
            for name, each in {
                **given,
                "records.accessed": reading(self.ledger),
                SETTLED: settling(self.ledger),
            }.items()
        }


def _nothing() -> None:
    """There is no certificate."""
