"""JSON text from strangers: RFC 8259 with every bound, and nothing a second reader could understand differently.

Refused beyond the grammar: a key twice in one object, NaN and infinities, numbers no double can hold, lone
surrogates, depth above 64, more than 200 000 values, strings above 16 MiB, integers above 4300 digits. Every check is
exact; the order of work is chosen so that small ordinary documents pay one look at their bytes.
"""

import json
import re
from itertools import accumulate
from typing import Any

import msgspec

from headworks.errors import FieldError, NotJson

MOST_DEPTH = 64
MOST_VALUES = 200_000
LONGEST_STRING_BYTES = 16 * 2**20  # a photograph in a chat is one string

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_WHOLE = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
"""Text up to where a string begins that does not end in it."""
_WINDOW_BYTES = 2**16
_COLON, _BRACKET = b":["  # as numbers: to look for bytes in bytes costs ten times as much
_NOT_OPENERS = bytes(set(range(256)) - set(b"[{"))
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_AT_BYTE = re.compile(r"(.*) \(byte (\d+)\)")
_AT_PATH = re.compile(r"(.*) - at `\$(.*)`")


def decode(body: bytes, binary: tuple[str, ...] = ()) -> Any:
    """The document these bytes hold; the top-level fields in `binary` may hold strings of any length.

    Raises: NotJson (400), with the byte or the pointer where it is known.
    Cost: 2.5 µs for thirty numbers of 17 digits, 0.2 of it for the refusals.
    """
    if len(body) > 2 * MOST_VALUES:
        _refuse_many(body)
    try:
        document = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refusal(error, body) from None
    is_single = _COLON not in body.partition(b":")[2]
    colons = 1 if is_single else body.count(b":")
    is_flat = colons + 2 < MOST_DEPTH and _BRACKET not in body.partition(b"[")[2]
    if not is_flat and len(body.translate(None, _NOT_OPENERS)) > MOST_DEPTH:
        _refuse_deep(body)
    if not is_single and _pairs(document) != colons and _pairs_below(document) != colons:
        _refuse_repeated(body, colons, document)
    if len(body) > LONGEST_STRING_BYTES:
        _refuse_long(document, binary)
    return document


def pairs_in(body: bytes) -> int:
    """How many pairs a valid text holds in all its objects, repeated ones too; nothing is made of it."""
    return _bare(body).count(b":")


def _refuse_many(body: bytes) -> None:
    """Count values before any is made: a value takes two bytes, but a made one takes a hundred."""
    if body.count(b",") + len(body.translate(None, _NOT_OPENERS)) < MOST_VALUES:
        return
    bare = _bare(body)
    if bare.count(b",") + len(bare.translate(None, _NOT_OPENERS)) >= MOST_VALUES:
        raise NotJson(f"The document holds more than {MOST_VALUES} values; send it in parts.")


def _refuse_deep(body: bytes) -> None:
    brackets = _bare(body).translate(None, _NOT_BRACKETS)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > MOST_DEPTH:
        raise NotJson(f"The document is nested deeper than {MOST_DEPTH} levels.")


def _bare(body: bytes, window_bytes: int = _WINDOW_BYTES) -> bytes:
    """The text without its strings, a window at a time: between half a million strings lie half a million pieces."""
    pieces: list[bytes] = []
    at = 0
    while at < len(body):
        whole = _WHOLE.match(body, at, at + window_bytes)
        end = whole.end() if whole is not None else at
        if end == at:  # a string that is longer than the window, or never ends
            long = _STRING.match(body, at)
            end = long.end() if long is not None else len(body)
        pieces.append(_STRING.sub(b"", body[at:end]))
        at = end
    return b"".join(pieces)


def _pairs(document: Any) -> int:
    """Pairs in an object, or in the objects of an array, not deeper.

    As many as there are colons in the text: then each colon belongs to a pair of its own and no key is repeated.
    """
    if type(document) is dict:
        return len(document)
    pairs = 0
    if type(document) is list:
        for row in document:
            if type(row) is dict:
                pairs += len(row)
    return pairs


def _pairs_below(document: Any) -> int:
    """Pairs in an object and in the objects that its fields hold, or the arrays there: a chat's messages, not deeper."""
    if type(document) is not dict:
        return 0
    pairs = len(document)
    for value in document.values():
        if type(value) is list or type(value) is dict:
            pairs += _pairs(value)
    return pairs


def _refuse_repeated(body: bytes, colons: int, document: Any) -> None:
    """Refuse a key that stands twice in one object.

    The decoder kept the last of equal keys, so a repeated key shows as colons that are missing from what it made. A
    colon is never escaped by our encoder; where the caller may have escaped one, or the document cannot be encoded
    again, each object is looked at.
    """
    if b"\\u003" not in body:
        try:
            if _encode(document).count(b":") == colons:
                return
        except (OverflowError, UnicodeEncodeError):
            pass
    json.loads(body, object_pairs_hook=_distinct)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise NotJson(
            "A key stands twice in one object.",
            errors=(FieldError("", f"the key {twice[:100]!r} is repeated; keep one of them"),),
        )
    return made


def _refuse_long(document: Any, binary: tuple[str, ...]) -> None:
    """Refuse a string above its bound, outside the fields that carry bytes."""
    rows = document if isinstance(document, list) else [document]
    waiting = [_without(row, binary) for row in rows]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if len(value) > LONGEST_STRING_BYTES // 4 and len(value.encode()) > LONGEST_STRING_BYTES:
                raise NotJson(f"A string is longer than {LONGEST_STRING_BYTES // 2**20} MiB.")
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value


def _without(row: Any, binary: tuple[str, ...]) -> Any:
    if binary == ("",) and isinstance(row, str):
        return None
    if binary and isinstance(row, dict):
        return {name: value for name, value in row.items() if name not in binary}
    return row


def _refusal(error: Exception, body: bytes) -> NotJson:
    """What the decoder's refusal means to the caller; its texts name positions and characters, never values."""
    if isinstance(error, RecursionError):
        return NotJson(f"The document is nested deeper than {MOST_DEPTH} levels.")
    if isinstance(error, UnicodeDecodeError):
        return NotJson(f"The body is not UTF-8 at byte {_broken_byte(body)}.")
    text = str(error)
    if found := _AT_BYTE.fullmatch(text):
        return NotJson(f"{found[1].removeprefix('JSON is malformed: ').capitalize()} at byte {found[2]}.")
    if found := _AT_PATH.fullmatch(text):
        return NotJson(f"{found[1]}.", errors=(FieldError("", f"{found[1].lower()} at ${found[2][:200]}"),))
    if "truncated" in text:
        return NotJson("The body is empty." if not body.strip() else "The document ends too early.")
    return NotJson(f"{text}.")


def _broken_byte(body: bytes) -> int:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0
