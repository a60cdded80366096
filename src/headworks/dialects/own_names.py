"""A refusal of the task's request in the words that the caller used: pointers into what was sent, not into what was made of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headworks.contract.schema import Schema
from headworks.errors import FieldError, SchemaViolation

Rename = Callable[[str], str]


def check(schema: Schema, asked: Any, own: Rename) -> None:
    """Refuse what does not fit the task, each field under the caller's own pointer to it.

    Raises: SchemaViolation (422).
    """
    try:
        schema.check(asked)
    except SchemaViolation as refusal:
        errors = tuple(FieldError(own(each.pointer), each.message) for each in refusal.errors)
        raise SchemaViolation(errors=errors) from None


def renamed(pointer: str, names: Mapping[str, str], origins: Callable[[], Sequence[str]]) -> str:
    """A pointer into a chat as one into what the chat was made of.

    Shapes: `names` are the caller's by the task's, the longest that fits; `origins` gives a pointer for every message.
    """
    head = pointer.removeprefix("/messages/").partition("/")[0]
    if pointer.startswith("/messages/") and head.isdigit():
        places = origins()
        return places[int(head)] if int(head) < len(places) else pointer
    at = pointer.split("/")
    if at[1:2] == ["tools"] and at[3:4] == ["function"]:
        field = "/".join(["", *at[4:]])
        return "/".join(at[:3]) + named(field, names)
    return named(pointer, names)


def named(pointer: str, names: Mapping[str, str]) -> str:
    """A pointer under the name that fits it best, or as it is."""
    best = max((name for name in names if pointer == name or pointer.startswith(f"{name}/")), key=len, default=None)
    return pointer if best is None else names[best] + pointer.removeprefix(best)
