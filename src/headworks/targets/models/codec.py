"""What a codec is, and which one a declared type gets.

A codec knows one declared type: its published schema, its rows out of JSON, its values back into JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, Protocol, get_args, get_origin

import msgspec

from headworks.contract.schema import Schema
from headworks.errors import ConfigurationRefused, ContractViolation, FieldError, NotJson, SchemaViolation

JsonSchema = Mapping[str, Any]
Blobs = tuple[tuple[str, bytes], ...]


class Codec(Protocol):
    """One declared type, of a row that comes in or of a value that goes out.

    Safe under: many threads.
    """

    schema: JsonSchema
    reply_schema: JsonSchema
    """The same, or more exactly what `encode` gives, where the two differ."""

    def decode(self, document: bytes) -> Any:
        """The typed value of one JSON text.

        Raises: SchemaViolation with pointers.
        """

    def decode_with(self, document: bytes, blobs: Blobs) -> Any:
        """The same where top-level binary fields came outside the JSON.

        Raises: SchemaViolation with pointers.
        """

    def decode_all(self, documents: Sequence[bytes]) -> Sequence[Any] | None:
        """What `decode` gives for each text, in fewer steps; None where there are none.

        Raises: anything, when one of them is not plainly right; `decode` then tells which, and why.
        """

    def encode(self, value: Any) -> bytes:
        """The JSON text of one value, which matches the schema.

        Raises: ContractViolation; its reason is for the log.
        """

    def encode_all(self, outputs: Any, count: int) -> Sequence[bytes]:
        """The JSON text of each value that `scatter` gives.

        Raises: ContractViolation when one of them, or their number, breaks the contract.
        """

    def gather(self, rows: Sequence[Any]) -> Any:
        """The rows as `predict` takes a batch of them."""

    def scatter(self, outputs: Any, count: int) -> Sequence[Any]:
        """One value a row, of what `predict` gave for a batch of `count`.

        Raises: ContractViolation when they are not exactly as many.
        """


class RowByRow:
    """Rows that are decoded and encoded one by one only."""

    def decode_all(self, documents: Sequence[bytes]) -> Sequence[Any] | None:  # of the protocol
        """None: there is no way in fewer steps."""
        return None

    def encode_all(self: Codec, outputs: Any, count: int) -> Sequence[bytes]:
        """The JSON text of each.

        Raises: ContractViolation.
        """
        return [self.encode(output) for output in self.scatter(outputs, count)]


class InLists(RowByRow):
    """Batches that are plain lists; what most codecs do."""

    def gather(self, rows: Sequence[Any]) -> Any:
        """The rows themselves."""
        return rows

    def scatter(self, outputs: Any, count: int) -> Sequence[Any]:
        """The outputs themselves, if they are a list or tuple of the right length."""
        if not isinstance(outputs, list | tuple):
            raise ContractViolation(reason=f"predict gave a {type(outputs).__name__} for a batch, not a list")
        if len(outputs) != count:
            raise ContractViolation(reason=f"predict gave {len(outputs)} outputs for a batch of {count}")
        return outputs


def codec_for(declared: Any) -> Codec:
    """The codec of a declared type.

    Raises: ConfigurationRefused, saying what about the type cannot be served and how to declare it instead.
    """
    path = _codec_of(declared)
    module, _, name = path.partition(":")
    codec: Codec = getattr(import_module(module), name)(declared)
    return codec


_HERE = "headworks.targets.models"
_MSGSPEC = f"{_HERE}.codec_msgspec:MsgspecCodec"
_BY_LIBRARY = {
    ("numpy", "ndarray"): f"{_HERE}.codec_array:array_codec",
    ("pandas", "DataFrame"): f"{_HERE}.codec_table:TableCodec",
    ("pandas.core.frame", "DataFrame"): f"{_HERE}.codec_table:TableCodec",
}
_PYDANTIC = f"{_HERE}.codec_pydantic:PydanticCodec"


def library_of(declared: Any) -> tuple[str, str]:
    """Module and name of the class behind a declared type, without importing any library."""
    bare = get_args(declared)[0] if get_origin(declared) is Annotated else declared
    kind = get_origin(bare) or bare
    return getattr(kind, "__module__", ""), getattr(kind, "__name__", "")


def _codec_of(declared: Any) -> str:
    named = _BY_LIBRARY.get(library_of(declared))
    if named is not None:
        return named
    return _PYDANTIC if speaks_pydantic(declared) else _MSGSPEC


def speaks_pydantic(declared: Any) -> bool:
    """Whether a type is, holds or is constrained by something only pydantic understands."""
    if hasattr(declared, "__pydantic_validator__") or hasattr(declared, "__pydantic_core_schema__"):
        return True
    return has_foreign_rules(declared) or any(speaks_pydantic(part) for part in get_args(declared))


def has_foreign_rules(declared: Any) -> bool:
    """Whether an annotation carries constraints in the words of pydantic or annotated-types."""
    notes = get_args(declared)[1:] if get_origin(declared) is Annotated else ()
    return any(type(note).__module__.partition(".")[0] in {"pydantic", "annotated_types"} for note in notes)


def parsed(document: bytes) -> Any:
    """A JSON text as plain Python values.

    Raises: NotJson.
    """
    try:
        return msgspec.json.decode(document)
    except msgspec.DecodeError as error:
        raise NotJson from error


def violation(published: Schema, document: object, otherwise: FieldError) -> SchemaViolation:
    """What the caller reads: the published schema's own words, or the codec's where the schema finds nothing.

    Cost: only paid by a call that is refused.
    """
    return SchemaViolation(errors=published.errors(document) or (otherwise,))


def below(refusal: SchemaViolation, at: str) -> tuple[FieldError, ...]:
    """The errors of a row, with the pointer of the row in front."""
    return tuple(FieldError(at + error.pointer, error.message) for error in refusal.errors)


def refuse_empty_name(blobs: Blobs) -> dict[str, bytes]:
    """The blobs by field name, for a type that is not binary as a whole.

    Raises: SchemaViolation for the name "".
    """
    fields = dict(blobs)
    if "" in fields:
        raise SchemaViolation(errors=(FieldError("", "is not a binary input; send JSON"),))
    return fields


def undeclarable(declared: Any, why: str, fix: str) -> ConfigurationRefused:
    """The refusal of a declared type."""
    return ConfigurationRefused(f"The type {declared!r} cannot be served: {why}. {fix}")
