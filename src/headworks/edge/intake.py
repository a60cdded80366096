"""One request's body while it is received, with the questions asked before more of it is taken."""

from __future__ import annotations

from msgspec import structs

from headworks.edge.app_port import App
from headworks.edge.body import incoming
from headworks.edge.head import CHUNKED, SMALL_BYTES, Head
from headworks.edge.limits import EdgeLimits
from headworks.units import SECOND_NS
from headworks.values import Reply


class Intake:
    """A body that did not come whole with its head; `head` says who sends it."""

    __slots__ = ("_app", "_ask_at_bytes", "_body", "_limits", "_since_ns", "head", "refusal")

    def __init__(self, head: Head, app: App, limits: EdgeLimits, now_ns: int) -> None:
        """Begin.

        Raises: BodyTooLarge, by the announced length; UnsupportedMedia.
        """
        self.head = head
        self.refusal: Reply | None = None
        self._app = app
        self._limits = limits
        self._since_ns = now_ns
        self._body = incoming(head, limits)
        self._ask_at_bytes = SMALL_BYTES

    @property
    def is_complete(self) -> bool:
        """Whether the whole body is there."""
        return self._body.is_complete

    @property
    def size_bytes(self) -> int:
        """How much is held."""
        return self._body.content.size_bytes

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body."""
        return "expect" in self.head.headers and not self.head.is_old

    def feed(self, data: bytes, at: int) -> int:
        """Read on from `at`; where reading stopped. Sets `refusal` when the application wants no more of it.

        Raises: Malformed, BodyTooLarge.
        """
        at = self._body.feed(data, at)
        if not self.is_complete and self.head.length == CHUNKED and self.size_bytes > self._ask_at_bytes:
            self._ask_at_bytes = 2 * self.size_bytes
            self._ask(self.size_bytes)
        return at

    def ask(self) -> None:
        """Let the application refuse by the head alone, if the body is long, of unknown length or waited for."""
        length = self.head.length
        is_worth_it = self.expects_continue or length == CHUNKED or length > SMALL_BYTES
        if is_worth_it and self.refusal is None:
            self._ask(length)

    def whole(self) -> bytes:
        """The body, unpacked; the head no longer says that it was packed.

        Raises: Malformed, when a coding did not come to its end.
        """
        self.head.headers.pop("content-encoding", None)
        return self._body.content.whole()

    def is_too_slow(self, now_ns: int) -> bool:
        """Whether the body comes slower than it must, after a grace."""
        elapsed_s = (now_ns - self._since_ns) / SECOND_NS - self._limits.min_rate_from_s
        return self._body.content.wire_bytes < elapsed_s * self._limits.min_body_bytes_per_s

    def _ask(self, length: int) -> None:
        self.refusal = self._app.precheck(structs.replace(self.head, length=length))
