"""The lines that a batch is made of, looked at before they are sent: which models they name, and what they may need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Raw, Struct
from msgspec.json import Decoder, Encoder

from headworks.contract import json_text
from headworks.contract.tasks import completion
from headworks.contract.tasks.unbounded import weight_of
from headworks.errors import FieldError, NotJson, SchemaViolation
from headworks.owing import Needs
from headworks.targets.providers.things import names_in

ModelOf = Callable[[str], str | None]
"""The provider's model that a name in a line stands for; None for one that the caller may not use."""

TASKS: Mapping[str, str] = {
    "chat/completions": "chat",
    "completions": "completion",
    "embeddings": "embeddings",
    "moderations": "moderation",
    "responses": "responses",
}
"""By what a line's `url` ends in: what it asks for. What else there is (pictures, videos) is not billed by the token alone."""
_CAPS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_TIMES = ("n", "best_of")
MOST_ANSWERS, MOST_CAP = 10_000, 10**8
"""Of one line; beyond them nothing is a bound, and no sum overflows."""

_raws = Decoder(dict[str, Raw]).decode
_encode = Encoder().encode


class Lines(Struct, frozen=True):
    """A file of lines as it may be sent: `content` has the provider's names, `needs` are by model, `names` may be those of things."""

    content: bytes
    needs: Mapping[str, Needs]
    names: set[str]


def read_lines(content: bytes, model_of: ModelOf) -> Lines:
    """The lines of a batch's input; those that name an endpoint are told in its model's name, all others stay as they came.

    Raises: SchemaViolation (422), with the number of the first line that cannot be read or names no model of the caller's.
    Cost: some 20 ms a megabyte of short lines; off the loop's thread.
    """
    known: dict[str, str | None] = {}
    needs: dict[str, Needs] = {}
    names: set[str] = set()
    lines = content.split(b"\n")
    is_told = False
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        document, body = _read(line, number)
        said = body["model"]
        if said not in known:
            known[said] = model_of(said)
        model = known[said]
        if model is None:
            raise _wrong(number, "names a model that is none of this key's")
        if model != said:
            lines[number - 1] = _renamed(line, model)
            is_told = True
        needs[model] = needs.get(model, Needs()).and_also(_needed(document.get("url"), body))
        names |= names_in({**document, "body": {**body, "model": None}})
    return Lines(b"\n".join(lines) if is_told else content, needs, names)


def _read(line: bytes, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A line and its body.

    Raises: SchemaViolation (422).
    """
    try:
        document = json_text.decode(line)
    except NotJson as error:
        raise _wrong(number, f"cannot be read: {error.detail}") from None
    if not isinstance(document, dict):
        raise _wrong(number, "must be a JSON object")
    body = document.get("body")
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise _wrong(number, "must name a model, as body.model")
    return document, body


def _renamed(line: bytes, model: str) -> bytes:
    """The line with another model; all else as it came."""
    fields = _raws(line)
    body = _raws(fields["body"])
    body["model"] = Raw(_encode(model))
    fields["body"] = Raw(_encode(body))
    return _encode(fields)


def _needed(url: Any, body: Mapping[str, Any]) -> Needs:
    """The most that one line may use."""
    task = TASKS.get(url.rpartition("v1/")[2].strip("/")) if isinstance(url, str) else None
    document = _encode(body)
    weight = weight_of(task, document)
    answers = _answers(body)
    if task is None or weight.beyond or answers is None:
        return Needs(len(document), is_open=True)
    plain = Needs(len(document), weight.pictures, int(weight.has_tools))
    if task in {"embeddings", "moderation"}:
        return plain
    cap = next((body[name] for name in _CAPS if body.get(name) is not None), None)
    if cap is None:
        return plain.and_also(Needs(uncapped=answers))
    if not isinstance(cap, int) or not 0 <= cap <= MOST_CAP:
        return Needs(len(document), is_open=True)
    return plain.and_also(Needs(output_tokens=cap * answers))


def _answers(body: Mapping[str, Any]) -> int | None:
    """How many answers a line asks for; None where that cannot be told."""
    said: list[int] = [body[name] for name in _TIMES if body.get(name) is not None]
    if any(not isinstance(each, int) or not 0 < each <= MOST_ANSWERS for each in said):
        return None
    return max([1, *said]) * completion.beginnings(body.get("prompt"))


def _wrong(number: int, message: str) -> SchemaViolation:
    return SchemaViolation(errors=(FieldError("/file", f"line {number} {message}"),))
