"""What providers are made of: requests out and answers back as values; what signs them and where they go.

An operation (chat at OpenAI, detect sentiment at AWS ...) is pure functions: no I/O, no clock, no secret. So the HTTP
client, tests and replays share it. A kind binds an operation to an origin and a credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from headworks.costs import Usage
from headworks.errors import HeadworksError
from headworks.secret import Secret

JSON_FIELDS = (("content-type", "application/json"), ("accept", "application/json"))


class HttpRequest(Struct, frozen=True, gc=False):
    """One request; Host, Content-Length and the credential are not part of it.

    Shapes: `path` starts with a slash, is percent-encoded, stands below the origin's own path and carries the query.
    Header names are lower case.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = JSON_FIELDS
    body: bytes = b""


class HttpResponse(Struct, frozen=True, gc=False):
    """One whole response, its coding undone; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Ask(Struct, frozen=True, gc=False):
    """What is asked of a provider: one row, valid for the task's request.

    Shapes: `blobs` are binary fields sent outside the JSON, by name ("" is a whole binary input), as in values.Payload.
    `output_cap` is the most tokens that may be answered; the operation writes it into the request, or the lower cap that the caller asked for.
    """

    document: bytes
    blobs: tuple[tuple[str, bytes], ...] = ()
    is_stream: bool = False
    output_cap: int | None = None


class Answer(Struct, frozen=True, gc=False):
    """What a provider answered, in the task's reply shape; `model` is what it says it answered with.

    `read_as` is the task's own type of a reply where the operation has read the document as that, or as a narrower one.
    """

    document: bytes
    usage: Usage | None = None
    model: str = ""
    media: str = "application/json"
    read_as: type | None = None


class Piece(Struct, frozen=True, gc=False):
    """One event of a streamed answer in the task's event shape.

    `document` is empty where a provider told usage outside the task's events. `is_content` marks real output (text, a tool call): from the first one on
    no other target can take over. `is_end` marks one that says why the answer ends, where its reader asks for that.
    """

    document: bytes = b""
    usage: Usage | None = None
    is_content: bool = False
    model: str = ""
    is_end: bool = False


class Reader(Protocol):
    """Bytes of one streamed response, cut anywhere, into pieces."""

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces these bytes complete.

        Raises: what the provider reported within the stream, by the operation's table of errors; ProviderBroken.
        """

    def finish(self) -> list[Piece]:
        """The body has ended.

        Raises: ProviderBroken when the provider's own end was missing: truncation is never silent.
        """


class Operation(Protocol):
    """One operation of a provider for one task, as pure functions.

    `model` names what prices are looked up by; `can_stream` whether `reader` and `Ask.is_stream` mean anything.
    """

    @property
    def task(self) -> str:
        """The task it serves."""

    @property
    def model(self) -> str:
        """The provider's name of the model or service."""

    @property
    def can_stream(self) -> bool:
        """Whether it can answer event by event."""

    def request(self, ask: Ask) -> HttpRequest:
        """What to send.

        Raises: ProviderRefused, naming the field, for what this provider cannot be asked.
        """

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """What a response of status 2xx says to what was asked: vendors repeat neither the text nor the picture's size.

        Raises: ProviderBroken when it cannot be understood; what an error inside a 200 means.
        """

    def failure(self, response: HttpResponse) -> HeadworksError:
        """What any other response means to us: facts by status and code, its own text for the log (`reason`) only."""

    def reader(self, ask: Ask) -> Reader:
        """A reader of one streamed response to what was asked."""


class Origin(Struct, frozen=True):
    """Where requests go, and nowhere else: redirects are not followed.

    Shapes: `path` is "" or starts with a slash and does not end with one.
    """

    scheme: str
    host: str
    port: int
    path: str = ""


class Credential(Protocol):
    """What proves to one origin who we are; never part of a URL, a log line or an error."""

    def is_fresh(self, wall_ns: int) -> bool:
        """Whether `signed` can be called now without refreshing first."""

    def refresh(self, wall_ns: int) -> None:
        """Get or mint what `signed` needs; may read files and the network, so never on the loop's thread.

        Raises: ProviderKeyRejected, ProviderUnreachable.
        """

    def signed(self, request: HttpRequest, origin: Origin, wall_ns: int) -> HttpRequest:
        """The request with its proof in the headers."""


class Bound(Struct, frozen=True):
    """An operation, where its requests go, and the credentials that may sign them, first preferred.

    Units: `added_tokens` is the most that the operation says of its own beside what the caller sent.
    """

    operation: Operation
    origin: Origin
    credentials: tuple[Credential, ...]
    added_tokens: int = 0


class ProviderSettings(Struct, frozen=True):
    """One configured provider: its own name, and what its kind reads."""

    name: str
    kind: str
    base_url: str | None = None
    keys: tuple[Secret, ...] = ()
    options: Mapping[str, Any] = {}


class Kind(Protocol):
    """A kind of provider; third parties register theirs as an entry point in group `headworks.providers`."""

    name: str
    options: tuple[str, ...]
    """The settings it reads beside those of every provider."""

    def tasks(self, reference: str) -> tuple[str, ...]:
        """The tasks that `reference` (what follows the provider's name and a slash) can serve; none when it names nothing."""

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The operation that serves a task.

        Raises: ConfigurationRefused: what is missing in the settings, or which tasks and operations there are instead.
        """
