"""multipart/form-data as servers of the dialect read it: fields, then files.

Source: RFC 7578; WHATWG HTML, "multipart/form-data encoding algorithm" (how names are escaped).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import chain

from msgspec import Struct

from headworks.targets.providers.wire import HttpRequest

_ESCAPED = str.maketrans({"\r": "%0D", "\n": "%0A", '"': "%22", "\0": "%00"})


class File(Struct, frozen=True):
    """One file of a form: its field, its own name, what it holds and of which media type."""

    name: str
    filename: str
    content: bytes
    media: str = "application/octet-stream"


def form_request(path: str, fields: Mapping[str, str], filename: str, content: bytes) -> HttpRequest:
    """The request that sends one file as the field `file`; see files_request."""
    return files_request(path, fields, (File("file", filename, content),))


def files_request(path: str, fields: Mapping[str, str], files: Sequence[File]) -> HttpRequest:
    """The request that sends files.

    Cost: what it sends is hashed once, for a boundary that cannot stand in it.
    """
    drawn = blake2b(digest_size=24)
    for sent in (*(value.encode() for value in fields.values()), *(file.content for file in files)):
        drawn.update(sent)
    boundary = b"headworks-" + drawn.hexdigest().encode()
    opened = b"--" + boundary + b'\r\ncontent-disposition: form-data; name="'
    parts = ((opened, _escaped(name), b'"\r\n\r\n', value.encode(), b"\r\n") for name, value in fields.items())
    sent_files = (
        (opened, _escaped(file.name), b'"; filename="', _escaped(file.filename), b'"\r\ncontent-type: ',
         file.media.encode(), b"\r\n\r\n", file.content, b"\r\n")
        for file in files
    )  # fmt: skip
    body = b"".join((*chain.from_iterable(parts), *chain.from_iterable(sent_files), b"--", boundary, b"--\r\n"))
    media = f"multipart/form-data; boundary={boundary.decode()}"
    return HttpRequest("POST", path, (("content-type", media), ("accept", "application/json")), body)


def _escaped(name: str) -> bytes:
    return name.translate(_ESCAPED).encode()
