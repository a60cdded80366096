"""One watcher over logs and metrics; implements ports.Watch."""

from collections.abc import Callable

from headworks.recording import Entry
from headworks.units import RequestId
from headworks.watch.ended import Ended
from headworks.watch.logs import Logs
from headworks.watch.metrics import Counted, Metrics


class LoggedWatch:
    """Counts and logs what happened; never fails, never waits.

    Calls that ended wait for `flush` or `page`, a bounded number of them.
    Cost: about 0.3 µs a call, and as much in `flush`.
    """

    def __init__(self, metrics: Metrics, logs: Logs) -> None:
        self.metrics = metrics
        self.logs = logs
        self._ended = Ended(self._settle)
        self.ended: Callable[[Entry], None] = self._ended.add
        """One call ended, however; bound here, so that a call pays one step for it."""
        self._failures = 0
        metrics.read("headworks_failures_total", "Failures without a name.", lambda: self._failures, "counter")
        metrics.read("headworks_log_lines_dropped_total", "Log lines lost.", lambda: logs.dropped, "counter")

    def failed(self, request_id: RequestId, error: BaseException) -> None:
        """Something failed that only the log may know about."""
        self._failures += 1
        self.logs.failure(request_id, error)

    def flush(self) -> None:
        """Count and log what ended, and hand the log's lines over; the event loop's to call, a few times a second."""
        self._settle()
        self.logs.flush()

    def page(self) -> bytes:
        """The page of metrics, with every call that has ended."""
        self._settle()
        return self.metrics.page()

    def counted(self, endpoint: str, version: int) -> Counted:
        """What was counted of one version, with every call that has ended."""
        self._settle()
        return self.metrics.counted(endpoint, version)

    def _settle(self) -> None:
        for kind, own in self._ended.take():
            self.metrics.count(kind, own)
            self.logs.calls(kind, own)
