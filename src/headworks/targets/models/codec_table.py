"""Rows of a table: each row decoded by its own type, a batch of them one `pandas.DataFrame`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, get_args, get_origin

import msgspec
import pandas as pd

from headworks.errors import ContractViolation
from headworks.targets.models.codec import Blobs, RowByRow, codec_for, undeclarable

_FIX = "Write Annotated[pd.DataFrame, Row] where Row is a msgspec.Struct, dataclass, TypedDict or pydantic model."


class TableCodec(RowByRow):
    """A DataFrame declared as `Annotated[pd.DataFrame, Row]`; its columns are the fields of Row."""

    def __init__(self, declared: Any) -> None:
        """Raises: ConfigurationRefused when the annotation names no row type."""
        notes = get_args(declared)[1:] if get_origin(declared) is Annotated else ()
        if len(notes) != 1 or not isinstance(notes[0], type):
            raise undeclarable(declared, "it does not say what a row holds", _FIX)
        self._row = codec_for(notes[0])
        self.schema, self.reply_schema = self._row.schema, self._row.reply_schema
        if self.schema.get("type") != "object" or not self.schema.get("properties"):
            raise undeclarable(declared, f"{notes[0].__name__} has no named fields", _FIX)
        self._columns = _field_names(notes[0])

    def decode(self, document: bytes) -> Any:
        """One row, as a value of the row type.

        Raises: SchemaViolation with pointers.
        """
        return self._row.decode(document)

    def decode_with(self, document: bytes, blobs: Blobs) -> Any:
        """The same where top-level binary fields came outside the JSON.

        Raises: SchemaViolation with pointers.
        """
        return self._row.decode_with(document, blobs)

    def encode(self, value: Any) -> bytes:
        """The JSON text of one row, of its values by column.

        Raises: ContractViolation when the row is not of the declared type, or a value is missing (NaN).
        """
        return self._row.encode(value)

    def gather(self, rows: Sequence[Any]) -> Any:
        """One DataFrame of all rows, with the declared columns in their order."""
        return pd.DataFrame.from_records([_by_column(row) for row in rows], columns=self._columns)

    def scatter(self, outputs: Any, count: int) -> Sequence[Any]:
        """One dict a row.

        Raises: ContractViolation when there are not exactly as many rows.
        """
        if not isinstance(outputs, pd.DataFrame):
            raise ContractViolation(reason=f"predict gave a {type(outputs).__name__}, declared is a DataFrame")
        if len(outputs) != count:
            raise ContractViolation(reason=f"predict gave {len(outputs)} rows for a batch of {count}")
        records: list[dict[str, Any]] = outputs.to_dict("records")
        return records


def _by_column(row: Any) -> dict[str, Any]:
    if isinstance(row, dict):
        return row
    if isinstance(row, msgspec.Struct):
        return msgspec.structs.asdict(row)
    if dataclasses.is_dataclass(row):
        return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    return dict(row)


def _field_names(row_type: Any) -> list[str]:
    """The Python names of a row's fields, in order."""
    known = ("__struct_fields__", "__pydantic_fields__", "__dataclass_fields__", "__annotations__")
    return list(next(getattr(row_type, name) for name in known if hasattr(row_type, name)))
