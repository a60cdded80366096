"""From a validation library's error to our FieldErrors: where, as an RFC 6901 pointer, and what would be right."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from headworks.contract.schema import LONGEST_MESSAGE, MOST_ERRORS, pointer_of
from headworks.errors import FieldError

_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_AT = re.compile(r"^(?P<text>.*) - at `(?:key` in `)?\$(?P<path>[^`]*)`$", re.DOTALL)
_TELLS_VALUE = re.compile(r"^Invalid (enum )?value ")


def from_msgspec(error: msgspec.DecodeError) -> FieldError:
    """The one error msgspec reports; below a mapping the pointer is the mapping's own, for msgspec hides the key."""
    text = str(error)
    match = _AT.match(text)
    path = ""
    if match:
        text, path = match["text"], match["path"].partition("[...]")[0]
    steps = [name or int(index) for name, index in _STEP.findall(path)]
    return FieldError(pointer_of(steps), without_value(text)[:LONGEST_MESSAGE])


def without_value(text: str) -> str:
    """A message of msgspec without the value that came, which some of them quote."""
    if _TELLS_VALUE.match(text):
        return "is not one of the allowed values"
    return "is not valid base64" if text == "Invalid base64 encoded string" else text


def from_pydantic(errors: Iterable[Mapping[str, Any]], document: object) -> tuple[FieldError, ...]:
    """Every error pydantic reports; its own marks for branches of a union are left out of the pointers."""
    found: dict[FieldError, None] = {}
    for error in errors:
        steps = _real_steps(error["loc"], document, is_missing=error["type"] == "missing")
        message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        found[FieldError(pointer_of(steps), message[:LONGEST_MESSAGE])] = None
        if len(found) >= MOST_ERRORS:
            break
    return tuple(found)


def _real_steps(location: tuple[str | int, ...], document: object, *, is_missing: bool) -> list[str | int]:
    steps: list[str | int] = []
    for position, step in enumerate(location):
        is_last = position == len(location) - 1
        if isinstance(document, Mapping) and (step in document or (is_last and is_missing)):
            steps.append(step)
            document = document.get(step)
        elif isinstance(document, list) and isinstance(step, int) and step < len(document):
            steps.append(step)
            document = document[step]
    return steps


def with_whole_numbers(document: Any) -> tuple[Any, bool]:
    """The document with every whole float (1.0, 1e2) as an integer, and whether anything changed.

    JSON Schema counts 1.0 as an integer, the decoders do not; both mean the same number.
    """
    if type(document) is float and document.is_integer():
        return int(document), True
    if isinstance(document, list):
        changed = [with_whole_numbers(item) for item in document]
        return [item for item, _ in changed], any(is_new for _, is_new in changed)
    if isinstance(document, dict):
        fields = {name: with_whole_numbers(value) for name, value in document.items()}
        return {name: value for name, (value, _) in fields.items()}, any(is_new for _, is_new in fields.values())
    return document, False


def holds_nan(value: Any) -> bool:
    """Whether a value of plain Python objects holds NaN or an infinity, which JSON cannot say."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(holds_nan(inner) for inner in value.values())
    return isinstance(value, list | tuple | set | frozenset) and any(holds_nan(inner) for inner in value)


def beyond_floats(document: Any, at: str = "") -> str | None:
    """The pointer of the first whole number that no float can hold, if there is one."""
    if isinstance(document, int):
        return at if abs(document) > sys.float_info.max else None
    inner: Iterable[tuple[str | int, Any]] = ()
    if isinstance(document, dict):
        inner = document.items()
    elif isinstance(document, list):
        inner = enumerate(document)
    found = (beyond_floats(value, pointer_of([step], at)) for step, value in inner)
    return next((pointer for pointer in found if pointer is not None), None)
