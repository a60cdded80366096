"""All own models of this front: started together, found by name, swapped while they serve."""

from asyncio import AbstractEventLoop, Future, Task, shield
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from msgspec import Struct, structs

from headworks.bridge import awaited
from headworks.errors import ConfigurationRefused, Draining, FieldError, HeadworksError, ModelUnavailable, NotFound
from headworks.pending import Pending, drive
from headworks.targets.models.engine import Engine
from headworks.targets.models.pool import ModelPool, PoolState
from headworks.targets.models.runner import Announcement, Source
from headworks.targets.models.settings import ModelSettings
from headworks.units import SECOND_NS, Clock
from headworks.values import Target

T = TypeVar("T")
Accept = Callable[[str, Announcement], None]
"""Raises when a model may not serve under a name: its contract breaks what is published."""

RETRY_AFTER_S = 1.0
DRAIN_S = 30.0
RETIRE_S = 600.0
"""How long streams may go on in a version that was replaced."""


def accept_any(name: str, announcement: Announcement) -> None:
    """No condition on a new version of a model."""


class Loading(Struct, frozen=True):
    """What becomes of a model that is being started: `loading`, then `ready`, or `failed` for a reason."""

    name: str
    state: str
    took_s: float = 0.0
    reason: str = ""


def tell_nobody(loading: Loading) -> None:
    """Nobody wants to know."""


