"""The head of an HTTP/1.1 reply as bytes; what the edge itself adds to every reply stands here."""

import logging
import traceback
from http import HTTPStatus

from headworks.edge.app_port import App
from headworks.errors import Internal
from headworks.values import Reply

log = logging.getLogger("headworks.edge")

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
CLOSE = b"\r\nconnection: close"
KEEP_ALIVE = b"\r\nconnection: keep-alive"
CHUNKED_FRAMING = b"\r\ntransfer-encoding: chunked"

WRITTEN_AT_ONCE_BYTES = 256 * 2**10
"""Up to here a body is written in one piece with its head; above, as the client takes it."""

_NO_SNIFFING = "\r\nx-content-type-options: nosniff"
_TWO_YEARS_OF_TLS = "\r\nstrict-transport-security: max-age=63072000"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
BODILESS = frozenset({204, 304})
_STATUSES_WITH_BODY = {status: line for status, line in _STATUS_LINES.items() if status not in BODILESS}

Fields = tuple[tuple[str, str], ...]
_SHARED: dict[int, tuple[Fields, bytes]] = {}
_MOST_SHARED = 1024
_MOST_LENGTHS = 1024
_LENGTHS = [b"\r\ncontent-length: %d\r\n\r\n" % size_bytes for size_bytes in range(_MOST_LENGTHS)]


def standing_fields(date: str, *, is_secure: bool) -> bytes:
    """The fields every reply carries: the date, no sniffing, and over TLS that TLS stays."""
    return f"\r\ndate: {date}{_NO_SNIFFING}{_TWO_YEARS_OF_TLS if is_secure else ''}".encode()


def reply_head(reply: Reply, standing: bytes, framing: bytes) -> bytes:
    """Status line and fields of a reply up to the body.

    Shapes: `framing` are the fields that say how the body and the connection end, each after a CRLF.
    Raises: Internal, when a field would break the head apart.
    """
    status = _STATUS_LINES.get(reply.status) or b"HTTP/1.1 %d Status" % reply.status
    return b"%b%b%b%b\r\n\r\n" % (status, standing, _fields(reply), framing)


def small_reply(reply: Reply, standing: bytes) -> bytes:
    """A whole reply to a request that needs nothing special; b"" for one that does, or whose fields would break it.

    Cost: about 0.7 µs.
    """
    body = reply.body
    size_bytes = len(body)
    status = _STATUSES_WITH_BODY.get(reply.status)
    if status is None or reply.chunks is not None or size_bytes > WRITTEN_AT_ONCE_BYTES:
        return b""
    length = _LENGTHS[size_bytes] if size_bytes < _MOST_LENGTHS else b"\r\ncontent-length: %d\r\n\r\n" % size_bytes
    try:
        own = _encoded(reply.own_headers)
        shared = reply.shared_headers
        known = _SHARED.get(id(shared))
        told = known[1] if known is not None and known[0] is shared else _shared(shared)
    except Internal:
        return b""
    return b"".join((status, standing, told, own, length, body))


def sized(reply: Reply) -> bytes:
    """The framing of a reply whose body is there: Content-Length, except where a body is forbidden."""
    return b"" if reply.status in BODILESS else b"\r\ncontent-length: %d" % len(reply.body)


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _fields(reply: Reply) -> bytes:
    return _shared(reply.shared_headers) + _encoded(reply.own_headers)


def _shared(fields: Fields) -> bytes:
    """Fields that many replies share, encoded once for each tuple there is."""
    known = _SHARED.get(id(fields))
    if known is not None and known[0] is fields:
        return known[1]
    encoded = _encoded(fields)
    if len(_SHARED) >= _MOST_SHARED:
        _SHARED.clear()
    _SHARED[id(fields)] = fields, encoded
    return encoded


def _encoded(fields: Fields) -> bytes:
    text = "".join([f"\r\n{name}: {value}" for name, value in fields])
    if text.count("\r") != len(fields) or text.count("\n") != len(fields) or "\0" in text:
        raise Internal(reason="a reply's header field holds a line break")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise Internal(reason="a reply's header field is not Latin-1") from None


def asgi_fields(reply: Reply, *, is_secure: bool) -> list[tuple[bytes, bytes]]:
    """The fields of a reply as ASGI wants them, with what every reply carries; the server adds the date.

    Raises: Internal, as `reply_head`.
    """
    _fields(reply)
    fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    for line in standing_fields("", is_secure=is_secure).split(b"\r\n")[2:]:
        name, _, value = line.partition(b": ")
        fields.append((name, value))
    return fields


def unforeseen(error: BaseException | None, app: App, request_id: str, path: str, origin: str | None = None) -> Reply:
    """The fixed reply to what nobody foresaw; the log gets the kind and the places, never the message."""
    places = [
        f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__ if error else None)
    ]
    log.error("request %s failed: %s at %s", request_id, type(error).__name__, " < ".join(reversed(places)))
    return app.problem(Internal(), request_id, path, origin)
