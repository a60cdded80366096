"""A Runner made of two codecs and a callable: the way from JSON rows through `predict` to JSON rows.

Everything that depends on the declaration is decided when the runner is made; a call only calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from headworks.contract.schema import MOST_ERRORS
from headworks.declare import Context
from headworks.errors import ContractViolation, FieldError, HeadworksError, ModelError, NotJson, SchemaViolation
from headworks.targets.models.codec import Codec, below
from headworks.targets.models.neutral import neutral
from headworks.targets.models.reporting import place, report, tried
from headworks.targets.models.runner import Announcement, RowFailed
from headworks.targets.models.signature import Signature
from headworks.values import Payload

_NOTHING_KNOWN = Context()


class Described(Struct, frozen=True):
    """What a model says of itself beside its types.

    `is_file`: the model has no code of the team's; without examples it is tried on an input that means nothing.
    """

    examples: tuple[Any, ...] = ()
    model_version: str = ""
    description: str = ""
    is_file: bool = False


class TypedRunner:
    """A model behind codecs.

    Safe under: many threads for `decode`; `predict` as far as the model is.
    """

    def __init__(
        self, predict: Callable[..., Any], signature: Signature, codecs: tuple[Codec, Codec], described: Described
    ) -> None:
        """Raises: SchemaViolation when an example does not fit the request."""
        self._request, self._reply = codecs
        self._predict = predict
        self._takes_context = signature.takes_context
        self._is_batch = signature.is_batch
        self._split = msgspec.json.Decoder(list[msgspec.Raw])
        self.announcement = Announcement(
            request=self._request.schema,
            reply=self._reply.reply_schema,
            is_batch=signature.is_batch,
            is_stream=signature.is_stream,
            is_async=signature.is_async,
            examples=described.examples,
            model_version=described.model_version,
            description=described.description,
        )
        self._documents = [msgspec.json.encode(example) for example in described.examples]
        self._tries_anything = described.is_file and not described.examples

    def warm_up(self) -> None:
        """Run every example once.

        Raises: SchemaViolation, ContractViolation, ModelError and what the model raises.
        """
        if self._tries_anything:
            tried(self._try_anything)
        rows = self._examples()
        if self.announcement.is_stream:
            for row in rows:
                for _ in self.stream(row):
                    pass
        elif rows:
            _raise_failed(self.predict(rows))

    def _examples(self) -> list[Any]:
        rows = []
        for number, document in enumerate(self._documents):
            try:
                rows.append(self._request.decode(document))
            except SchemaViolation as error:
                raise SchemaViolation(reason=f"example {number}", errors=error.errors) from error
        return rows

    def _try_anything(self) -> None:
        """Let the libraries do at start what they would else do at the first call; a failure says nothing."""
        self.predict([self._request.decode(msgspec.json.encode(neutral(self._request.schema)))])

    async def warm_up_async(self) -> None:
        """The same for a model whose predict is a coroutine function or an asynchronous generator."""
        rows = self._examples()
        if self.announcement.is_stream:
            for row in rows:
                async for _ in self.stream_async(row):
                    pass
        elif rows:
            _raise_failed(await self.predict_async(rows))

    def decode(self, payload: Payload) -> Sequence[Any]:
        """The typed rows of one call.

        Raises: SchemaViolation with pointers (an array's rows are prefixed `/0`, `/1`, ...), NotJson.
        """
        if payload.is_array:
            return self._decode_array(payload)
        if payload.blobs:
            return [self._request.decode_with(payload.document, payload.blobs)]
        return [self._request.decode(payload.document)]

    def _decode_array(self, payload: Payload) -> Sequence[Any]:
        if payload.blobs:
            raise SchemaViolation(errors=(FieldError("", "binary fields can be sent beside one row only"),))
        try:
            parts = self._split.decode(payload.document)
        except msgspec.ValidationError as error:
            raise SchemaViolation(errors=(FieldError("", "must be an array of rows"),)) from error
        except msgspec.DecodeError as error:
            raise NotJson from error
        rows: list[Any] = []
        wrong: list[FieldError] = []
        for number, part in enumerate(parts):
            try:
                rows.append(self._request.decode(bytes(part)))
            except SchemaViolation as refusal:
                wrong += below(refusal, f"/{number}")
            if len(wrong) >= MOST_ERRORS:
                break
        if wrong:
            raise SchemaViolation(errors=tuple(wrong[:MOST_ERRORS]))
        return rows

    def decode_all(self, documents: Sequence[bytes]) -> Sequence[Any] | None:
        """One row a document, or None when each needs a look of its own."""
        rows, _ = tried(self._request.decode_all, documents)
        return rows

    def predict(self, rows: Sequence[Any], contexts: Sequence[Context] = ()) -> Sequence[bytes | RowFailed]:
        """One encoded, validated JSON text a row, in order; a row that failed on its own is a RowFailed.

        Raises: what the model raises for a batch; ContractViolation when the outputs are not one a row.
        """
        if not self._is_batch:
            return [self._one(row, context) for row, context in zip(rows, self._each(rows, contexts), strict=True)]
        batch = self._request.gather(rows)
        if self._takes_context:
            outputs = self._predict(batch, context=self._each(rows, contexts))
        else:
            outputs = self._predict(batch)
        return self._encoded(outputs, len(rows))

    async def predict_async(self, rows: Sequence[Any], contexts: Sequence[Context] = ()) -> Sequence[bytes | RowFailed]:
        """The same for a model whose predict is a coroutine function; single rows run side by side."""
        if not self._is_batch:
            each = zip(rows, self._each(rows, contexts), strict=True)
            return await asyncio.gather(*(self._one_async(row, context) for row, context in each))
        batch = self._request.gather(rows)
        if self._takes_context:
            outputs = await self._predict(batch, context=self._each(rows, contexts))
        else:
            outputs = await self._predict(batch)
        return self._encoded(outputs, len(rows))

    def stream(self, row: Any, context: Context | None = None) -> Iterator[bytes]:
        """One encoded, validated JSON text an event.

        Raises: ContractViolation at an event that breaks the contract, and what the model raises.
        """
        for event in self._call(row, context or _NOTHING_KNOWN):
            yield self._reply.encode(event)

    async def stream_async(self, row: Any, context: Context | None = None) -> AsyncIterator[bytes]:
        """The same for an asynchronous generator."""
        async for event in self._call(row, context or _NOTHING_KNOWN):
            yield self._reply.encode(event)

    def _call(self, row: Any, context: Context) -> Any:
        return self._predict(row, context=context) if self._takes_context else self._predict(row)

    def _one(self, row: Any, context: Context) -> bytes | RowFailed:
        try:
            return self._reply.encode(self._call(row, context))
        except Exception as error:  # a row of a single-item model fails alone
            return _failed(error)

    async def _one_async(self, row: Any, context: Context) -> bytes | RowFailed:
        try:
            return self._reply.encode(await self._call(row, context))
        except Exception as error:  # as above
            return _failed(error)

    def _encoded(self, outputs: Any, count: int) -> Sequence[bytes | RowFailed]:
        try:
            return self._reply.encode_all(outputs, count)
        except ContractViolation:
            return [self._encoded_alone(output) for output in self._reply.scatter(outputs, count)]

    def _encoded_alone(self, output: Any) -> bytes | RowFailed:
        try:
            return self._reply.encode(output)
        except ContractViolation as error:
            return _failed(error)

    @staticmethod
    def _each(rows: Sequence[Any], contexts: Sequence[Context]) -> Sequence[Context]:
        return contexts or [_NOTHING_KNOWN] * len(rows)


def _failed(error: Exception) -> RowFailed:
    if isinstance(error, HeadworksError):
        return RowFailed(error.code, error.errors, error.reason)
    report(error)
    return RowFailed(ModelError.code, (), place(error))


def _raise_failed(outputs: Sequence[bytes | RowFailed]) -> None:
    """Raises: ModelError or ContractViolation for the first example that failed."""
    for number, output in enumerate(outputs):
        if isinstance(output, RowFailed):
            kind = ContractViolation if output.code == ContractViolation.code else ModelError
            raise kind(reason=f"example {number}: {output.reason}")
