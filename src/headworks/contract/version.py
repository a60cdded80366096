"""What may change inside a published version: its request may take more, its reply may give less, never the reverse.

The rules stand in docs/reference/compatibility.md; RULES names each.
"""

from collections.abc import Mapping

from msgspec import Struct

from headworks.contract.plain import Gap, Node
from headworks.contract.schema import Contract, JsonObject
from headworks.contract.within import Within

Interface = tuple[JsonObject, JsonObject, bool, bool]

RULES: Mapping[str, str] = {
    "type": "type",
    "values": "allowed values",
    "minimum": "lower bound",
    "maximum": "upper bound",
    "multipleOf": "step",
    "minLength": "shortest length",
    "maxLength": "longest length",
    "pattern": "pattern",
    "format": "format",
    "encoding": "encoding",
    "minItems": "fewest items",
    "maxItems": "most items",
    "uniqueItems": "repeated items",
    "minProperties": "fewest fields",
    "maxProperties": "most fields",
    "required": "field's presence",
    "field-removed": "field",
    "field-added": "field",
    "union": "alternatives",
    "not-comparable": "keyword that cannot be compared",
    "batch": "array of inputs",
    "stream": "streaming",
    "version-removed": "version",
}
"""Each rule, with the word for what changed."""


class Change(Struct, frozen=True):
    """One change that breaks a published version: on which side, where in a document, by which rule."""

    side: str
    pointer: str
    rule: str
    message: str


def changes(old: Contract, new: Contract) -> list[Change]:
    """What breaks callers of `old` when it becomes `new`; empty when nothing does.

    With none, every request valid before is valid after, and every reply valid after was valid before.
    """
    return interface_changes(
        (old.request.json, old.reply.json, old.is_batch, old.is_stream),
        (new.request.json, new.reply.json, new.is_batch, new.is_stream),
    )


def interface_changes(old: Interface, new: Interface) -> list[Change]:
    """The same of bare schemas: request, reply, whether arrays of inputs are taken, whether replies stream."""
    found = request_changes(old[0], new[0])
    if old[2] and not new[2]:
        found.append(Change("request", "", "batch", "arrays of inputs were answered and no longer are"))
    if old[3] != new[3]:
        said = "was streamed and no longer is" if old[3] else "is streamed now: its JSON form becomes an array"
        found.append(Change("reply", "", "stream", f"the reply {said}"))
    return found + reply_changes(old[1], new[1])


def request_changes(old: JsonObject, new: JsonObject) -> list[Change]:
    """What breaks callers that send what the old request schema accepts."""
    gaps = Within(is_request=True, keeps_fields=True).gaps(Node(old, old), Node(new, new))
    return [_change("request", gap, was=gap.inner, now=gap.outer) for gap in _distinct(gaps)]


def reply_changes(old: JsonObject, new: JsonObject) -> list[Change]:
    """What breaks callers that read what the old reply schema promises."""
    gaps = Within(is_request=False, keeps_fields=True).gaps(Node(new, new), Node(old, old))
    return [_change("reply", gap, was=gap.outer, now=gap.inner) for gap in _distinct(gaps)]


def serves(
    task: tuple[JsonObject, JsonObject],
    announced: tuple[JsonObject, JsonObject],
) -> list[Change]:
    """Why a model with the announced request and reply schemas cannot serve a task; empty when it can.

    It must accept every request of the task, and give no reply outside the task's.
    """
    requests = Within(is_request=True, keeps_fields=False).gaps(
        Node(task[0], task[0]), Node(announced[0], announced[0])
    )
    replies = Within(is_request=False, keeps_fields=False).gaps(
        Node(announced[1], announced[1]), Node(task[1], task[1])
    )
    return [
        *(Change("request", g.pointer, g.rule, _compared(g, "the task", "the model")) for g in _distinct(requests)),
        *(Change("reply", g.pointer, g.rule, _compared(g, "the model", "the task")) for g in _distinct(replies)),
    ]


def _change(side: str, gap: Gap, was: str, now: str) -> Change:
    if gap.rule == "not-comparable":
        return Change(side, gap.pointer, gap.rule, f"{gap.outer}: changed in a way that cannot be shown to be safe")
    return Change(side, gap.pointer, gap.rule, f"{RULES[gap.rule]}: was {was}, is now {now}")


def _compared(gap: Gap, inner: str, outer: str) -> str:
    if gap.rule == "not-comparable":
        return f"{gap.outer}: cannot be shown to match"
    return f"{RULES[gap.rule]}: {gap.inner} in {inner}, {gap.outer} in {outer}"


def _distinct(gaps: list[Gap]) -> list[Gap]:
    return list(dict.fromkeys(gaps))
