"""What a worker reads: messages from the front, batches kept in order, cancelled ids noted."""

import socket
from collections import deque
from collections.abc import Sequence

import msgspec

from headworks.errors import FieldError
from headworks.targets.models.channel import FrameRefused, Receiver, check_sizes, pack, send_all
from headworks.targets.models.messages import Batch, Cancel, Done, Failure, FromFront, decode_from_front
from headworks.targets.models.reporting import failure
from headworks.targets.models.runner import RowFailed
from headworks.values import Payload

ATTACH_ABOVE_BYTES = 2**20
MOST_CANCELLED = 4096


class Inbox:
    """The worker's end of the channel."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.attach_above = ATTACH_ABOVE_BYTES
        self.batches: deque[tuple[Batch, bytes]] = deque()
        self.cancelled: set[int] = set()
        self.others: deque[FromFront] = deque()
        self._receiver = Receiver(sock)

    @property
    def is_ended(self) -> bool:
        """Whether the front has left, or wants this worker to leave."""
        return self._receiver.is_ended

    def fill(self, *, wait: bool) -> None:
        """Read what has come; with `wait`, at least once."""
        try:
            frames = self._receiver.receive(0 if wait else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        for frame in frames:
            try:
                message = decode_from_front(frame.header)
            except msgspec.MsgspecError as error:
                raise FrameRefused("a header is no message") from error
            if type(message) is Batch:
                self.batches.append((message, frame.body))
            elif type(message) is Cancel:
                self.cancelled.update(message.ids)
            else:
                self.others.append(message)
        if len(self.cancelled) > MOST_CANCELLED:
            self._forget_cancelled()

    def reply(self, message: msgspec.Struct, parts: Sequence[bytes] = ()) -> None:
        """Send one message; the front always reads, so this never waits long."""
        send_all(self.socket, pack(message, parts, self.attach_above))

    def _forget_cancelled(self) -> None:
        """Ids rise, so what is older than the oldest waiting call has been answered."""
        oldest = min((batch.ids[0] for batch, _ in self.batches if batch.ids), default=max(self.cancelled))
        self.cancelled = {call_id for call_id in self.cancelled if call_id >= oldest}


class Answers:
    """The answers to some calls, on their way back."""

    __slots__ = ("_failures", "_ids", "_parts")

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._parts: list[bytes] = []
        self._failures: list[Failure] = []

    def one(self, call_id: int, output: bytes | RowFailed) -> None:
        """Answer a call of one row."""
        if isinstance(output, RowFailed):
            self._failures.append(Failure(call_id, output.code, output.errors, output.reason))
        else:
            self._ids.append(call_id)
            self._parts.append(output)

    def all(self, call_ids: Sequence[int], outputs: Sequence[bytes | RowFailed]) -> None:
        """Answer calls of one row each."""
        texts = [output for output in outputs if isinstance(output, bytes)]
        if len(texts) == len(call_ids) == len(outputs):
            self._ids += call_ids
            self._parts += texts
            return
        for call_id, output in zip(call_ids, outputs, strict=True):
            self.one(call_id, output)

    def array(self, call_id: int, outputs: Sequence[bytes | RowFailed]) -> None:
        """Answer a call of an array with the array of its rows' outputs."""
        self.one(call_id, _joined(outputs))

    def fail(self, call_id: int, error: BaseException) -> None:
        """Answer a call with an error."""
        self._failures.append(failure(call_id, error))

    def send(self, inbox: Inbox, rows: int, run_ns: int) -> None:
        """Send what there is; these answers are then spent."""
        done = Done(self._ids, list(map(len, self._parts)), rows, run_ns, self._failures)
        inbox.reply(done, self._parts)


def is_plain(batch: Batch) -> bool:
    """Whether every call of a batch is one document and one row."""
    return not batch.blobs and not batch.arrays


def documents(batch: Batch, body: bytes) -> list[bytes]:
    """The document of each call of a batch, in order.

    Raises: FrameRefused when the header's numbers do not fit the body.
    """
    sizes = batch.sizes
    check_sizes([*sizes, *(size for _, _, size in batch.blobs)] if batch.blobs else sizes, len(body))
    if len(batch.ids) != len(sizes) or len(batch.ids) != len(batch.deadlines_ns):
        raise FrameRefused("a batch has not one size and deadline a call")
    found = []
    at = 0
    for size in sizes:
        found.append(body[at : at + size])
        at += size
    return found


def payloads(batch: Batch, body: bytes) -> list[Payload]:
    """The input of each call of a batch, in order.

    Raises: FrameRefused when the header's numbers do not fit the body.
    """
    texts = documents(batch, body)
    if is_plain(batch):
        return [Payload(document) for document in texts]
    at = sum(batch.sizes)
    arrays = dict(batch.arrays)
    blobs: dict[int, list[tuple[str, bytes]]] = {}
    for position, name, size in batch.blobs:
        blobs.setdefault(position, []).append((name, body[at : at + size]))
        at += size
    return [
        Payload(document, tuple(blobs.get(position, ())), arrays.get(position, 1), position in arrays)
        for position, document in enumerate(texts)
    ]


def _joined(outputs: Sequence[bytes | RowFailed]) -> bytes | RowFailed:
    """The JSON array of the rows' outputs; the first failed row fails the whole, under its own pointer."""
    texts: list[bytes] = []
    for position, output in enumerate(outputs):
        if isinstance(output, RowFailed):
            return _at_row(output, position)
        texts.append(output)
    return b"[" + b",".join(texts) + b"]"


def _at_row(failed: RowFailed, position: int) -> RowFailed:
    if not failed.errors:
        return RowFailed(failed.code, (FieldError(f"/{position}", "the model failed on this row"),), failed.reason)
    errors = tuple(FieldError(f"/{position}{error.pointer}", error.message) for error in failed.errors)
    return RowFailed(failed.code, errors, failed.reason)