class Models:
    """The own models; implements ports.Targets.

    `accept` is asked before a swapped model takes over; what serves first is judged by whoever reads `start`'s result.
    `told` hears of each start of a model, first and later ones.
    """

    def __init__(
        self,
        settings: Iterable[ModelSettings],
        engine: Engine,
        loop: AbstractEventLoop,
        clock: Clock,
        accept: Accept = accept_any,
        told: Callable[[Loading], None] = tell_nobody,
    ) -> None:
        self._told = told
        self._engine = engine
        self._loop = loop
        self._clock = clock
        self._accept = accept
        self._beside: dict[str, Target] = {}
        self._pools = {each.name: ModelPool(each, engine, loop, clock) for each in settings}
        self._swapping: dict[str, ModelPool] = {}
        self._retiring: set[ModelPool] = set()
        self._closing: Task[None] | None = None
        self._is_ending = False

    async def start(self) -> Mapping[str, Announcement]:
        """Start every model and wait until all are ready; gives what each says of itself.

        Raises: ConfigurationRefused naming each model that did not start and why; all are then ended.
        """
        opened = {name: self._loop.create_task(self._first(pool)) for name, pool in self._pools.items()}
        for ready in opened.values():
            ready.add_done_callback(_heard)  # also of those that nobody waits for any more
        wrong = []
        for name, ready in opened.items():
            try:
                await ready
            except HeadworksError as error:
                wrong.append(FieldError(f"/models/{name}", error.reason or error.detail))
        if wrong:
            await self.close(0.0)
            names = ", ".join(error.pointer.rpartition("/")[2] for error in wrong)
            raise ConfigurationRefused(f"These models did not start: {names}.", errors=tuple(wrong))
        return self.announcements

    async def _first(self, pool: ModelPool) -> Announcement:
        """The same as `_opened`, on the event loop."""
        return await awaited(self._opened(pool))

    async def _opened(self, pool: ModelPool) -> Announcement:
        """What a model says of itself once it is ready; how it gets there is told."""
        name, began_ns = pool.name, self._clock.monotonic_ns()
        self._told(Loading(name, "loading"))
        try:
            announcement = await pool.open()
        except HeadworksError as error:
            if not self._is_ending:  # else it is ended, and nothing is wrong with it
                self._told(Loading(name, "failed", self._since_s(began_ns), error.reason or error.detail))
            raise
        self._told(Loading(name, "ready", self._since_s(began_ns)))
        return announcement

    def _since_s(self, began_ns: int) -> float:
        return (self._clock.monotonic_ns() - began_ns) / SECOND_NS

    @property
    def announcements(self) -> Mapping[str, Announcement]:
        """What each model that was ever ready says of itself."""
        announced = ((name, pool.announcement) for name, pool in self._pools.items())
        return {name: announcement for name, announcement in announced if announcement is not None}

    def stand_beside(self, target: Target) -> None:
        """Let a target that is no model be found by its name, like one."""
        self._beside[target.name] = target

    def find(self, name: str, task: str | None = None) -> Target:
        """The pool that answers for a model, or what stands beside the models.

        Raises: ModelUnavailable when it has no ready worker and none is about to be.
        """
        pool = self._pools.get(name)
        if pool is None:
            if name in self._beside:
                return self._beside[name]
            raise ModelUnavailable(f"There is no model {name}.")
        if not pool.is_available:
            raise ModelUnavailable(f"Model {name} is not ready.", retry_after_s=RETRY_AFTER_S)
        return pool

    def states(self) -> tuple[PoolState, ...]:
        """How every model fares."""
        return tuple(pool.state() for pool in self._pools.values())

    def swap(self, name: str, source: Source | None = None) -> Pending[Announcement]:
        """Start a model anew, from another source or from the same, and let it take over once it proved itself.

        The new workers load, run their examples and are accepted first; then later calls go to them and the old
        ones finish what they have. A new version that fails any of this never receives a call.

        Raises: NotFound; ModelUnavailable with the reason; what `accept` raises. The old version then serves on.
        """
        return self._driven(self._swap(name, source))

    def reload(self) -> Pending[Mapping[str, str]]:
        """Swap every model for a fresh start of itself, one after the other; gives what went wrong, by name."""
        return self._driven(self._reload())

    async def close(self, grace_s: float = DRAIN_S) -> None:
        """Finish what was accepted, within the grace, and end every worker; a second call waits for the first."""
        self._is_ending = True
        if self._closing is None:
            pools = [*self._pools.values(), *self._swapping.values(), *self._retiring]
            self._closing = self._loop.create_task(self._ended([pool.drain(grace_s) for pool in pools]))
        await shield(self._closing)

    async def _ended(self, drained: list[Pending[None]]) -> None:
        for pending in drained:
            await self._settled(pending)
        await self._settled(self._engine.when_idle())

    async def _swap(self, name: str, source: Source | None) -> Announcement:
        old = self._pools.get(name)
        if old is None:
            raise NotFound(f"There is no model {name}.")
        if self._closing is not None:
            raise Draining
        if name in self._swapping:
            raise ModelUnavailable(f"A swap of {name} is under way.", reason="a swap is under way")
        settings = old.settings if source is None else structs.replace(old.settings, source=source)
        new = self._swapping[name] = ModelPool(settings, self._engine, self._loop, self._clock)
        is_accepted = False
        try:
            announcement = await self._opened(new)
            self._accept(name, announcement)
            is_accepted = True
        finally:
            del self._swapping[name]
            if not is_accepted:
                self._retire(new)
        self._pools[name] = new
        old.successor = new
        self._retire(old)
        return announcement

    async def _reload(self) -> Mapping[str, str]:
        wrong = {}
        for name in tuple(self._pools):
            try:
                await self._swap(name, None)
            except HeadworksError as error:
                wrong[name] = error.reason or error.detail
        return wrong

    def _retire(self, pool: ModelPool) -> None:
        self._retiring.add(pool)
        pool.drain(RETIRE_S).when_done(lambda: self._retiring.discard(pool))

    def _driven(self, work: Coroutine[Any, Any, T]) -> Pending[T]:
        pending: Pending[T] = Pending()
        drive(work, lambda result, error: _settle(pending, result, error))
        return pending

    def _settled(self, pending: Pending[T]) -> "Future[T]":
        """The same result for a coroutine of the event loop."""
        future: Future[T] = self._loop.create_future()

        def settle() -> None:
            if not future.done():
                try:
                    future.set_result(pending.result())
                except HeadworksError as error:
                    future.set_exception(error)

        pending.when_done(settle)
        return future


def _heard(ready: Task[Announcement]) -> None:
    if not ready.cancelled():
        ready.exception()


def _settle(pending: Pending[T], result: T | None, error: BaseException | None) -> None:
    if error is not None:
        pending.fail(error)
    else:
        pending.resolve(result)  # type: ignore[arg-type]  # drive gives a result whenever it gives no error
