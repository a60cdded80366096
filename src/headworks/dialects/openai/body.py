"""JSON bodies of the dialect: one object, its `model`, and what is left of it for the task.

The body is checked whole and handed on by its top-level fields as they came: nothing inside them is written anew.
"""

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from msgspec import DecodeError, Meta, Raw, Struct, ValidationError
from msgspec.json import Decoder, Encoder

from headworks.contract import json_text
from headworks.dialects.native.media import typed
from headworks.errors import CallerError, ContractViolation, FieldError, SchemaViolation, UnsupportedMedia
from headworks.values import Endpoint, RawRequest


class _Named(Struct):
    model: str


class Form(Struct, frozen=True):
    """What the answer must repeat of the request: the `model` as it was asked for, and the call's id.

    `has_usage`: whether a stream tells what it used. `asked` are further fields that the answer repeats. `is_same`:
    whether the endpoint's task has the path's own shape, so that nothing is translated.
    """

    model: str
    request_id: str
    has_usage: bool = False
    asked: Mapping[str, Any] = {}
    is_same: bool = False


_model = Decoder(_Named).decode
_fields = Decoder(dict[str, Raw]).decode
_kind = Decoder(Annotated[str, Meta(pattern=r"^[a-z_.]{1,100}$")]).decode
encode = Encoder().encode


def model_of(raw: RawRequest) -> str:
    """The `model` of a JSON body.

    Raises: UnsupportedMedia (415), NotJson (400), SchemaViolation (422).
    Cost: one pass over the bytes, nothing kept.
    """
    refuse_other(raw)
    try:
        return _model(raw.body).model
    except (DecodeError, ValidationError, UnicodeDecodeError, RecursionError):
        document = object_of(raw)
    found = document.get("model")
    if isinstance(found, str):
        return found
    raise refused("/model", "must name an endpoint" if "model" in document else "is required")


def refuse_other(raw: RawRequest) -> None:
    """Refuse a body of another type, which may be long and is not read.

    Raises: UnsupportedMedia (415).
    """
    content_type = raw.headers.get("content-type", "application/json")
    if content_type != "application/json" and typed(content_type)[0] != "application/json":
        raise UnsupportedMedia("Send application/json.")


def object_of(raw: RawRequest) -> dict[str, Any]:
    """The JSON object that the body holds.

    Raises: UnsupportedMedia (415), NotJson (400), SchemaViolation (422).
    """
    refuse_other(raw)
    document = json_text.decode(raw.body)
    if not isinstance(document, dict):
        raise refused("", "must be of type object")
    return document


def told(document: Mapping[str, Any], answered: Collection[str]) -> dict[str, Any]:
    """The fields that are for the task: those not null and not in `answered`, which the dialect itself obeys."""
    return {name: value for name, value in document.items() if value is not None and name not in answered}


def as_sent(raw: RawRequest, names: Collection[str], beside: Mapping[str, Any] | None = None) -> bytes:
    """A JSON object of these top-level fields of the body, each as it was sent, and of those that came beside it."""
    fields: dict[str, Any] = {name: value for name, value in _fields(raw.body).items() if name in names}
    return encode({**fields, **beside} if beside else fields)


def flag(document: Mapping[str, Any], name: str) -> bool:
    """A field that is true, false, null or absent.

    Raises: SchemaViolation (422).
    """
    value = document.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise refused(f"/{name}", "must be of type boolean")


def serves(endpoint: Endpoint, path: str, *tasks: str) -> None:
    """Refuse an endpoint of another task than the path's.

    Raises: CallerError (400).
    """
    if endpoint.task not in tasks:
        name, wanted = f"{endpoint.name} v{endpoint.version}", " or ".join(tasks)
        raise CallerError(
            f"{name} is no endpoint of task {wanted}, which {path} needs; call it at /api/{endpoint.name}."
        )


def under_its_name(model: str, body: bytes) -> bytes:
    """A target's answer as it came, but under the `model` that was asked for.

    Raises: ContractViolation (502).
    """
    return encode({**fields_of(body), "model": model})


def fields_of(document: bytes) -> dict[str, Raw]:
    """The top-level fields of a target's answer, as they came.

    Raises: ContractViolation (502).
    """
    try:
        return _fields(document)
    except (DecodeError, ValidationError) as error:
        raise ContractViolation(reason=f"a target's answer is no JSON object: {error}") from None


def event_kind(fields: Mapping[str, Raw]) -> str:
    """The type that a target's event names itself by.

    Raises: ContractViolation (502).
    """
    try:
        kind: str = _kind(fields.get("type", Raw(b"null")))
    except (DecodeError, ValidationError):
        raise ContractViolation(reason="a target's event has no type") from None
    return kind


def refused(pointer: str, text: str) -> SchemaViolation:
    """The refusal of one field."""
    return SchemaViolation(errors=(FieldError(pointer, text),))
