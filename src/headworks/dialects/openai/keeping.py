"""/v1/files, /v1/batches, /v1/fine_tuning/jobs: what is done with the things that a provider keeps.

The path says what is done, and the endpoint is the only one of its task. Requests become the task's; answers are the
provider's own documents, as they came.
Source: openai-python, resources/files.py, batches.py, fine_tuning/jobs.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Raw, Struct

from headworks.contract.schema import JSON, pointer_of
from headworks.dialects.naming import endpoint_named
from headworks.dialects.native.form import parts_of
from headworks.dialects.native.media import boundary_of
from headworks.dialects.openai.body import encode, object_of, refused
from headworks.dialects.openai.embeddings import NoEvents
from headworks.dialects.openai.fields import rate_fields
from headworks.errors import Malformed, NotFound
from headworks.ports import Endpoints, EventWriter, Read
from headworks.units import RequestId
from headworks.values import Call, Endpoint, Matched, Payload, Quota, RawRequest

FILE = "file"
EXPIRY = "expires_after["
MOST_QUERY_FIELDS = 8
_NUMBER = "0123456789"


class Shelf(Struct, frozen=True):
    """The path of all things of one task, and what a query may ask."""

    task: str
    path: str
    asked: frozenset[str] = frozenset()


class Kept:
    """Implements ports.Dialect for one thing that is done: `action` names it in the task's request."""

    def __init__(self, shelf: Shelf, action: str) -> None:
        self._shelf = shelf
        self._action = action

    def endpoint(self, raw: RawRequest, matched: Matched, endpoints: Endpoints) -> Endpoint:
        """See ports.Dialect."""
        name = next((each.name for each in endpoints.versions() if each.task == self._shelf.task), None)
        if name is None:
            raise NotFound(f"No endpoint of this service has the task {self._shelf.task}.")
        return endpoint_named(name, endpoints)

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """See ports.Dialect."""
        if self._action != "create":
            asked = {"action": self._action, **self._named(raw)}
            endpoint.contract.request.check(asked)
            return Read(Payload(encode(asked)), JSON)
        if self._shelf.task == "files":
            fields, content = _sent(raw)
            endpoint.contract.form.check({"action": "create", **fields, FILE: True})
            return Read(Payload(encode({"action": "create", **fields}), ((FILE, content),)), JSON)
        endpoint.contract.request.check({"action": "create", "body": object_of(raw)})
        return Read(Payload(encode({"action": "create", "body": Raw(raw.body)})), JSON)

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """See ports.Dialect; as it came."""
        return body, media

    def writer(self, call: Call) -> EventWriter:
        """See ports.Dialect."""
        return NoEvents()

    def fields(self, call: Call, request_id: RequestId, quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
        """See ports.Dialect."""
        return rate_fields(quotas)

    def _named(self, raw: RawRequest) -> dict[str, Any]:
        """The thing that the path names, and the part of a list that the query asks for."""
        thing = raw.path.removeprefix(self._shelf.path).strip("/").partition("/")[0]
        return {**({"id": thing} if thing else {}), **_query(raw.query, self._shelf.asked)}


def _query(query: str, known: frozenset[str]) -> dict[str, Any]:
    """The fields of a query.

    Raises: Malformed (400), SchemaViolation (422) for one that is not known.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_QUERY_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise Malformed(f"The query string is not UTF-8 or has more than {MOST_QUERY_FIELDS} fields.") from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in known:
            raise refused(pointer_of((name,)), "is not known here")
        if name in found:
            raise refused(f"/{name}", "is sent twice")
        is_number = name == "limit" and 0 < len(value) < 10 and value.strip(_NUMBER) == ""
        found[name] = int(value) if is_number else value
    return found


def _sent(raw: RawRequest) -> tuple[dict[str, Any], bytes]:
    """The fields of a form, and its file.

    Raises: SchemaViolation (422), and what reading a form raises.
    """
    fields: dict[str, Any] = {}
    file: bytes | None = None
    for part, content in parts_of(raw.body, boundary_of(raw.headers.get("content-type"))):
        name = part.name or ""
        if name in fields or (name == FILE and file is not None):
            raise refused(pointer_of((name,)), "is sent twice")
        if name == FILE:
            file = content
            fields |= {"filename": part.filename} if part.filename else {}
        elif name == "purpose" or (name.startswith(EXPIRY) and name.endswith("]")):
            fields[name] = content.decode(errors="replace")
        else:
            raise refused(pointer_of((name,)), "is not known here")
    if file is None:
        raise refused(f"/{FILE}", "is required")
    if "purpose" not in fields:
        raise refused("/purpose", "is required")
    return _nested(fields), file


def _nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`expires_after[seconds]` and the like as the object they are."""
    flat = {name: value for name, value in fields.items() if not name.startswith(EXPIRY)}
    inner: dict[str, Any] = {name[len(EXPIRY) : -1]: fields[name] for name in fields if name.startswith(EXPIRY)}
    if not inner:
        return flat
    seconds = inner.get("seconds", "")
    if isinstance(seconds, str) and 0 < len(seconds) < 10 and seconds.strip(_NUMBER) == "":
        inner["seconds"] = int(seconds)
    return {**flat, "expires_after": inner}
