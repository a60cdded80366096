"""What files, batches and fine-tuning jobs have in common: one thing by its id, in the vendor's own words.

Source: OpenAI API, `/v1/files`, `/v1/batches`, `/v1/fine_tuning/jobs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Raw, Struct

from headworks.errors import (
    BodyTooLarge,
    FieldError,
    HeadworksError,
    NotFound,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
    SchemaViolation,
)
from headworks.targets.providers.failing import by_status, failed
from headworks.targets.providers.keeping import Kept
from headworks.targets.providers.openai.document import NULL, told
from headworks.targets.providers.openai.facts import BY_CODE, Server
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

BY_STATUS: Mapping[int, type[HeadworksError]] = {
    404: NotFound,
    409: ProviderRefused,
    410: NotFound,
    413: BodyTooLarge,
}
"""Where a status means something else than of a model: the thing that is asked for is the caller's."""

SERVERS_FAULT = (ProviderKeyRejected, ProviderBusy, ProviderDown)
CODES = {code: kind for code, kind in BY_CODE.items() if kind in SERVERS_FAULT and code != "model_not_found"}

Acts = Mapping[str, tuple[str, str]]
"""By action: the method, and what follows the id in the path."""


class Asked(Struct, frozen=True):
    """What is to be done; see contract/tasks."""

    action: str
    id: str | None = None
    body: Raw = NULL
    after: str | None = None
    limit: int | None = None
    order: str | None = None


class _Document(Struct, frozen=True):
    id: str | None = None
    object: str | None = None


_asked = msgspec.json.Decoder(Asked).decode
_document = msgspec.json.Decoder(_Document)


class OpenAiKeeping(Whole, frozen=True, kw_only=True):
    """Things of one kind below one path."""

    server: Server
    path: str
    kept: Kept
    acts: Acts

    def request(self, ask: Ask) -> HttpRequest:
        """The creation, its body as it came; or what is done with one thing.

        Raises: SchemaViolation (422), for an action that lacks what it needs.
        """
        asked = _asked(ask.document)
        if asked.action == "create":
            return self.creation(ask, asked)
        method, below = self.acts[asked.action]
        page = {"after": asked.after, "limit": asked.limit, "order": asked.order}
        query = urlencode({name: value for name, value in page.items() if value is not None}) if below else ""
        path = f"{self.place}/{needed(asked.id, 'id')}{below}{self.server.query}"
        joined = f"{'&' if self.server.query else '?'}{query}" if query else ""
        return HttpRequest(method, path + joined, headers=(("accept", "application/json, */*"),))

    def creation(self, ask: Ask, asked: Asked) -> HttpRequest:
        """A thing of its body alone.

        Raises: SchemaViolation (422).
        """
        return HttpRequest(
            "POST",
            self.place + self.server.query,
            body=bytes(needed(None if asked.body == NULL else asked.body, "body")),
        )

    @property
    def place(self) -> str:
        """The path of all things of the kind."""
        return self.server.path + self.path

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The document as it came.

        Raises: ProviderBroken.
        """
        wire = decoded(_document, response.body)
        if wire.id is None and wire.object is None:
            raise ProviderBroken(reason="neither a thing nor a list of them")
        return Answer(response.body, None, self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By code where the server is at fault, then by status."""
        try:
            document = msgspec.json.decode(response.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            document = None
        error = failed(told(document), CODES, response.status, response.headers)
        kind = BY_STATUS.get(response.status)
        if kind is None or type(error) is not by_status(response.status):
            return error
        return kind(reason=error.reason)


def needed(value: Any, name: str) -> Any:
    """A field that the action cannot do without.

    Raises: SchemaViolation (422).
    """
    if value is None:
        raise SchemaViolation(errors=(FieldError(f"/{name}", "is required for this action"),))
    return value
