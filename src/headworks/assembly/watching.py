"""Logs, metrics and health put together over a service's parts."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from headworks.cache.answers import CachedAnswers
from headworks.identity.key_text import redact
from headworks.recording import Entry
from headworks.records.ledger import Ledger
from headworks.targets.models.registry import Loading, Models
from headworks.targets.outliers import Standing, State
from headworks.targets.peers import Moved, Peers
from headworks.targets.providers.key_news import KeyChange
from headworks.units import MILLISECOND_NS, Clock
from headworks.watch.health import Health, ModelState
from headworks.watch.logs import Logs
from headworks.watch.metrics import Metrics
from headworks.watch.process import publish_process
from headworks.watch.sink import ThreadSink
from headworks.watch.watch import LoggedWatch

STANDARD_ERROR = 2
LINES = {
    Standing.OUT: ("target_out", "warning"),
    Standing.BACK: ("target_back", "info"),
    Standing.IN: ("target_well", "info"),
}
"""What is logged when a target comes to stand so."""
Together = Callable[[Iterable[float]], float]
"""One figure of several."""


class Connections(Protocol):
    """The connections of an edge; see edge/gate.py."""

    refused: int

    @property
    def held(self) -> int:
        """How many are not read for a while."""

    @property
    def most(self) -> int:
        """How many may be open."""

    def census(self) -> Mapping[str, int]:
        """How many are in each state."""


class Fares(Protocol):
    """How a target outside fares; see targets/providers/target.py, which is loaded only where there are some."""

    name: str
    sent: int
    running: int
    failed: Mapping[str, int]
    keys_rejected: int
    is_set_aside: bool


def open_watch(clock: Clock, sink: ThreadSink, *, has_calls: bool) -> LoggedWatch:
    """Metrics from zero, and logs to the sink."""
    return LoggedWatch(Metrics(), Logs(sink, redact, clock, has_calls=has_calls))


def watch_parts(watch: LoggedWatch, ledger: Ledger, models: Models, pid: int) -> None:
    """Publish what the parts know of themselves."""
    metrics = watch.metrics
    publish_process(metrics, pid)
    metrics.read("headworks_record_available", "1 while records can be written.", lambda: float(ledger.is_available))
    metrics.read("headworks_records", "Records stored.", lambda: ledger.usage().records)
    metrics.read("headworks_record_database_bytes", "Size of records.db.", lambda: ledger.usage().database_bytes)
    metrics.read("headworks_record_content_bytes", "Size of content files.", lambda: ledger.usage().content_bytes)
    metrics.read(
        "headworks_record_disk_bound_bytes", "Bound on the record's disk.", lambda: ledger.usage().max_disk_bytes
    )

    def each(field: str) -> Iterable[tuple[Mapping[str, str], float]]:
        return [({"model": state.name}, getattr(state, field)) for state in models.states()]

    metrics.read("headworks_model_workers_ready", "Workers that take calls.", lambda: each("ready"))
    metrics.read("headworks_model_queued_calls", "Calls that wait for a worker.", lambda: each("queued_calls"))
    metrics.read("headworks_model_running_calls", "Calls inside workers.", lambda: each("running_calls"))
    metrics.read("headworks_model_restarts_total", "Workers replaced.", lambda: each("restarts"), "counter")
    metrics.read("headworks_model_late_answers_total", "Answers nobody waited for.", lambda: each("late"), "counter")
    metrics.read(
        "headworks_model_unknown_answers_total", "Answers to nothing asked.", lambda: each("unknown"), "counter"
    )


def watch_outside(watch: LoggedWatch, outside: Callable[[], Iterable[Fares]]) -> None:
    """Publish how the targets outside fare: by the name they have in the configuration, and the code of what failed.

    One name may serve several tasks, and one task in several wordings: their figures stand in one line.
    """
    metrics = watch.metrics

    def each(tell: Callable[[Fares], float], together: Together = sum) -> Iterable[tuple[Mapping[str, str], float]]:
        found: dict[str, list[float]] = {}
        for state in outside():
            found.setdefault(state.name, []).append(tell(state))
        return [({"target": name}, together(figures)) for name, figures in found.items()]

    def failures() -> Iterable[tuple[Mapping[str, str], float]]:
        found: Counter[tuple[str, str]] = Counter()
        for state in outside():
            found.update({(state.name, code): count for code, count in state.failed.items()})
        return [({"target": name, "code": code}, count) for (name, code), count in found.items()]

    metrics.read("headworks_target_attempts_total", "Requests sent to it.", lambda: each(lambda s: s.sent), "counter")
    metrics.read("headworks_target_running", "Calls it has in hand.", lambda: each(lambda s: s.running))
    metrics.read("headworks_target_failed_total", "Attempts that failed, by code.", failures, "counter")
    metrics.read(
        "headworks_target_keys_rejected_total",
        "How often a key was refused: look at it.",
        lambda: each(lambda s: s.keys_rejected, max),
        "counter",
    )
    metrics.read(
        "headworks_target_set_aside", "1 while it is not asked.", lambda: each(lambda s: float(s.is_set_aside), max)
    )


def watch_connections(watch: LoggedWatch, connections: Connections, states: Collection[str] | None = None) -> None:
    """Publish what the connections of an edge are doing; only these states where a server of others' counts the rest."""
    metrics = watch.metrics

    def each() -> Iterable[tuple[Mapping[str, str], float]]:
        census = connections.census().items()
        return [({"state": state}, count) for state, count in census if states is None or state in states]

    metrics.read("headworks_connections", "Open connections, by what they are doing.", each)
    if states is not None:
        return
    metrics.read("headworks_connections_bound", "Most connections that may be open.", lambda: connections.most)
    metrics.read(
        "headworks_connections_held", "Connections not read for a while, after overload.", lambda: connections.held
    )
    metrics.read(
        "headworks_connections_refused_total",
        "Connections that were one too many.",
        lambda: connections.refused,
        "counter",
    )


