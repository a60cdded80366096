"""Calls that ended, gathered by what they have in common until they are counted and logged together.

A call pays for two tuples and a list; all else is done a few times a second, a kind of call at a time.
"""

from collections.abc import Callable
from typing import NamedTuple

from headworks.recording import Entry

MOST_WAITING = 4096


class Kind(NamedTuple):
    """What the calls of one caller to one version, with one outcome, have in common."""

    status: int
    caller: str
    via: str
    route: str
    endpoint: str
    version: int
    target: str
    model_version: str
    outcome: str
    attempts: int


class Own(NamedTuple):
    """What each of some calls has alone, as columns."""

    at_wall_ns: tuple[int, ...]
    request_id: tuple[str, ...]
    client_request_id: tuple[str | None, ...]
    rows: tuple[int, ...]
    batch_rows: tuple[int, ...]
    input_bytes: tuple[int, ...]
    output_bytes: tuple[int, ...]
    queue_us: tuple[int, ...]
    run_us: tuple[int, ...]
    total_us: tuple[int, ...]


_KindOf = tuple[int, str, str, str, str, int, str, str, str, int]
_OwnOf = tuple[int, str, str | None, int, int, int, int, int, int, int]


class Ended:
    """Calls by their kind; holds nothing of their content.

    Bounded: when 4096 wait, `is_full` is told, which takes them.
    Safe under: one thread.
    """

    __slots__ = ("_is_full", "_kinds", "_waiting")

    def __init__(self, is_full: Callable[[], None]) -> None:
        self._is_full = is_full
        self._waiting = 0
        self._kinds: dict[_KindOf, list[_OwnOf]] = {}

    def add(self, entry: Entry) -> None:
        """Remember one call that ended."""
        kind = (
            entry.status, entry.caller_id, entry.via, entry.route, entry.endpoint, entry.version, entry.target,
            entry.model_version, entry.outcome, entry.attempts,
        )  # fmt: skip
        calls = self._kinds.get(kind)
        if calls is None:
            calls = self._kinds[kind] = []
        calls.append((
            entry.at_wall_ns, entry.request_id, entry.client_request_id, entry.rows, entry.batch_rows,
            entry.input_bytes, entry.output_bytes, entry.queue_us, entry.run_us, entry.total_us,
        ))  # fmt: skip
        self._waiting = waiting = self._waiting + 1
        if waiting >= MOST_WAITING:
            self._is_full()

    def take(self) -> list[tuple[Kind, Own]]:
        """All of them, each kind with the columns of its calls; none is left."""
        kinds, self._kinds, self._waiting = self._kinds, {}, 0
        return [(Kind(*kind), Own(*zip(*calls, strict=True))) for kind, calls in kinds.items()]
