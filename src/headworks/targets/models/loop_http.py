"""A worker's loop for a WSGI or ASGI application: whole requests, answered in threads as they come."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from struct import Struct as Layout
from threading import Lock
from time import monotonic_ns

from headworks.errors import ClientGone, DeadlineExceeded
from headworks.targets.models.inbox import Inbox, payloads
from headworks.targets.models.messages import Batch, Done, Load
from headworks.targets.models.reporting import failure, report
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
        try:
            if call_id in self._inbox.cancelled:
                raise ClientGone
            if deadline_ns <= began_ns:
                raise DeadlineExceeded
            head, body = self._runner.handle(payload)
            parts = (HEAD_SIZE.pack(len(head)), head, body)
            done = Done([call_id], [sum(map(len, parts))], 1, monotonic_ns() - began_ns)
        except BaseException as error:
            report(error)
            done = Done([], [], 0, 0, [failure(call_id, error)])
        with self._replying:
            self._inbox.reply(done, parts)
