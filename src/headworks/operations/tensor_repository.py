"""What clients of the Open Inference Protocol ask of the models as a repository: their state, how often they ran, to load them anew.

Source: Triton's extensions "Model Repository" (index, load, unload) and "Statistics".
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from headworks.commands import Command
from headworks.errors import CallerError, FieldError, NotBuilt, SchemaViolation
from headworks.identity.actions import read_form
from headworks.operations.service import Operation
from headworks.operations.tensors import Shelf, told
from headworks.ports import Action, Answer, Ask
from headworks.units import MICROSECOND_NS, MILLISECOND_NS
from headworks.values import Endpoint
from headworks.watch.metrics import Counted

MOST_MODELS = 1000
_EMPTY = Answer(b"", headers=(("Cache-Control", "no-store"),))

Count = Callable[[str, int], Counted]
"""What was counted of a version of an endpoint."""


class Wanted(Struct, frozen=True):
    """Which models of the index are wanted; other fields are of repositories that there are not."""

    ready: bool = False


class Loading(Struct, frozen=True):
    """How a model is to be loaded."""

    parameters: dict[str, Any] = {}


class TensorRepository:
    """The models' states and counts; and `load`, which swaps an endpoint's own models for what their sources hold now."""

    def __init__(self, shelf: Shelf, counted: Count, swap: Command) -> None:
        self._shelf = shelf
        self._counted = counted
        self._swap = swap

    def actions(self) -> dict[str, Action]:
        """The operations by name."""
        return {
            "oip.index": Operation(self._index, is_recorded=True),
            "oip.stats": Operation(self._stats, is_recorded=True),
            "oip.load": Operation(self._load, is_recorded=True, is_change=True),
            "oip.unload": Operation(self._unload, is_recorded=True, is_change=True),
        }

    async def _index(self, ask: Ask) -> Answer:
        wanted = read_form(Wanted, ask.raw.body)
        found = [(each, self._shelf.is_ready(each)) for each in self._shelf.versions(ask)]
        return told([_state(each, is_ready) for each, is_ready in found if is_ready or not wanted.ready])

    async def _stats(self, ask: Ask) -> Answer:
        named = [self._shelf.named(ask)] if "model" in ask.params else self._shelf.versions(ask)[:MOST_MODELS]
        return told({"model_stats": [_statistics(each, self._counted(each.name, each.version)) for each in named]})

    async def _load(self, ask: Ask) -> Answer:
        """Anew from where they come from, without a lost call; models are declared in the configuration, not here."""
        if read_form(Loading, ask.raw.body).parameters:
            text = "must be empty: a model is what the configuration says"
            raise SchemaViolation(errors=(FieldError("/parameters", text),))
        named = self._shelf.named(ask)
        versions = [each for each in self._shelf.versions(ask) if each.name == named.name]
        own = sorted({choice.name for each in versions for choice in each.targets if "/" not in choice.name})
        if not own:
            raise CallerError(f"{named.name} has no model of its own: its targets are services outside.")
        for name in own:
            await self._swap({"name": name}, ask.caller)
        return _EMPTY

    async def _unload(self, ask: Ask) -> Answer:
        raise NotBuilt("An endpoint is published until it is taken out of the configuration.")


def _state(endpoint: Endpoint, is_ready: bool) -> dict[str, str]:
    state, reason = ("READY", "") if is_ready else ("UNAVAILABLE", "no target is ready")
    return {"name": endpoint.name, "version": str(endpoint.version), "state": state, "reason": reason}


def _statistics(endpoint: Endpoint, counted: Counted) -> dict[str, Any]:
    """Reading and writing tensors is part of a call's whole time, not measured apart: those two stay 0."""
    unmeasured = _duration(0, 0)
    return {
        "name": endpoint.name,
        "version": str(endpoint.version),
        "last_inference": counted.last_wall_ns // MILLISECOND_NS,
        "inference_count": counted.ok_rows,
        "execution_count": counted.batches,
        "inference_stats": {
            "success": _duration(counted.ok, counted.ok_us),
            "fail": _duration(counted.failed, counted.failed_us),
            "queue": _duration(counted.served, counted.queue_us),
            "compute_input": unmeasured,
            "compute_infer": _duration(counted.served, counted.run_us),
            "compute_output": unmeasured,
            "cache_hit": unmeasured,
            "cache_miss": unmeasured,
        },
        "batch_stats": [],
    }


def _duration(count: int, total_us: int) -> dict[str, int]:
    return {"count": count, "ns": total_us * MICROSECOND_NS}
