"""Pydantic models and types, in strict mode: what the published schema refuses is never coerced into fitting.

The custom validators of a model run here, in the worker; their messages reach the caller with a pointer.
"""

from __future__ import annotations

import re
from base64 import b64encode
from importlib import import_module
from typing import Any

import msgspec
import pydantic
from pydantic_core import PydanticSerializationError

from headworks.contract.declared import closed
from headworks.contract.image import PYDANTIC_OPENER
from headworks.contract.schema import Schema
from headworks.errors import ContractViolation, FieldError, SchemaViolation
from headworks.targets.models import faults
from headworks.targets.models.codec import Blobs, InLists, JsonSchema, parsed, refuse_empty_name, undeclarable
from headworks.targets.models.codec_msgspec import plain_value

_LONG_NUMBER = re.compile(rb"[0-9]{309}")
_FIX = "Every field needs a type that pydantic can describe as JSON Schema."


class PydanticCodec(InLists):
    """A type that only pydantic understands."""

    schema: JsonSchema
    reply_schema: JsonSchema

    def __init__(self, declared: Any) -> None:
        """Raises: ConfigurationRefused when pydantic cannot describe or build the type."""
        try:
            self._adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(declared)
            self.schema = _published(self._adapter.json_schema(mode="validation"))
            self.reply_schema = _published(self._adapter.json_schema(mode="serialization"))
        except (pydantic.PydanticSchemaGenerationError, pydantic.PydanticUserError) as error:
            raise undeclarable(declared, str(error.message), _FIX) from error
        self._published = Schema(self.schema)
        self._promised = Schema(self.reply_schema)

    def decode(self, document: bytes) -> Any:
        """The typed value of one JSON text.

        Raises: SchemaViolation with pointers, the messages of the model's own validators included.
        """
        if _LONG_NUMBER.search(document):
            self._refuse_beyond_floats(document)
        try:
            return self._validated(document)
        except pydantic.ValidationError as error:
            return self._again(document, error)

    def decode_with(self, document: bytes, blobs: Blobs) -> Any:
        """The same where top-level binary fields came outside the JSON.

        Raises: SchemaViolation with pointers.
        Cost: the bytes pass through base64, the only form in which pydantic reads them from JSON.
        """
        fields = {name: b64encode(data).decode("ascii") for name, data in refuse_empty_name(blobs).items()}
        value = parsed(document)
        return (
            self.decode(msgspec.json.encode({**value, **fields})) if isinstance(value, dict) else self.decode(document)
        )

    def _refuse_beyond_floats(self, document: bytes) -> None:
        """Pydantic reads a float of 400 digits as infinity, which no schema of ours lets through."""
        at = faults.beyond_floats(parsed(document))
        if at is not None:
            raise SchemaViolation(errors=(FieldError(at, "is beyond the range of a number"),))

    def _validated(self, document: bytes) -> Any:
        return self._adapter.validator.validate_json(document, strict=True, context={PYDANTIC_OPENER: _open_image})

    def _again(self, document: bytes, first: pydantic.ValidationError) -> Any:
        value, is_changed = faults.with_whole_numbers(parsed(document))
        error = first
        if is_changed:
            try:
                return self._validated(msgspec.json.encode(value))
            except pydantic.ValidationError as again:
                error = again
        details = error.errors(include_url=False, include_context=False, include_input=False)
        wrong = self._published.errors(value) or faults.from_pydantic(details, value)
        raise SchemaViolation(errors=wrong) from error

    def encode(self, value: Any) -> bytes:
        """The JSON text of one value, in the model's own serialised form; a dict stands for the model it fits.

        Raises: ContractViolation when it breaks the serialisation schema or holds NaN.
        """
        try:
            if isinstance(value, dict):
                value = self._adapter.validate_python(value, strict=True)
            text = self._adapter.dump_json(value, warnings="error", by_alias=True, fallback=plain_value)
        except (PydanticSerializationError, ValueError, TypeError, RecursionError) as error:
            # ValidationError is a ValueError; the texts of all of them quote the value, which is no business of the log
            raise ContractViolation(reason=f"the output does not fit its type ({type(error).__name__})") from error
        document = msgspec.json.decode(text)
        if not self._promised.is_valid(document):
            raise ContractViolation(reason=f"{self._promised.errors(document)}")
        if b"null" in text and faults.holds_nan(self._adapter.dump_python(value, by_alias=True)):
            raise ContractViolation(reason="the output holds NaN or an infinity")
        return text


def _open_image(sent: object) -> object:
    if not isinstance(sent, str):
        raise ValueError("must be of type string")  # noqa: TRY004  # pydantic reports ValueError as the field's fault
    return import_module("headworks.targets.models.codec_image").open_image(sent)


def _published(schema: Any) -> Any:
    """Pydantic's schema made strict, its base64 formats said in the words of JSON Schema."""
    return closed(_with_encodings(schema))


def _with_encodings(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_with_encodings(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _with_encodings(value) for key, value in schema.items()}
    if out.get("type") == "string" and out.get("format") == "base64":
        del out["format"]
        out["contentEncoding"] = "base64"
    return out
