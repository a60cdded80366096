"""multipart/form-data: text parts are fields, typed by the schema; binary fields come as files.

Source: RFC 7578.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from headworks.contract import json_text
from headworks.contract.schema import Contract, pointer_of
from headworks.dialects.native.cells import WHOLE, Blobs, fields_of
from headworks.errors import BodyTooLarge, FieldError, Malformed, SchemaViolation

if TYPE_CHECKING:
    from multipart import MultipartSegment  # takes a megabyte, which only forms need

MOST_PARTS = 32
MOST_PART_HEADERS = 8
MOST_FIELD_BYTES = 4 * 2**20


def form_of(body: bytes, boundary: str, contract: Contract) -> tuple[Any, Blobs]:
    """The fields of a form, and its binary fields; a whole binary input is the form's one part, of any name.

    Raises: Malformed (400), BodyTooLarge (413), NotJson (400), SchemaViolation (422).
    """
    texts: list[tuple[str, str]] = []
    documents: dict[str, Any] = {}
    blobs: dict[str, bytes] = {}
    for part, content in parts_of(body, boundary):
        name = "" if contract.binary == WHOLE else part.name or ""
        if name in contract.binary:
            _once(name, blobs, documents)
            blobs[name] = content
        elif part.content_type == "application/json":
            _once(name, blobs, documents)
            documents[name] = json_text.decode(content)
        else:
            texts.append((name, _text(name, part, content)))
    if contract.binary == WHOLE:
        return None, tuple(blobs.items())
    fields, repeated = fields_of(contract.request).gathered(texts)
    for name in (repeated, *(documents.keys() & fields.keys())):
        if name is not None:
            raise SchemaViolation(errors=(FieldError(pointer_of((name,)), "is sent twice"),))
    return {**fields, **documents}, tuple(blobs.items())


def parts_of(body: bytes, boundary: str) -> Iterator[tuple[MultipartSegment, bytes]]:
    """Each part with its content, read as far as it is asked for.

    Raises: Malformed, BodyTooLarge.
    """
    import multipart

    try:
        parser = multipart.PushMultipartParser(
            boundary,
            content_length=len(body),
            max_header_count=MOST_PART_HEADERS,
            max_segment_count=MOST_PARTS,
            strict=True,
        )
        with parser:
            yield from _gathered(parser.parse(body))
    except multipart.ParserLimitReached as error:
        raise BodyTooLarge(f"At most {MOST_PARTS} parts with {MOST_PART_HEADERS} headers each.") from error
    except multipart.MultipartError as error:
        raise Malformed(f"The form cannot be read: {str(error)[:100]}.") from error


def _gathered(
    events: Iterable[MultipartSegment | bytearray | bytes | None],
) -> Iterator[tuple[MultipartSegment, bytes]]:
    """The parser's events, a part, then its chunks, then None, as parts with their content."""
    part: MultipartSegment | None = None
    chunks: list[bytes] = []
    for event in events:
        if isinstance(event, (bytes, bytearray)):
            chunks.append(bytes(event))
        elif event is not None:
            part, chunks = event, []
        elif part is not None:
            yield part, chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _once(name: str, *earlier: dict[str, Any]) -> None:
    if any(name in fields for fields in earlier):
        raise SchemaViolation(errors=(FieldError(pointer_of((name,)) if name else "", "is sent twice"),))


def _text(name: str, part: MultipartSegment, content: bytes) -> str:
    if len(content) > MOST_FIELD_BYTES:
        raise BodyTooLarge(f"The field {name[:100]!r} is longer than {MOST_FIELD_BYTES // 2**20} MiB.")
    if (part.charset or "utf-8").lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise SchemaViolation(errors=(FieldError(pointer_of((name,)), "must be UTF-8"),))
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise SchemaViolation(errors=(FieldError(pointer_of((name,)), "must be UTF-8 text"),)) from None