def watch_peers(watch: LoggedWatch, peers: Peers) -> None:
    """Publish which of the targets that share a version's calls are out."""
    metrics = watch.metrics

    def each(field: Callable[[State], float]) -> Iterable[tuple[Mapping[str, str], float]]:
        return [({"endpoint": state.endpoint, "target": state.target}, field(state)) for state in peers.states()]

    metrics.read(
        "headworks_target_out",
        "1 while it is asked last, for it does much worse than its equals.",
        lambda: each(lambda state: float(state.standing is Standing.OUT)),
    )
    metrics.read(
        "headworks_target_ejections_total", "How often it was put out.", lambda: each(lambda s: s.ejections), "counter"
    )


def watch_answers(watch: LoggedWatch, answers: CachedAnswers) -> None:
    """Publish how calls to endpoints with a cache were answered, and what is kept."""
    metrics, similar = watch.metrics, answers.similar

    def ways() -> Iterable[tuple[Mapping[str, str], float]]:
        hits, near, shared = answers.hits, similar.hits, answers.flights.shared
        counts = {"hit": hits, "semantic": near, "shared": shared, "miss": answers.misses - near - shared}
        return [({"how": how}, count) for how, count in counts.items()]

    metrics.read("headworks_cache_answers_total", "Calls to endpoints with a cache, by how.", ways, "counter")
    metrics.read(
        "headworks_cache_vectors_failed_total", "Questions that got no vector.", lambda: similar.failed, "counter"
    )
    metrics.read("headworks_cache_entries", "Kept answers.", lambda: len(answers.store))
    metrics.read("headworks_cache_bytes", "What they take, sealed.", lambda: answers.store.size_bytes)
    metrics.read("headworks_cache_vectors", "Kept questions with a vector.", lambda: len(similar.nearest))
    metrics.read("headworks_cache_vectors_bytes", "What they take, sealed.", lambda: similar.nearest.size_bytes)


def tell_commands(watch: LoggedWatch) -> Callable[[Entry], None]:
    """Logs each change that an administrator made on the machine itself, or was refused."""

    def told(entry: Entry) -> None:
        facts = {"command": entry.route, "by": entry.caller_id, "via": entry.via, "outcome": entry.outcome}
        watch.logs.event("command", "info" if entry.outcome == "ok" else "warning", **facts)

    return told


def tell_models(watch: LoggedWatch) -> Callable[[Loading], None]:
    """Logs that a model is being loaded, and that it is ready, or failed, and after how long; at once, for a start may take minutes."""

    def told(loading: Loading) -> None:
        facts: dict[str, str | float] = {"model": loading.name}
        if loading.state != "loading":
            facts["took_s"] = round(loading.took_s, 3)
        if loading.reason:
            facts["reason"] = loading.reason
        watch.logs.event(f"model_{loading.state}", "error" if loading.state == "failed" else "info", **facts)
        watch.flush()

    return told


def tell_peers(watch: LoggedWatch) -> Callable[[Moved], None]:
    """Logs each change of a target's standing among its equals, and what it was judged by."""

    def told(moved: Moved) -> None:
        change = moved.change
        name, level = LINES[change.standing]
        facts: dict[str, float] = {}
        if change.own.calls:
            facts = {
                "calls": change.own.calls,
                "failed_share": round(change.own.failed_share, 3),
                "others_failed_share": round(change.others.failed_share, 3),
                "typical_ms": round(change.own.typical_ns / MILLISECOND_NS, 1),
                "others_typical_ms": round(change.others.typical_ns / MILLISECOND_NS, 1),
                "out_s": change.out_s,
            }
        watch.logs.event(name, level, endpoint=moved.endpoint, target=change.target, **facts)

    return told


def tell_keys(watch: LoggedWatch) -> Callable[[KeyChange], None]:
    """Logs each change of a key of ours at a provider: an error where no other is left; which one by its place, never the key."""

    def told(change: KeyChange) -> None:
        name, level = ("provider_key_taken", "info")
        if change.is_refused:
            name, level = "provider_key_refused", "warning" if change.others else "error"
        key = change.key
        watch.logs.event(
            name, level, provider=key.provider, model=key.model, key=key.place, keys=key.keys, others_left=change.others
        )

    return told


def health_of(ledger: Ledger, models: Models, is_published: Callable[[], bool]) -> Health:
    """The health of these parts."""

    def states() -> Iterable[ModelState]:
        return [ModelState(s.name, s.ready > 0, s.ready, s.status) for s in models.states()]

    return Health(lambda: ledger.is_available, states, is_published)
