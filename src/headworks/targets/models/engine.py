"""What runs the workers, as a port: local processes here, another engine elsewhere, same meaning and same errors."""

from collections.abc import Callable, Sequence
from typing import Protocol

from headworks.pending import Pending
from headworks.targets.models.messages import Batch, Done, End, Event, Load, LoadFailed, Ready
from headworks.targets.models.settings import ModelSettings

Log = Callable[[str, str], None]
"""Takes the name of a model and one line that its worker printed, or that we say of it."""


class Listener(Protocol):
    """Told what a worker says, in order, on the loop's thread, never before `start` returned; `gone` is last and once."""

    def ready(self, message: Ready) -> None:
        """The model is loaded and warm."""

    def refused(self, message: LoadFailed) -> None:
        """The model could not be loaded."""

    def done(self, message: Done, body: bytes) -> None:
        """Calls were answered."""

    def event(self, message: Event, body: bytes) -> None:
        """A stream gave an event."""

    def end(self, message: End) -> None:
        """A stream is over."""

    def gone(self, reason: str) -> None:
        """The worker has ended; nothing more will come."""


class Worker(Protocol):
    """One started worker. What it is sent after its end is dropped; `gone` has told or will tell."""

    number: int
    """The process id, or whatever an engine shows its people."""

    def load(self, message: Load) -> None:
        """Load a model."""

    def send(self, batch: Batch, parts: Sequence[bytes]) -> None:
        """Run calls; never waits."""

    def poll(self) -> None:
        """Hear what the worker has said already, without waiting for the loop's next round."""

    def cancel(self, call_ids: list[int]) -> None:
        """Drop calls nobody waits for."""

    def grant(self, call_id: int, events: int) -> None:
        """Let so many more events of a stream come."""

    def leave(self, grace_s: float) -> None:
        """End when what runs is done; killed after the grace."""

    def kill(self) -> None:
        """End now."""

    def resident_bytes(self) -> int:
        """Memory it holds; 0 when unknown."""


class Engine(Protocol):
    """Starts workers."""

    def start(self, settings: ModelSettings, listener: Listener) -> Worker:
        """A worker that waits for its Load.

        Raises: OSError when none can be started.
        """

    def when_idle(self) -> Pending[None]:
        """Resolves once every worker has ended and nothing of it is left."""


class Handle(Protocol):
    """Something due later."""

    def cancel(self) -> None:
        """It is not wanted any more."""


class Scheduler(Protocol):
    """The part of an event loop that calls back."""

    def call_soon(self, callback: Callable[[], object], /) -> object:
        """Call in the loop's next round."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Handle:
        """Call after so many seconds."""
