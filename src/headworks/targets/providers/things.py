"""What requests and documents say of the things a provider keeps: which ones they name, and which are new."""

from __future__ import annotations

from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import DecodeError, Raw, Struct, ValidationError
from msgspec.json import Decoder, Encoder

from headworks.errors import FieldError, ProviderBroken, SchemaViolation
from headworks.targets.providers.keeping import Kept, Produced

LONGEST_NAME = 256
LAST_S = 2**40
_MARKS = "-_:"
"""What every name of a thing has one of; words of a text mostly have none."""

_MISREAD = (DecodeError, ValidationError, UnicodeDecodeError, RecursionError)


class Asked(Struct, frozen=True, omit_defaults=True):
    """What is to be done; the fields of every kind's request, see contract/tasks."""

    action: str
    id: str | None = None
    after: str | None = None
    limit: int | None = None
    order: str | None = None
    purpose: str | None = None
    body: dict[str, Any] | None = None
    file: str | None = None

    def document(self) -> bytes:
        """The request that says so."""
        return _encode(self)


class Made(Struct, frozen=True):
    """What a provider says of a new thing; what is of no use is as if it were not there, for the thing is made all the same."""

    id: Any = None
    expires_at: Any = None

    @property
    def name(self) -> str | None:
        """Its id, where that is one."""
        return self.id if isinstance(self.id, str) and 0 < len(self.id) <= LONGEST_NAME else None

    @property
    def expires_s(self) -> int | None:
        """When the provider deletes it, since 1970."""
        is_time = isinstance(self.expires_at, int | float) and 0 < self.expires_at < LAST_S
        return int(self.expires_at) if is_time else None


_encode = Encoder().encode
_asked = Decoder(Asked).decode
_made = Decoder(Made).decode
_fields = Decoder(dict[str, Any]).decode
_any = Decoder().decode


def asked_of(document: bytes) -> Asked:
    """What a validated request asks."""
    return _asked(document)


def sent_file(asked: Asked, blobs: Iterable[tuple[str, bytes]]) -> bytes | None:
    """The file that comes with a request, beside it or in base64.

    Raises: SchemaViolation (422).
    """
    beside = next((content for name, content in blobs if name == "file"), None)
    if beside is not None or asked.file is None:
        return beside
    try:
        return a2b_base64(asked.file)
    except NotBase64:
        raise SchemaViolation(errors=(FieldError("/file", "must be base64"),)) from None


def made(document: bytes) -> Made:
    """The new thing that an answer tells of.

    Raises: ProviderBroken.
    """
    try:
        return _made(document)
    except _MISREAD as error:
        raise ProviderBroken(reason=f"a new thing cannot be read: {str(error)[:200]}") from None


def produced_in(document: bytes, kept: Kept) -> list[tuple[str, Produced]]:
    """What came of the thing, or of the things of a list, that a document tells of.

    Raises: ProviderBroken.
    """
    if not kept.produces:
        return []
    try:
        told = _fields(document)
    except _MISREAD as error:
        raise ProviderBroken(reason=f"a thing cannot be read: {str(error)[:200]}") from None
    data = told.get("data")
    things = data if isinstance(data, list) else [told]
    return [pair for thing in things if isinstance(thing, Mapping) for pair in _produced_by(thing, kept)]


def _produced_by(thing: Mapping[str, Any], kept: Kept) -> Iterator[tuple[str, Produced]]:
    for field, produced in kept.produces.items():
        value = thing.get(field)
        for name in value if isinstance(value, list) else [value]:
            if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME:
                yield name, produced


def listed(documents: Iterable[bytes], ids: list[str], *, has_more: bool) -> bytes:
    """A list of these things, with the cursors of its ends."""
    ends = {"first_id": ids[0], "last_id": ids[-1]} if ids else {"first_id": None, "last_id": None}
    return _encode({"object": "list", "data": [Raw(each) for each in documents], **ends, "has_more": has_more})


def names_in(value: Any) -> set[str]:
    """Every text within a document that may name a thing."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            if len(each) <= LONGEST_NAME and any(mark in each for mark in _MARKS):
                found.add(each)
        elif isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return found


def names_in_document(document: bytes) -> set[str]:
    """The same of a validated JSON text."""
    return names_in(_any(document))
