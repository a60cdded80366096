"""The seam inside a worker process: the worker's loop drives a Runner, a runtime makes one.

Runtimes (runtimes/) know how a kind of model is loaded and called; the loop (worker.py) knows the channel.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from headworks.declare import Context
from headworks.errors import FieldError
from headworks.values import Payload


class Source(Struct, frozen=True):
    """Where a model comes from, as the configuration says; what the front sends the worker to load.

    Shapes: `kind` is python, onnx, skops, sklearn, xgboost, lightgbm, asgi or wsgi; `reference` is
    `module:Name`, `file.py:Name` or a file's path, resolved against `folder`. `parameters` are the kind's own.
    """

    kind: str
    reference: str
    folder: str
    parameters: Mapping[str, Any] = {}


class Announcement(Struct, frozen=True):
    """What a loaded model says of itself.

    Shapes: `request` and `reply` are JSON Schemas (2020-12) of ONE row. `is_batch`: predict takes many rows at
    once. `examples` are JSON documents of one row. `model_version` names the code or weights (a content digest).
    """

    request: Mapping[str, Any]
    reply: Mapping[str, Any]
    is_batch: bool
    is_stream: bool
    is_async: bool
    examples: tuple[Any, ...]
    model_version: str
    description: str = ""
    is_http: bool = False


class RowFailed(Struct, frozen=True):
    """One row that failed, instead of its output; `code` is an error's code from headworks.errors.

    `reason` is for the log; `errors` are for the caller.
    """

    code: str
    errors: tuple[FieldError, ...] = ()
    reason: str = ""


class Runner(Protocol):
    """A loaded model, ready to be called.

    Shapes: `contexts` has one entry a row, or is empty when nothing is known of the calls; a model that does not
    declare `context` never sees it.
    """

    announcement: Announcement

    def warm_up(self) -> None:
        """Run every example once; raises what the model raises. Not for a model whose `is_async` is announced."""

    async def warm_up_async(self) -> None:
        """The same inside the loop that will run the model; for every model whose `is_async` is announced."""

    def decode(self, payload: Payload) -> Sequence[Any]:
        """The typed rows of one call.

        Raises: SchemaViolation with pointers (an array's rows are prefixed `/0`, `/1`, ...).
        """

    def decode_all(self, documents: Sequence[bytes]) -> Sequence[Any] | None:
        """What `decode` gives for calls of one document each, in fewer steps.

        Shapes: one row a document; None when there is no such way, or one of them is wrong and each needs its own look.
        """

    def predict(self, rows: Sequence[Any], contexts: Sequence[Context] = ()) -> Sequence[bytes | RowFailed]:
        """One encoded, validated JSON text a row, in order; a row that failed on its own is a RowFailed.

        Raises: what the model raises, when the batch as a whole failed.
        """

    async def predict_async(self, rows: Sequence[Any], contexts: Sequence[Context] = ()) -> Sequence[bytes | RowFailed]:
        """The same for a model whose predict is a coroutine function."""

    def stream(self, row: Any, context: Context | None = None) -> Iterator[bytes]:
        """One encoded, validated JSON text an event.

        Raises: ContractViolation at an event that breaks the contract, and what the model raises.
        """

    def stream_async(self, row: Any, context: Context | None = None) -> AsyncIterator[bytes]:
        """The same for an asynchronous generator."""


class HttpRunner(Protocol):
    """A WSGI or ASGI application, ready to answer whole HTTP requests; its announcement says `is_http`.

    Shapes: the payload's document is `{"method", "path", "query", "headers": [[name, value], ...]}`, its body the
    blob named "". The answer's head is `{"status", "headers": [[name, value], ...]}`.
    """

    announcement: Announcement

    def warm_up(self) -> None:
        """Nothing: an application has no examples."""

    def handle(self, payload: Payload) -> tuple[bytes, bytes]:
        """The answer's head, as JSON, and its body.

        Raises: SchemaViolation for a malformed request, and what the application raises.
        Safe under: many threads as far as the application is.
        """

    def close(self) -> None:
        """Let the application shut down (the ASGI lifespan)."""
