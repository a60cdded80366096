"""What a mapping declares: one operation a name, its texts checked by type here and by grammar in `operation`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from headworks.errors import (
    ContentRefused,
    ContextTooLong,
    HeadworksError,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnable,
)

Expression = Annotated[str, Meta(min_length=1, max_length=4000)]
FieldName = Annotated[str, Meta(pattern="^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
FieldText = Annotated[str, Meta(pattern="^[\\x20-\\x7e]*$", max_length=1000)]
Meaning = Literal["busy", "content", "down", "key", "refused", "timeout", "too_long", "unable", "broken"]

MEANINGS: Mapping[str, type[HeadworksError]] = {
    "busy": ProviderBusy,
    "content": ContentRefused,
    "down": ProviderDown,
    "key": ProviderKeyRejected,
    "refused": ProviderRefused,
    "timeout": ProviderTimeout,
    "too_long": ContextTooLong,
    "unable": ProviderUnable,
    "broken": ProviderBroken,
}


class Counted(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an answer says what it used: expressions over it."""

    input_tokens: Expression | None = None
    output_tokens: Expression | None = None
    images: Expression | None = None
    characters: Expression | None = None
    seconds: Expression | None = None


class Declared(Struct, frozen=True, forbid_unknown_fields=True):
    """One operation.

    Shapes: `path` may hold `{expression}` over the row. `request` makes the JSON body of the row, the row itself unless said;
    with `body: picture` the picture goes as it is. `reply` makes the task's reply of the answer; `error` gives the code of an
    error, in any answer, and nothing where there is none. `errors` says what statuses and codes mean.
    """

    task: str
    path: Annotated[str, Meta(pattern="^/", max_length=2000)]
    reply: Expression
    method: Literal["GET", "POST", "PUT"] = "POST"
    headers: dict[FieldName, FieldText] = {}
    request: Expression | None = None
    body: Literal["json", "picture", "none"] = "json"
    error: Expression | None = None
    errors: dict[str, Meaning] = {}
    usage: Counted = Counted()
    model: Annotated[str, Meta(max_length=200)] = ""


class Auth(Struct, frozen=True, forbid_unknown_fields=True):
    """The header field that the key goes into, and what stands before it."""

    field: FieldName = "authorization"
    prefix: FieldText = "Bearer "


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """The operations there are, by the name that a target writes after the slash, and how the key is sent."""

    operations: dict[str, Declared] = {}
    auth: Auth = Auth()
