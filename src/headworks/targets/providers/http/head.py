"""The head of an HTTP/1.1 response, strictly: RFC 9112 sections 4 to 6. Pure: bytes in, a Head or ProviderBroken out."""

from __future__ import annotations

import re
from typing import TypeVar

from msgspec import Struct

from headworks.errors import ProviderBroken

T = TypeVar("T")

CHUNKED = -1
"""The length of a body that comes in chunks."""
TO_CLOSE = -2
"""The length of a body that ends with its connection."""
SWITCHING = 101

_PLAIN_FIELDS = frozenset({
    "accept-ranges", "access-control-allow-origin", "access-control-expose-headers", "alt-svc", "cache-control",
    "connection", "content-encoding", "content-length", "content-type", "date", "keep-alive", "openai-version", "pragma",
    "server", "strict-transport-security", "transfer-encoding", "vary", "via", "x-content-type-options",
})  # fmt: skip
"""Fields that say nothing of one call. Only their lines are remembered."""
_MOST_REMEMBERED = 1024
_LONGEST_REMEMBERED = 256
_LONGEST_NAME = 64
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: .*)?")
_FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROLS = bytes([*range(9), *range(10, 32), 127])
_LONGEST_LENGTH_DIGITS = 15


class Head(Struct, frozen=True, gc=False):
    """A response's head, understood: `length` is that of the body, CHUNKED or TO_CLOSE; names are in lower case."""

    status: int
    headers: dict[str, str]
    length: int
    is_kept_alive: bool


class Heads:
    """Reads heads; remembers lines that are the same for every call.

    Cost: about 1.5 µs an ordinary head. Safe under: one thread.
    """

    __slots__ = ("_fields", "_most_fields", "_names", "_statuses")

    def __init__(self, most_fields: int) -> None:
        self._most_fields = most_fields
        self._statuses: dict[str, tuple[int, bool]] = {}
        self._fields: dict[str, tuple[str, str]] = {}
        self._names: dict[str, str] = {}

    def read(self, raw: bytes, *, is_bodiless: bool) -> Head:
        """The head in these bytes, which end before the empty line; `is_bodiless` when it answers HEAD.

        Raises: ProviderBroken.
        """
        lines = raw.decode("latin-1").split("\r\n")
        line = lines[0]
        status, is_old = self._statuses.get(line) or self._status(line)
        del lines[0]
        if len(lines) > self._most_fields:
            raise ProviderBroken(reason="response head has too many fields")
        if len(raw.translate(None, _CONTROLS)) != len(raw) - 2 * len(lines):
            raise ProviderBroken(reason="response head holds control characters")
        known = self._fields.get
        fields = [known(line) or self._field(line) for line in lines]
        headers = dict(fields)
        if len(headers) < len(fields):
            headers = _joined(fields)
        return framed(status, headers, is_old=is_old, is_bodiless=is_bodiless)

    def _field(self, line: str) -> tuple[str, str]:
        start, colon, value = line.partition(":")
        field = (colon and self._names.get(start)) or self._name(start, colon), value.strip(" \t")
        if field[0] in _PLAIN_FIELDS:
            self._keep(line, field)
        return field

    def _status(self, line: str) -> tuple[int, bool]:
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise ProviderBroken(reason="response does not start with an HTTP/1.1 status line")
        status = int(match[2]), match[1] == "0"
        if len(line) <= _LONGEST_REMEMBERED:
            _remember(self._statuses, line, status)
        return status

    def _name(self, start: str, colon: str) -> str:
        if not colon or _FIELD_NAME.fullmatch(start) is None:
            raise ProviderBroken(reason="response head holds a line that is no field")
        name = start.lower()
        if len(start) <= _LONGEST_NAME:
            _remember(self._names, start, name)
        return name

    def _keep(self, line: str, field: tuple[str, str]) -> None:
        if len(line) <= _LONGEST_REMEMBERED:
            _remember(self._fields, line, field)


def framed(status: int, headers: dict[str, str], *, is_old: bool, is_bodiless: bool) -> Head:
    """The head of a response whose fields are parsed, with the length of its body (RFC 9112 section 6.3).

    Raises: ProviderBroken, for two lengths or none that can be believed.
    """
    connection = headers.get("connection")
    is_kept_alive = connection == "keep-alive" or _keeps_alive(connection, is_old)
    stated = headers.get("content-length")
    coding = headers.get("transfer-encoding")
    if coding is not None and (stated is not None or is_old or coding.lower() != "chunked"):
        raise ProviderBroken(reason="response states its length in two ways, or in one not spoken here")
    if stated is not None and not (stated.isdecimal() and stated.isascii() and len(stated) <= _LONGEST_LENGTH_DIGITS):
        raise ProviderBroken(reason="response states a Content-Length that is no number")
    if is_bodiless or status < 200 or status in {204, 304}:
        return Head(status, headers, 0, is_kept_alive)
    if coding is not None:
        return Head(status, headers, CHUNKED, is_kept_alive)
    if stated is None:
        return Head(status, headers, TO_CLOSE, False)
    return Head(status, headers, int(stated), is_kept_alive)


def _keeps_alive(connection: str | None, is_old: bool) -> bool:
    if connection is None:
        return not is_old
    tokens = {token.strip() for token in connection.lower().split(",")}
    return "close" not in tokens and (not is_old or "keep-alive" in tokens)


def _joined(fields: list[tuple[str, str]]) -> dict[str, str]:
    """The fields where a name stands more than once: its values in their order, but of lengths the one that all state."""
    headers: dict[str, str] = {}
    for name, value in fields:
        earlier = headers.get(name)
        if name == "content-length" and earlier not in {None, value}:
            raise ProviderBroken(reason="response states two different lengths")
        is_more = earlier is not None and name != "content-length"
        headers[name] = f"{earlier}, {value}" if is_more else value
    return headers


def _remember(memory: dict[str, T], line: str, parsed: T) -> None:
    if len(memory) >= _MOST_REMEMBERED:
        memory.clear()
    memory[line] = parsed
