"""Builtin types, msgspec Structs, dataclasses and TypedDicts, with pictures and bytes as their fields.

One decoder and one encoder are compiled per declared type; a row costs less than a microsecond each way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from headworks.contract.declared import declared_schema, image_schema
from headworks.contract.schema import Schema
from headworks.errors import ContractViolation, SchemaViolation
from headworks.targets.models import faults
from headworks.targets.models.codec import (
    Blobs,
    InLists,
    JsonSchema,
    has_foreign_rules,
    parsed,
    undeclarable,
    violation,
)

_FIX = "Use str, int, float, bool, list, dict, a union of them, or a msgspec.Struct, dataclass or TypedDict."
_AT_TOP = "Define it at the top of its module, and import what it names outside `if TYPE_CHECKING`."
_UNSENDABLE = (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError)


class MsgspecCodec(InLists):
    """A type that msgspec understands."""

    schema: JsonSchema
    reply_schema: JsonSchema

    def __init__(self, declared: Any) -> None:
        """Raises: ConfigurationRefused when the type has no JSON form."""
        _refuse_foreign_rules(declared, set())
        try:
            self._decoder = msgspec.json.Decoder(declared, dec_hook=_custom_value)
        except TypeError as error:
            raise undeclarable(declared, str(error), _FIX) from error
        self._has_pictures = False
        self.schema = self.reply_schema = declared_schema(declared, self._described)
        self._published = Schema(self.schema)
        self._declared = declared
        self._encoder = msgspec.json.Encoder(enc_hook=plain_value)
        self._many = msgspec.json.Decoder(list[declared], dec_hook=_custom_value)
        if self._has_pictures:
            import_module("headworks.targets.models.codec_image")

    def _described(self, kind: type) -> Mapping[str, Any]:
        self._has_pictures = True
        return image_schema(kind)

    def decode(self, document: bytes) -> Any:
        """The typed value of one JSON text.

        Raises: SchemaViolation with pointers.
        Cost: one compiled decoder; a refusal or a whole number written as 1.0 costs some more.
        """
        try:
            return self._decoder.decode(document)
        except msgspec.DecodeError as error:
            value, is_changed = faults.with_whole_numbers(parsed(document))
            if not is_changed:
                raise self._refusal(value, error) from error
            return self._converted(value)

    def decode_all(self, documents: Sequence[bytes]) -> Sequence[Any] | None:
        """The typed value of each text.

        Raises: msgspec.DecodeError when `decode` would refuse one, or read it leniently.
        """
        return None if self._has_pictures else list(map(self._decoder.decode, documents))

    def decode_with(self, document: bytes, blobs: Blobs) -> Any:
        """The same where top-level binary fields came outside the JSON; the name "" is the whole value.

        Raises: SchemaViolation with pointers.
        """
        fields = dict(blobs)
        whole = fields.pop("", None)
        if whole is not None:
            return self._converted(whole)
        value, _ = faults.with_whole_numbers(parsed(document))
        return self._converted({**value, **fields} if isinstance(value, dict) else value)

    def _converted(self, value: Any) -> Any:
        try:
            return msgspec.convert(value, self._declared, dec_hook=_custom_value, str_keys=True)
        except msgspec.ValidationError as error:
            raise self._refusal(value, error) from error

    def _refusal(self, value: Any, error: msgspec.DecodeError) -> SchemaViolation:
        return violation(self._published, _without_bytes(value), faults.from_msgspec(error))

    def encode(self, value: Any) -> bytes:
        """The JSON text of one value; fields its type does not declare are left out.

        Raises: ContractViolation when the value is not of the declared type or holds NaN.
        Cost: encoded, decoded as the declared type and encoded again.
        """
        try:
            text = self._encoder.encode(value)
            if self._has_pictures:
                self._published.check(msgspec.json.decode(text))
            else:
                text = self._encoder.encode(self._decoder.decode(text))
        except SchemaViolation as error:
            raise ContractViolation(reason=f"{error.errors}") from error
        except _UNSENDABLE as error:
            raise ContractViolation(reason=faults.without_value(str(error))) from error
        if b"null" in text and faults.holds_nan(msgspec.to_builtins(value, enc_hook=plain_value)):
            raise ContractViolation(reason="the output holds NaN or an infinity")
        return text

    def encode_all(self, outputs: Any, count: int) -> Sequence[bytes]:
        """The JSON text of each value.

        Raises: ContractViolation.
        Cost: as `encode`, but the way there and back is one step for all.
        """
        values = self.scatter(outputs, count)
        texts = None if self._has_pictures else self._texts(values)
        return texts or [self.encode(value) for value in values]

    def _texts(self, values: Sequence[Any]) -> list[bytes] | None:
        """The texts of values that are all as declared and hold no null, which might have been NaN; else None."""
        try:
            text = self._encoder.encode(values)
            texts = list(map(self._encoder.encode, self._many.decode(text)))
        except _UNSENDABLE:
            return None
        return texts if len(texts) == len(values) and b"null" not in text else None


def _refuse_foreign_rules(declared: Any, seen: set[int]) -> None:
    """Refuse a constraint that msgspec would silently ignore, wherever it stands in the type.

    Raises: ConfigurationRefused.
    """
    if id(declared) in seen:
        return
    seen.add(id(declared))
    if has_foreign_rules(declared):
        fix = "Write the constraint as msgspec.Meta(...), or declare the whole type as one pydantic model."
        raise undeclarable(declared, "only pydantic knows its constraint", fix)
    for part in (*get_args(declared), *_field_types(get_origin(declared) or declared)):
        _refuse_foreign_rules(part, seen)


def _field_types(kind: Any) -> Iterable[Any]:
    """The types of the fields of a class.

    Raises: ConfigurationRefused when one of them cannot be resolved.
    """
    if not isinstance(kind, type) or not hasattr(kind, "__annotations__"):
        return ()
    try:
        return get_type_hints(kind, include_extras=True).values()
    except NameError as error:
        raise undeclarable(kind, f"a field's type cannot be resolved ({error})", _AT_TOP) from error


def plain_value(value: Any) -> Any:
    """What msgspec cannot encode by itself: numpy's scalars and arrays as numbers and lists, a picture as base64.

    Raises: TypeError for everything else.
    """
    module = type(value).__module__
    if module == "numpy":
        return value.tolist()
    if module.startswith("PIL."):
        return import_module("headworks.targets.models.codec_image").image_text(value)
    raise TypeError(f"a value of type {type(value).__qualname__} has no JSON form")


def _custom_value(_kind: type, sent: Any) -> Any:
    """A picture, the only custom type with a schema."""
    if not isinstance(sent, str | bytes):
        raise TypeError("must be of type string")
    return import_module("headworks.targets.models.codec_image").open_image(sent)


def _without_bytes(value: Any) -> Any:
    """The document as the published schema sees it: a binary field is a string."""
    if isinstance(value, bytes):
        return ""
    if isinstance(value, dict):
        return {name: _without_bytes(inner) for name, inner in value.items()}
    return value
