"""HTTP/1.1 on a socket: one asyncio protocol a connection; no task and no timer a request.

Requests of one connection are answered in order; while one runs, a bounded amount is read ahead. A deadline is the
start of a phase held against a table by the gate's sweep. What is refused and why: docs/reference/http-guards.md.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import cast

from msgspec import structs

from headworks.edge.answer import CONTINUE, small_reply, unforeseen
from headworks.edge.gate import Gate
from headworks.edge.head import SMALL_BYTES, Head, check_unfinished
from headworks.edge.head_memory import HeadReader
from headworks.edge.held import Held
from headworks.edge.intake import Intake
from headworks.edge.pages import origin_in
from headworks.edge.phase import STATES, Phase
from headworks.edge.rounds import CROWD, SHORT_NS
from headworks.edge.writer import Writer
from headworks.edge.ws_opening import is_websocket
from headworks.errors import ClientGone, HeadworksError, Internal, Overloaded, ReceiveTimeout
from headworks.pending import Driven, drive
from headworks.units import SECOND_NS
from headworks.values import RawRequest, Reply

FRESH, IDLE, HEAD, BODY, RUNNING, SENDING, FLUSHING, LINGERING, CLOSING = Phase
_HEAD_END = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """One client's connection."""

    __slots__ = (
        "_ahead", "_app", "_driven", "_gate", "_head", "_held", "_intake", "_is_behind_proxy", "_is_inside_read",
        "_is_last", "_is_reading_paused", "_is_secure", "_is_unsure", "_mint", "_most_head_bytes", "_must_linger", "_now_ns", "_peer",
        "_phase", "_read_head", "_recall_head", "_request_id", "_request_is_secure", "_since_ns", "_successor",
        "_transport", "_writer",
    )  # fmt: skip

    _transport: asyncio.Transport
    _writer: Writer

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._app = gate.app
        reader = HeadReader(gate.heads, gate.head_memory)
        self._read_head, self._recall_head = reader.read, reader.recall
        self._most_head_bytes = gate.limits.max_head_bytes
        self._now_ns = gate.clock.monotonic_ns
        self._mint = gate.app.mint
        self._phase = FRESH
        self._since_ns = gate.now_ns
        self._peer = self._request_id = ""
        self._is_secure = self._is_behind_proxy = self._is_inside_read = self._is_reading_paused = False
        self._is_last = self._must_linger = self._request_is_secure = False
        self._is_unsure = True  # what is read first may have waited longer than a round
        self._ahead = b""
        self._head: Head | None = None
        self._intake: Intake | None = None
        self._held = Held(gate)
        self._driven: Driven[Reply] | None = None
        self._successor: asyncio.Protocol | None = None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or answer at once that there are too many."""
        gate = self._gate
        self._transport = cast(asyncio.Transport, transport)
        self._writer = Writer(self._transport, self._sent)
        address = transport.get_extra_info("peername")
        self._peer = address[0] if address else ""
        self._is_secure = self._request_is_secure = transport.get_extra_info("ssl_object") is not None
        self._is_behind_proxy = gate.proxies.has(self._peer)
        self._since_ns = gate.clock.monotonic_ns()
        try:
            gate.enter(self, self._peer)
        except Overloaded as error:
            self._send(self._app.problem(error, self._app.mint(), ""), is_last=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop what runs for a client that is gone, and give back what it held."""
        self._phase = CLOSING
        self._ahead = b""
        self._cancel()
        self._held.release()
        self._intake = None
        self._gate.leave(self, self._peer)

    def eof_received(self) -> None:
        """The client sends nothing more: a request under way is not whole, a running one has nobody to read it."""
        self._phase = CLOSING
        self._since_ns = self._now_ns()
        self._cancel()

    def data_received(self, data: bytes) -> None:
        """Read on; one short request of a known form, as almost all data is, takes a short way."""
        phase = self._phase
        if phase <= IDLE and self._run_known(data):
            return
        if phase < RUNNING:
            self._read(self._ahead + data if self._ahead else data)
        elif phase < LINGERING:
            self._ahead += data
            self._bound_read_ahead()

    def pause_writing(self) -> None:
        """The client reads slower than we write: make no more for it."""
        self._writer.pause(self._now_ns())

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._writer.resume()
        if self._phase is FLUSHING:
            self._next_request()

    # What the gate calls.

    @property
    def state(self) -> str:
        """See gate.Live."""
        return STATES[self._phase]

    def expire(self, now_ns: int) -> None:
        """End what has taken too long, and break a stream's long silence."""
        limits, paused_ns = self._gate.limits, self._writer.paused_ns
        if paused_ns and now_ns - paused_ns > limits.write_timeout_s * SECOND_NS:
            self.abort()
        elif now_ns - self._since_ns > self._gate.allowed_ns[self._phase]:
            self._expired()
        elif self._intake is not None and self._intake.is_too_slow(now_ns):
            self._refuse(ReceiveTimeout(f"A body must come at {limits.min_body_bytes_per_s} bytes a second or more"))
        self._writer.keep_awake(now_ns)

    def wind_down(self) -> None:
        """Close when nothing runs; what runs is answered with `Connection: close`."""
        if self._phase <= IDLE:
            self._close()

    def abort(self) -> None:
        """Close now, whatever runs."""
        self._transport.abort()

    def _expired(self) -> None:
        if HEAD <= self._phase <= BODY:
            self._refuse(ReceiveTimeout("The request did not arrive whole in time"), self._ahead)
        elif self._phase <= IDLE:
            self._close()
        else:
            self.abort()

    # Receiving.

    def _run_known(self, data: bytes) -> bool:
        """Run the one request that this is, if a head like its head came before; False, and nothing done, if not."""
        raw, end, body = data.partition(_HEAD_END)
        if not end or len(raw) > self._most_head_bytes:
            return False
        try:
            known = self._recall_head(raw)
        except HeadworksError as error:
            self._refuse(error, raw)
            return True
        if known is None or known[0].length != len(body):
            return False
        self._serve(*known, body)
        return True

    def _read(self, data: bytes) -> None:
        """Take every whole request out of `data`, which starts where the last one ended."""
        at = 0
        self._ahead = b""
        self._is_inside_read = True
        try:
            while at < len(data) and self._phase < RUNNING:
                intake = self._intake
                following = self._begin(data, at) if intake is None else intake.feed(data, at)
                if intake is not None:
                    self._take_in(intake)
                if following == at:
                    break
                at = following
        except HeadworksError as error:
            self._refuse(error, data[at:])
            return
        finally:
            self._is_inside_read = False
        rest = data[at:]
        if self._successor is not None:
            self._successor.data_received(rest)
            return
        self._ahead = rest
        if rest or self._is_reading_paused:
            self._bound_read_ahead()

    def _begin(self, data: bytes, at: int) -> int:
        end = data.find(_HEAD_END, at)
        if end < 0 or end - at > self._most_head_bytes:
            self._wait_for_head(data, at)
            return at
        head = self._read_head(data[at:end])
        self._head = head
        at = end + 4
        stop = at + head.length
        if at <= stop <= len(data) and head.length <= SMALL_BYTES and "content-encoding" not in head.headers:
            self._run(head, data[at:stop])
            return stop
        return self._begin_body(head, data, at)

    def _wait_for_head(self, data: bytes, at: int) -> None:
        check_unfinished(data[at:], self._gate.limits)
        if self._phase is not HEAD:
            self._phase = HEAD
            self._since_ns = self._now_ns()

    def _begin_body(self, head: Head, data: bytes, at: int) -> int:
        now_ns = self._now_ns()
        if self._phase is not HEAD:
            self._since_ns = now_ns
        self._phase = BODY
        intake = self._intake = Intake(self._known(head), self._app, self._gate.limits, now_ns)
        following = intake.feed(data, at)
        if not intake.is_complete:
            intake.ask()
            if intake.expects_continue and intake.refusal is None and at == len(data):
                self._transport.write(CONTINUE)
        self._take_in(intake)
        return following

    def _take_in(self, intake: Intake) -> None:
        if intake.is_complete:
            self._intake = None
            self._run(intake.head, intake.whole())
        elif intake.refusal is not None:
            self._answer_last(intake.refusal)
        else:
            self._held.grow(intake.size_bytes)

    def _bound_read_ahead(self) -> None:
        transport = self._transport
        if transport.is_closing():
            return
        is_full = len(self._ahead) > self._gate.limits.max_read_ahead_bytes and self._phase >= RUNNING
        if is_full and not self._is_reading_paused:
            self._is_reading_paused = True
            transport.pause_reading()
        elif self._is_reading_paused and not is_full:
            self._is_reading_paused = False
            transport.resume_reading()

    # Running and answering.

    def _run(self, head: Head, body: bytes) -> None:
        if "upgrade" in head.headers and is_websocket(head):
            self._upgrade(self._known(head))
            return
        if len(body) > SMALL_BYTES:
            self._held.grow(len(body))
        self._serve(head, head.headers, body)

    def _serve(self, head: Head, headers: dict[str, str], body: bytes) -> None:
        gate, peer, is_secure = self._gate, self._peer, self._is_secure
        if self._is_behind_proxy:
            peer, is_secure = self._origin(headers)
            self._request_is_secure = is_secure
        self._head = head
        self._phase = RUNNING
        request_id = self._request_id = self._mint()
        arrived_ns = self._now_ns()
        ahead_ns = 0
        if len(gate.live) > CROWD:
            unread_ns, ahead_ns = wait = gate.wait(self._transport, arrived_ns, is_unsure=self._is_unsure)
            arrived_ns -= unread_ns
            self._is_unsure = False
            if unread_ns + ahead_ns > SHORT_NS and (refusal := self._app.shed(head, headers, peer, wait)) is not None:
                self._is_unsure = gate.hold(self._transport)
                self._answered(refusal, None)
                return
        raw = RawRequest(
            request_id, head.method, head.path, head.query, headers, body, peer, arrived_ns, is_secure, "http", ahead_ns
        )
        driven = drive(self._app.serve(raw), self._answered)
        if self._phase is RUNNING:
            self._driven = driven

    def _known(self, head: Head) -> Head:
        """The head with who sends it, for questions asked before the request runs."""
        peer, is_secure = self._origin(head.headers)
        return structs.replace(head, peer=peer, is_secure=is_secure)

    def _origin(self, headers: dict[str, str]) -> tuple[str, bool]:
        if not self._is_behind_proxy:
            return self._peer, self._is_secure
        proxies = self._gate.proxies
        return proxies.origin(self._peer, headers), self._is_secure or proxies.is_secure(headers)

    def _upgrade(self, head: Head) -> None:
        """Hand the connection over to a WebSocket, or answer why not."""
        upgrade = import_module("headworks.edge.ws").upgrade  # at the first one: its library takes 2 MB
        successor = upgrade(head, self._gate, self._transport, self._peer)
        if isinstance(successor, Reply):
            self._answer_last(successor)
            return
        self._phase = CLOSING
        self._successor = successor
        self._gate.change(self, successor)
        self._transport.set_protocol(successor)
        if self._is_reading_paused:
            self._transport.resume_reading()

    def _answered(self, reply: Reply | None, error: BaseException | None) -> None:
        """The application is done with the request that runs."""
        self._driven = None
        if self._phase is not RUNNING:
            if reply is not None and reply.chunks is not None:
                reply.chunks.abandon()
            return
        head, gate = self._head, self._gate
        if reply is None or head is None:
            told = ("", None) if head is None else (head.path, head.headers.get("origin"))
            reply = unforeseen(error, self._app, self._request_id, *told)
        elif head.is_plain and not (gate.is_draining or self._held.size_bytes or self._writer.paused_ns):
            data = small_reply(reply, gate.secure_fields if self._request_is_secure else gate.plain_fields)
            if data:
                self._transport.write(data)
                self._head = None
                self._next_request()
                return
        is_endless = head is None or (head.is_old and reply.chunks is not None)
        is_last = is_endless or head is None or not head.is_keep_alive or gate.is_draining
        self._send(reply, is_last=is_last)

    def _refuse(self, error: HeadworksError, unread: bytes = b"") -> None:
        """Answer what the edge itself refuses, and close; `unread` starts with the head where that is not understood."""
        head = self._head
        path, origin = ("", origin_in(unread)) if head is None else (head.path, head.headers.get("origin"))
        self._answer_last(self._app.problem(error, self._app.mint(), path, origin))

    def _answer_last(self, reply: Reply) -> None:
        self._intake = None
        self._must_linger = True
        self._send(reply, is_last=True)

    def _send(self, reply: Reply, *, is_last: bool) -> None:
        gate = self._gate
        standing = gate.secure_fields if self._request_is_secure else gate.plain_fields
        self._phase = SENDING
        self._is_last = is_last
        try:
            is_whole = self._writer.send(reply, self._head, standing, is_last=is_last)
        except Internal as error:
            reply = unforeseen(error, self._app, self._request_id, "")
            is_whole = self._writer.send(reply, self._head, standing, is_last=is_last)
        if is_whole:
            self._sent(True)

    def _sent(self, is_whole: bool) -> None:
        """A reply is written, or broke half-way: then only a broken connection can say so."""
        self._head = None
        if self._held.size_bytes:
            self._held.release()
            self._intake = None
        if not is_whole:
            self.abort()
        elif self._is_last:
            self._close()
        elif self._writer.paused_ns:
            self._phase = FLUSHING
        else:
            self._next_request()

    def _next_request(self) -> None:
        self._phase = IDLE
        self._since_ns = self._gate.now_ns
        if not self._is_inside_read and (self._ahead or self._is_reading_paused):
            self._read(self._ahead)

    def _close(self) -> None:
        """Close; input that still comes is dropped for a moment, or its reset would overtake the last reply."""
        transport = self._transport
        self._since_ns = self._now_ns()
        if (self._must_linger or self._ahead) and transport.can_write_eof() and not transport.is_closing():
            self._phase = LINGERING
            transport.write_eof()
        else:
            self._phase = CLOSING
            transport.close()

    def _cancel(self) -> None:
        driven, self._driven = self._driven, None
        if driven is not None:
            driven.cancel(ClientGone())
        self._writer.abandon()
