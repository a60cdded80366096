"""Request bodies into payloads: JSON, forms, raw bytes, CSV and plain text, each checked against the contract.

A JSON body is handed on as the bytes the caller sent. Binary fields may come base64 in JSON, as parts of a form, or
alone as the whole body, with the other fields in the query string.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from headworks.contract import json_text
from headworks.contract.picture import check_base64_picture, check_picture
from headworks.contract.schema import MOST_ERRORS, MOST_ROWS, Contract, pointer_of, resolved
from headworks.dialects.native.cells import WHOLE, Blobs, fields_of
from headworks.dialects.native.media import typed
from headworks.dialects.native.table import rows_of
from headworks.errors import FieldError, Malformed, SchemaViolation, UnsupportedMedia
from headworks.values import Payload

MOST_QUERY_FIELDS = 64

_encode = msgspec.json.Encoder().encode


class Sent(Struct, frozen=True):
    """A body as it came, with the parameters of its Content-Type and the query string."""

    body: bytes
    parameters: Mapping[str, str]
    query: str


def json_payload(body: bytes, contract: Contract) -> Payload:
    """The payload of a JSON body: one input or, for a batch contract, an array of them.

    Raises: NotJson (400), SchemaViolation (422); of a picture also BodyTooLarge (413), UnsupportedMedia (415).
    """
    document = json_text.decode(body, contract.binary)
    if contract.request.is_valid(document):
        if contract.pictures:
            _check_pictures([document], contract, [""])
        return Payload(body)
    if contract.is_batch and type(document) is list and not _is_one_list(document, contract):
        _check_rows(document, contract)
        return Payload(body, rows=len(document), is_array=True)
    raise SchemaViolation(errors=contract.request.errors(document))


def payload(body: bytes, content_type: str, query: str, contract: Contract) -> Payload:
    """The payload of a body of any type this contract reads.

    Raises: as json_payload, and Malformed (400), UnsupportedMedia (415).
    """
    media, parameters = typed(content_type)
    if media == "application/x-www-form-urlencoded":
        raise UnsupportedMedia(f"{_readable(contract)} curl -d says urlencoded unless -H 'Content-Type: ...' is added.")
    read = _READERS.get(media, _raw)
    return read(Sent(body, dict(parameters), query), contract)


def _is_one_list(document: list[Any], contract: Contract) -> bool:
    """Whether a list that breaks the schema was meant as one input, itself a list, not as many."""
    root = contract.request.json
    return resolved(root, root).get("type") == "array" and not (document and isinstance(document[0], list))


def _check_rows(rows: list[Any], contract: Contract) -> None:
    if not rows:
        raise SchemaViolation(errors=(FieldError("", "must hold at least one row"),))
    if len(rows) > MOST_ROWS:
        raise SchemaViolation(
            errors=(FieldError("", f"must hold at most {MOST_ROWS} rows; send the rest in another call"),)
        )
    is_valid, wrong = contract.request.is_valid, list[FieldError]()
    for number, row in enumerate(rows):
        if not is_valid(row):
            wrong += contract.request.errors(row, f"/{number}")
            if len(wrong) >= MOST_ERRORS:
                break
    if wrong:
        raise SchemaViolation(errors=tuple(wrong[:MOST_ERRORS]))
    if contract.pictures:
        _check_pictures(rows, contract, [f"/{number}" for number in range(len(rows))])


def _check_pictures(rows: list[Any], contract: Contract, pointers: list[str]) -> None:
    for row, pointer in zip(rows, pointers, strict=True):
        for name in contract.pictures:
            text = row if contract.binary == WHOLE else row.get(name)
            if isinstance(text, str):
                check_base64_picture(text, pointer_of((name,), pointer) if name else pointer)


def _json(sent: Sent, contract: Contract) -> Payload:
    _refuse_charset(sent)
    return json_payload(sent.body, contract)


def _text(sent: Sent, contract: Contract) -> Payload:
    """One text as the whole input."""
    _refuse_charset(sent)
    if not _is_text(contract):
        raise UnsupportedMedia("This endpoint's input is not a text; send application/json.")
    try:
        text = sent.body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"The text is not UTF-8 at byte {error.start}.") from None
    contract.request.check(text)
    return Payload(_encode(text))


def _is_text(contract: Contract) -> bool:
    root = contract.request.json
    return resolved(root, root).get("type") == "string" and not contract.binary


def _csv(sent: Sent, contract: Contract) -> Payload:
    """Rows; a contract that takes one input at a time takes a table of one row."""
    _refuse_charset(sent)
    rows = rows_of(sent.body, contract, MOST_ROWS)
    if contract.is_batch:
        _check_rows(rows, contract)
        return Payload(_encode(rows), rows=len(rows), is_array=True)
    if len(rows) != 1:
        raise SchemaViolation(errors=(FieldError("", "must hold exactly one row: this endpoint takes one at a time"),))
    contract.request.check(rows[0])
    return Payload(_encode(rows[0]))


def _form(sent: Sent, contract: Contract) -> Payload:
    from headworks.dialects.native.form import form_of  # its parser takes a megabyte, which only forms need

    boundary = sent.parameters.get("boundary")
    if not boundary:
        raise Malformed("multipart/form-data needs its boundary parameter.")
    document, blobs = form_of(sent.body, boundary, contract)
    return _beside(document, blobs, contract)


def _raw(sent: Sent, contract: Contract) -> Payload:
    """The bytes of the one binary field as the whole body; the other fields come in the query string."""
    if len(contract.binary) != 1:
        raise UnsupportedMedia(_readable(contract))
    name = contract.binary[0]
    try:
        pairs = parse_qsl(sent.query, keep_blank_values=True, max_num_fields=MOST_QUERY_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise Malformed(f"The query string is not UTF-8 or has more than {MOST_QUERY_FIELDS} fields.") from None
    if name == "":
        if pairs:
            raise SchemaViolation(errors=(FieldError("", "takes no fields beside the body"),))
        return _beside(None, (("", sent.body),), contract)
    document, repeated = fields_of(contract.request).gathered(pairs)
    if repeated is not None or name in document:
        raise SchemaViolation(errors=(FieldError(pointer_of((repeated or name,)), "is sent twice"),))
    return _beside(document, ((name, sent.body),), contract)


def _beside(document: Any, blobs: Blobs, contract: Contract) -> Payload:
    """The payload of fields with their binary fields beside them."""
    if contract.binary == WHOLE:
        if len(blobs) != 1:
            raise SchemaViolation(errors=(FieldError("", "is required"),))
    else:
        contract.form.check({**document, **{name: True for name, _ in blobs}})
    for name, content in blobs:
        if name in contract.pictures:
            check_picture(content, pointer_of((name,)) if name else "")
    return Payload(_encode(document), blobs)


def _refuse_charset(sent: Sent) -> None:
    if sent.parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise UnsupportedMedia("Text is read as UTF-8 only; send charset=utf-8 or none.")


def _readable(contract: Contract) -> str:
    """What may be sent, for a caller who sent something else."""
    forms = ["application/json"]
    if _is_text(contract):
        forms.append("text/plain")
    if contract.binary or fields_of(contract.request).is_row:
        forms.append("multipart/form-data")
    if fields_of(contract.request).is_row:
        forms.append("text/csv")
    if len(contract.binary) == 1:
        forms.append("the bytes themselves as image/* or application/octet-stream")
    return f"Send {', '.join(forms)}."


_READERS: dict[str, Callable[[Sent, Contract], Payload]] = {
    "application/json": _json,
    "multipart/form-data": _form,
    "text/csv": _csv,
    "text/plain": _text,
}
"""What reads each type; every other type is the bytes of a binary field."""
