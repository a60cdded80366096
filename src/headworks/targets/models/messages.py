"""What the front and a worker say to each other: small tagged arrays; the bulk follows each as raw bytes."""

from typing import TypeAlias

import msgspec
from msgspec import Struct

from headworks.errors import FieldError
from headworks.targets.models.runner import Announcement, Source


class Load(Struct, frozen=True, array_like=True, tag=1):
    """Front: load this model, warm it up and say Ready."""

    source: Source
    max_rows: int
    retry: bool
    concurrency: int
    attach_above_bytes: int


class Batch(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Front: run these calls; each one is answered exactly once, in Done or in End.

    Shapes: one id, size and deadline a call; the bytes are the documents in order, then the blobs in order.
    `arrays` are positions of calls whose document is an array, with its rows; `blobs` are position, name, size.
    """

    ids: list[int]
    sizes: list[int]
    deadlines_ns: list[int]
    arrays: list[tuple[int, int]] = []
    blobs: list[tuple[int, str, int]] = []


class Cancel(Struct, frozen=True, array_like=True, tag=3):
    """Front: nobody waits for these calls; drop them if that saves work, and answer them all the same."""

    ids: list[int]


class Credit(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """Front: so many more events of this stream may come."""

    id: int
    events: int


class Ready(Struct, frozen=True, array_like=True, tag=1):
    """Worker: loaded and warmed up; what the model says of itself, and how long that took."""

    announcement: Announcement
    load_ns: int


class LoadFailed(Struct, frozen=True, array_like=True, tag=2):
    """Worker: the model could not be loaded or failed its warm-up; the worker leaves."""

    reason: str


class Failure(Struct, frozen=True, array_like=True, gc=False):
    """One call that failed, by the code of an error; `reason` is for the log only."""

    id: int
    code: str
    errors: tuple[FieldError, ...] = ()
    reason: str = ""


class Done(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Worker: answers, one size an id, the bytes in the same order; then the calls that failed.

    Shapes: the answer of an HTTP application is the size of its head (u32, little-endian), its head, its body.
    Units: `run_ns` is what the worker spent on `rows` rows since its last Done of this batch.
    """

    ids: list[int]
    sizes: list[int]
    rows: int
    run_ns: int
    failures: list[Failure] = []


class Event(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """Worker: one event of a stream; its bytes follow."""

    id: int


class End(Struct, frozen=True, array_like=True, tag=5, gc=False):
    """Worker: a stream is over, well or not."""

    id: int
    failure: Failure | None = None


FromFront: TypeAlias = Load | Batch | Cancel | Credit
FromWorker: TypeAlias = Ready | LoadFailed | Done | Event | End

encode = msgspec.msgpack.Encoder().encode
decode_from_front = msgspec.msgpack.Decoder(FromFront).decode
decode_from_worker = msgspec.msgpack.Decoder(FromWorker).decode

FIRST_CREDIT = 16
"""Events of a stream that may come before the first Credit."""
