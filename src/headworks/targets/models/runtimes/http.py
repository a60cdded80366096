"""A whole HTTP request as a worker gets it, and the answer's head as it gives it; shared by WSGI and ASGI."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import msgspec

from headworks.errors import ContractViolation, FieldError, SchemaViolation
from headworks.targets.models.runner import Announcement
from headworks.values import Payload

MOST_ANSWER_BYTES = 64 * 2**20

Pairs = list[tuple[str, str]]


class RequestHead(msgspec.Struct, frozen=True):
    """A request without its body; `path` is as it was sent, percent-encoded."""

    method: str
    path: str
    query: str = ""
    headers: Pairs = []

    @property
    def raw_path(self) -> bytes:
        """The path with its percent-encoding undone."""
        return unquote_to_bytes(self.path)


class AnswerHead(msgspec.Struct, frozen=True):
    """An answer without its body."""

    status: int
    headers: Pairs


_read_head = msgspec.json.Decoder(RequestHead).decode
write_head = msgspec.json.Encoder().encode


def request_of(payload: Payload) -> tuple[RequestHead, bytes]:
    """The head and the body of the request a payload carries.

    Raises: SchemaViolation when the document is no request head.
    """
    try:
        head = _read_head(payload.document)
    except msgspec.DecodeError as error:
        raise SchemaViolation(errors=(FieldError("", "is not the head of a request"),)) from error
    return head, dict(payload.blobs).get("", b"")


class Answer:
    """An answer while an application gives it, bounded."""

    def __init__(self) -> None:
        self.head: AnswerHead | None = None
        self._parts: list[bytes] = []
        self._size_bytes = 0

    def begin(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Set the head.

        Raises: ContractViolation for a status no final answer can have.
        """
        if not HTTPStatus.OK <= status <= 599:
            raise ContractViolation(reason=f"the application answered with the status {status}")
        self.head = AnswerHead(status, [(name.lower(), value) for name, value in headers])

    def add(self, part: bytes) -> None:
        """Add to the body.

        Raises: ContractViolation beyond 64 MiB.
        """
        self._size_bytes += len(part)
        if self._size_bytes > MOST_ANSWER_BYTES:
            raise ContractViolation(reason=f"the application's answer exceeds {MOST_ANSWER_BYTES} bytes")
        self._parts.append(part)

    def whole(self) -> tuple[bytes, bytes]:
        """The head as JSON, and the body.

        Raises: ContractViolation when the application gave no head.
        """
        if self.head is None:
            raise ContractViolation(reason="the application ended without an answer")
        return write_head(self.head), b"".join(self._parts)


def announcement(model_version: str, description: str) -> Announcement:
    """What an application announces: any request, any answer."""
    return Announcement(
        request={}, reply={}, is_batch=False, is_stream=False, is_async=False, examples=(),
        model_version=model_version, description=description, is_http=True,
    )  # fmt: skip
