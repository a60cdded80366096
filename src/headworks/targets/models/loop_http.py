"""A worker's loop for a WSGI or ASGI application: whole requests, answered in threads as they come."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from struct import Struct as Layout
from threading import Lock
from time import monotonic_ns

from headworks.errors import ClientGone, DeadlineExceeded, ModelError
from headworks.targets.models.inbox import Inbox, payloads
from headworks.targets.models.messages import Batch, Done, Load
from headworks.targets.models.reporting import failure, report, tried
from headworks.targets.models.runner import HttpRunner
from headworks.values import Payload

HEAD_SIZE = Layout("<I")


class HttpLoop:
    """Hands each request to a thread; the front bounds how many there are."""

    def __init__(self, inbox: Inbox, runner: HttpRunner, load: Load) -> None:
        self._inbox = inbox
        self._runner = runner
        self._threads = ThreadPoolExecutor(load.concurrency, thread_name_prefix="request")
        self._replying = Lock()

    def run(self, ready: Callable[[], None]) -> None:
        """Warm up, say ready, then serve until the front leaves."""
        self._runner.warm_up()
        ready()
        inbox = self._inbox
        try:
            while not inbox.is_ended:
                inbox.fill(wait=True)
                while inbox.batches:
                    self._begin(*inbox.batches.popleft())
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._runner.close()

    def _begin(self, batch: Batch, body: bytes) -> None:
        for call_id, deadline_ns, payload in zip(batch.ids, batch.deadlines_ns, payloads(batch, body), strict=True):
            self._threads.submit(self._answer, call_id, deadline_ns, payload)

    def _answer(self, call_id: int, deadline_ns: int, payload: Payload) -> None:
        began_ns = monotonic_ns()
        parts: tuple[bytes, ...] = ()
        if call_id in self._inbox.cancelled:
            done = Done([], [], 0, 0, [failure(call_id, ClientGone())])
        elif deadline_ns <= began_ns:
            done = Done([], [], 0, 0, [failure(call_id, DeadlineExceeded())])
        else:
            done, parts = self._handled(call_id, payload, began_ns)
        with self._replying:
            self._inbox.reply(done, parts)

    def _handled(self, call_id: int, payload: Payload, began_ns: int) -> tuple[Done, tuple[bytes, ...]]:
        answer, error = tried(self._runner.handle, payload)
        if answer is None or error is not None:
            error = error or ModelError()
            report(error)
            return Done([], [], 0, 0, [failure(call_id, error)]), ()
        head, body = answer
        parts = (HEAD_SIZE.pack(len(head)), head, body)
        return Done([call_id], [sum(map(len, parts))], 1, monotonic_ns() - began_ns), parts
