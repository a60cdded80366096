"""The suite that an operation of a provider has to pass, ours and a plug-in's alike; call it from tests.

```python
def test_acme_keeps_its_promises():
    prove_request(ACME, ask)
    prove_reply(ACME, ask, recorded_response)
    prove_stream(ACME, ask, recorded_stream)
    prove_failure(ACME, recorded_refusal, ProviderBusy)
```
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

import msgspec
from msgspec import structs

from headworks.contract.schema import Schema
from headworks.contract.tasks import event_schema, schemas
from headworks.errors import HeadworksError, ProviderBroken
from headworks.secret import Secret
from headworks.targets.providers.wire import (
    Answer,
    Ask,
    Credential,
    HttpRequest,
    HttpResponse,
    Operation,
    Origin,
    Piece,
)

_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@/?%\[\]]*")
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_NOT_OURS = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}
_JSON = "application/json"


class Unproven(AssertionError):
    """What an operation does not do that every operation must."""


def prove_request(operation: Operation, ask: Ask) -> HttpRequest:
    """The request of this ask, well formed and the same each time."""
    request = operation.request(ask)
    names = [name for name, _ in request.headers]
    _must(request == operation.request(ask), "the same ask makes two different requests")
    _must(request.method in {"GET", "POST", "PUT", "DELETE"}, f"method {request.method!r}")
    _must(_PATH.fullmatch(request.path) is not None, f"path {request.path!r} is not percent-encoded")
    _must(all(map(_NAME.fullmatch, names)), f"header names {names} are not all lower case")
    _must(not _NOT_OURS & set(names), f"{_NOT_OURS & set(names)} belong to the client")
    _must(all("\n" not in value and "\r" not in value for _, value in request.headers), "a header value has a line end")
    if dict(request.headers).get("content-type") == _JSON:
        msgspec.json.decode(request.body)
    return request


def prove_reply(operation: Operation, ask: Ask, response: HttpResponse) -> Answer:
    """The answer to this ask, valid for the task."""
    answer = operation.reply(ask, response)
    _must(bool(answer.model), "the answer does not say by which model")
    if answer.media == _JSON:
        _check(Schema(schemas(operation.task)[1]), answer.document, "the reply")
    else:
        _must(bool(answer.document), "the reply is empty")
    _must_be_counted(answer)
    return answer


def prove_failure(operation: Operation, response: HttpResponse, kind: type[HeadworksError]) -> HeadworksError:
    """The error that this refusal is, of exactly this class, with nothing of the provider's text for the caller."""
    error = operation.failure(response)
    _must(type(error) is kind, f"{response.status} is {type(error).__name__}, not {kind.__name__}: {error.reason}")
    _must(error.detail == kind.title, f"the caller is told {error.detail!r}")
    return error


def prove_stream(
    operation: Operation, ask: Ask, body: bytes, cuts: Iterable[tuple[int, ...]] | None = None
) -> list[Piece]:
    """The pieces of this stream: valid events, the same however the bytes are cut; a shorter stream is never taken for whole.

    `cuts` are where the bytes are cut, one tuple a run; by default in the middle of each of the first hundred bytes' gaps.
    """
    whole = read(operation, ask, (body,))
    schema = Schema(event_schema(operation.task))
    for piece in whole:
        _must(bool(piece.document) or piece.usage is not None, "a piece says nothing")
        if piece.document:
            _check(schema, piece.document, "an event")
        _must_be_counted(piece)
    _must(any(piece.is_content for piece in whole), "no piece is marked as content")
    for cut in [(at,) for at in range(1, min(len(body), 100))] if cuts is None else cuts:
        places = (0, *sorted({at % len(body) for at in cut}), len(body))
        parts = [body[start:end] for start, end in itertools.pairwise(places)]
        _must(read(operation, ask, parts) == whole, f"cut at {places[1:-1]} the stream reads differently")
    for at in _ends_of_events(body):
        _must_be_refused(operation, ask, body[:at], whole)
    return whole


def prove_credential(credential: Credential, secret: Secret, origin: Origin) -> None:
    """The secret stands in the header fields of a signed request and nowhere else."""
    plain = HttpRequest("POST", "/path?query=1", body=b"{}")
    signed = credential.signed(plain, origin, 0)
    told = f"{signed.path} {signed.method} {credential!r} {credential}"
    _must(secret.reveal() not in told, "the secret shows outside the header fields")
    _must(signed.body == plain.body, "signing changes the body")
    _must(structs.replace(signed, headers=plain.headers) == plain, "signing changes more than the header fields")


def read(operation: Operation, ask: Ask, parts: Iterable[bytes]) -> list[Piece]:
    """The pieces of a stream that comes in these parts."""
    reader = operation.reader(ask)
    pieces = [piece for part in parts for piece in reader.feed(part)]
    return pieces + reader.finish()


def _must_be_refused(operation: Operation, ask: Ask, body: bytes, whole: list[Piece]) -> None:
    try:
        pieces = read(operation, ask, (body,))
    except ProviderBroken:
        return
    _must(pieces == whole, f"a stream that ends after {len(body)} bytes is taken for whole")


def _ends_of_events(body: bytes) -> list[int]:
    """Where a stream can be cut between lines, and some bytes before."""
    ends = [match.end() for match in re.finditer(rb"\r?\n", body)] or list(range(len(body)))
    return sorted({max(at - back, 0) for at in ends for back in (0, 3) if at < len(body)})


def _must_be_counted(told: Answer | Piece) -> None:
    counted = structs.astuple(told.usage) if told.usage is not None else ()
    _must(all(count is None or count >= 0 for count in counted), f"usage {told.usage} counts below nothing")


def _check(schema: Schema, document: bytes, what: str) -> None:
    errors = schema.errors(msgspec.json.decode(document))
    _must(not errors, f"{what} breaks the task's schema: {errors}")


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Unproven(otherwise)
