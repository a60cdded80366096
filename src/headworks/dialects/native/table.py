"""CSV in and out: a header row of field names, then one row an input or an output.

Source: RFC 4180; UTF-8, with or without a byte order mark.
"""

import csv
import io
from collections.abc import Iterable
from typing import Any

import msgspec

from headworks.contract.schema import Contract
from headworks.dialects.native.cells import fields_of
from headworks.errors import BodyTooLarge, FieldError, Malformed, SchemaViolation, UnsupportedMedia

MOST_COLUMNS = 2_000
MOST_CELLS = 200_000


def rows_of(body: bytes, contract: Contract, most_rows: int) -> list[dict[str, Any]]:
    """The inputs of a CSV body, each cell typed by the request's schema, in order.

    Raises: UnsupportedMedia (415) when an input is not a row of named fields, Malformed (400) with the line,
    SchemaViolation (422) for a header that names a column twice, BodyTooLarge (413) above `most_rows`.
    """
    fields = fields_of(contract.request)
    if not fields.is_row:
        raise UnsupportedMedia("This endpoint's input is not a row of named fields; send application/json.")
    try:
        reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        header = _header(next(reader, []))
        if header is None:
            raise Malformed("The first line of the CSV must name the fields.")
        rows: list[dict[str, Any]] = []
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise Malformed(f"Line {reader.line_num} has {len(cells)} cells, the header {len(header)}.")
            if len(rows) == most_rows or len(rows) * len(header) >= MOST_CELLS:
                raise BodyTooLarge(f"At most {most_rows} rows and {MOST_CELLS} cells a call; send the rest in another.")
            rows.append(fields.row(zip(header, cells, strict=True)))
    except UnicodeDecodeError as error:
        raise Malformed(f"The CSV is not UTF-8 at byte {error.start}.") from None
    except csv.Error as error:
        raise Malformed(f"The CSV cannot be read at line {reader.line_num}: {error}.") from None
    return rows


def table_of(body: bytes, columns: tuple[str, ...], is_array: bool) -> bytes:
    """The CSV of a JSON reply: one object or bare value a row, or an array of them.

    A value that is itself an object or an array is written as its JSON; null as an empty cell. A text that a
    spreadsheet would run as a formula is preceded by an apostrophe.
    """
    document = msgspec.json.decode(body)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in document if is_array else [document]:
        values = [row.get(name) for name in columns] if isinstance(row, dict) else [row]
        writer.writerow([_cell(value) for value in values])
    return out.getvalue().encode()


def _header(names: Iterable[str]) -> list[str] | None:
    header = [name.strip() for name in names]
    if not any(header):
        return None
    if len(header) > MOST_COLUMNS:
        raise BodyTooLarge(f"At most {MOST_COLUMNS} columns.")
    twice = sorted({name for name in header if header.count(name) > 1}) if len(set(header)) < len(header) else []
    if twice:
        raise SchemaViolation(errors=tuple(FieldError(f"/{name[:100]}", "is a column twice") for name in twice[:20]))
    return header


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str):
        return "'" + value if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
    if isinstance(value, bool | dict | list):
        return msgspec.json.encode(value).decode()
    return value
