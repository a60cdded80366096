"""multipart/form-data as servers of the dialect read it: fields, then one file.

Source: RFC 7578; WHATWG HTML, "multipart/form-data encoding algorithm" (how names are escaped).
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from itertools import chain

from headworks.targets.providers.wire import HttpRequest

_ESCAPED = str.maketrans({"\r": "%0D", "\n": "%0A", '"': "%22", "\0": "%00"})


def form_request(path: str, fields: Mapping[str, str], filename: str, content: bytes) -> HttpRequest:
    """The request that sends a file.

    Cost: the file is hashed once, for a boundary that cannot stand in it.
    """
    boundary = b"headworks-" + blake2b(content, digest_size=24).hexdigest().encode()
    opened = b"--" + boundary + b'\r\ncontent-disposition: form-data; name="'
    parts = ((opened, name.encode(), b'"\r\n\r\n', value.encode(), b"\r\n") for name, value in fields.items())
    named = filename.translate(_ESCAPED).encode()
    file = (opened, b'file"; filename="', named, b'"\r\ncontent-type: application/octet-stream\r\n\r\n')
    body = b"".join((*chain.from_iterable(parts), *file, content, b"\r\n--", boundary, b"--\r\n"))
    media = f"multipart/form-data; boundary={boundary.decode()}"
    return HttpRequest("POST", path, (("content-type", media), ("accept", "application/json")), body)
