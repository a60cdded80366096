"""Whether the service lives and is ready, as documents."""

from collections.abc import Callable, Iterable

from msgspec import Struct


class ModelState(Struct, frozen=True):
    """One own model as its pool sees it now."""

    name: str
    is_ready: bool
    workers: int = 0
    detail: str = ""


class ModelHealth(Struct, frozen=True, omit_defaults=True):
    """One model in the document."""

    status: str
    workers: int
    detail: str = ""


class Live(Struct, frozen=True):
    """The answer of /health/live: the event loop answers."""

    status: str = "live"


class Ready(Struct, frozen=True):
    """The answer of /health/ready; `waiting_for` names each thing that keeps the service from being ready."""

    status: str
    record: str
    models: dict[str, ModelHealth]
    waiting_for: tuple[str, ...] = ()


class Health:
    """Ready means: records can be written, every own model has been ready once, and the endpoints are published.

    A model that fails later shows in the document only, since one bad model must not take the others out of service;
    its own calls are answered with its own errors. Providers never count.
    """

    def __init__(
        self,
        is_recording: Callable[[], bool],
        models: Callable[[], Iterable[ModelState]],
        is_published: Callable[[], bool],
    ) -> None:
        self._is_recording = is_recording
        self._is_published = is_published
        self._models = models
        self._was_ready: set[str] = set()
        self._is_draining = False

    def drain(self) -> None:
        """Not ready from now on, so that no new calls are sent here."""
        self._is_draining = True

    def live(self) -> Live:
        """The document of liveness; being able to ask is the answer."""
        return Live()

    def ready(self) -> tuple[int, Ready]:
        """Status code (200, 503) and document of readiness."""
        is_recording = self._is_recording()
        states = tuple(self._models())
        self._was_ready = {s.name for s in states if s.is_ready or s.name in self._was_ready}
        cold = [f"model {state.name}" for state in states if state.name not in self._was_ready]
        models = {state.name: self._shown(state) for state in states}
        record = "available" if is_recording else "unavailable"
        if self._is_draining:
            return 503, Ready("draining", record, models)
        waiting = [*([] if is_recording else ["record"]), *cold]
        if not waiting and not self._is_published():
            waiting.append("endpoints")
        if not waiting:
            return 200, Ready("ready", record, models)
        return 503, Ready("starting" if is_recording else "not_ready", record, models, tuple(waiting))

    def _shown(self, state: ModelState) -> ModelHealth:
        if state.is_ready:
            return ModelHealth("ready", state.workers, state.detail)
        return ModelHealth("failing" if state.name in self._was_ready else "starting", state.workers, state.detail)
