"""One message of a WebSocket's client, read: a call, a cancel, or the key. Format: docs/reference/http-guards.md."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, ValidationError
from msgspec.json import Decoder

from headworks.contract.json_text import pairs_in
from headworks.errors import Malformed, NotJson

_Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Field = Annotated[str, Meta(pattern=r"^[\x21-\x7e\xa0-\xff]([\x20-\x7e\xa0-\xff]{0,510}[\x21-\x7e\xa0-\xff])?$")]


class Message(Struct, frozen=True, forbid_unknown_fields=True):
    """One message of a client: a call, a cancel, or the key."""

    id: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    input: Raw | UnsetType = UNSET
    endpoint: _Name | None = None
    version: Annotated[int, Meta(ge=1, le=999_999_999)] | None = None
    deadline_ms: Annotated[int, Meta(ge=1, le=86_400_000)] | None = None
    stream: bool = False
    subject: _Field | None = None
    idempotency_key: _Field | None = None
    cancel: int | None = None
    authorization: _Field | None = None


_decode = Decoder(Message).decode
_fields = Decoder(dict[str, Raw]).decode


def message_of(text: bytes) -> Message:
    """The message in a text; its input is left as it stands, for the call to read.

    Raises: Malformed, NotJson.
    """
    try:
        message = _decode(text)
    except ValidationError as error:
        raise Malformed(f"The message is not as it must be: {error}") from None
    except (ValueError, RecursionError):
        raise NotJson("A message must be one JSON object, and no deep one") from None
    if _repeats(text, message):
        raise NotJson("A key stands twice in the message; keep one of them")
    return message


def _repeats(text: bytes, message: Message) -> bool:
    """Whether a key of the message stands twice: the decoder took the last one.

    All but the input are no objects, so the pairs outside the input that was taken are those of the message itself and
    of an input that was not. Where they are as many as its keys even with colons in strings counted, none is repeated.
    Cost: 1 µs, and where a string outside the input holds a colon a look at every byte.
    """
    taken = b"" if isinstance(message.input, UnsetType) else bytes(message.input)
    keys = len(_fields(text))
    return text.count(b":") - taken.count(b":") != keys and pairs_in(text) - pairs_in(taken) != keys
