"""Between a pool's calls and the channel's messages: pure functions out and back."""

from collections.abc import Sequence
from struct import Struct as Layout

import msgspec

from headworks.errors import (
    BodyTooLarge,
    ClientGone,
    ContractViolation,
    DeadlineExceeded,
    HeadworksError,
    ModelCrashed,
    ModelError,
    NotJson,
    SchemaViolation,
    UnsupportedMedia,
)
from headworks.targets.models.channel import FrameRefused
from headworks.targets.models.messages import Batch, Done, Failure
from headworks.targets.models.ticket import Ticket
from headworks.values import Outcome

ERRORS: dict[str, type[HeadworksError]] = {
    error.code: error
    for error in (
        BodyTooLarge,
        ClientGone,
        ContractViolation,
        DeadlineExceeded,
        ModelCrashed,
        ModelError,
        NotJson,
        SchemaViolation,
        UnsupportedMedia,
    )
}
"""What a worker may answer; any other code is a ModelError."""

_HEAD_SIZE = Layout("<I")


class HttpHead(msgspec.Struct):
    """The head of an HTTP application's answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


_decode_head = msgspec.json.Decoder(HttpHead).decode


def batched(ids: list[int], tickets: Sequence[Ticket]) -> tuple[Batch, list[bytes]]:
    """The message and the raw parts that ask a worker for these calls."""
    payloads = [ticket.payload for ticket in tickets]
    parts = [payload.document for payload in payloads]
    sizes = list(map(len, parts))
    deadlines_ns = [ticket.deadline_ns for ticket in tickets]
    arrays: list[tuple[int, int]] = []
    blobs: list[tuple[int, str, int]] = []
    for position, payload in enumerate(payloads):
        if payload.is_array:
            arrays.append((position, payload.rows))
        for name, blob in payload.blobs:
            blobs.append((position, name, len(blob)))
            parts.append(blob)
    return Batch(ids, sizes, deadlines_ns, arrays, blobs), parts


def error_of(failure: Failure) -> HeadworksError:
    """The error that a worker's answer names."""
    return ERRORS.get(failure.code, ModelError)(errors=failure.errors, reason=failure.reason)


def http_outcome(body: bytes, answered_by: tuple[str, str], ticket: Ticket, done: Done) -> Outcome:
    """The whole HTTP answer of an application.

    Raises: FrameRefused when the worker sent no such thing.
    """
    try:
        (size,) = _HEAD_SIZE.unpack_from(body)
        head = _decode_head(body[_HEAD_SIZE.size : _HEAD_SIZE.size + size])
    except (ValueError, LookupError, msgspec.MsgspecError) as error:
        raise FrameRefused("an answer has no HTTP head") from error
    fields = tuple((name.lower(), value) for name, value in head.headers)
    media = next((value for name, value in fields if name == "content-type"), "application/octet-stream")
    return Outcome(
        body[_HEAD_SIZE.size + size :],
        *answered_by,
        ticket.sent_ns - ticket.queued_ns,
        done.run_ns,
        headers=tuple(field for field in fields if field[0] != "content-type"),
        status=head.status,
        media=media,
    )
