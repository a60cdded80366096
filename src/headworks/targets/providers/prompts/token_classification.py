"""Token classification by a prompt: the model copies each mention, and its place is found here, in code points."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from headworks.contract.tasks.token_classification import Entity
from headworks.targets.providers.asked import asked
from headworks.targets.providers.labels import ENTITY_GROUPS, entities
from headworks.targets.providers.prompts.wording import (
    Instructed,
    Wording,
    Written,
    listed,
    obj,
    read,
    sentences,
    share,
    unfit,
)
from headworks.targets.providers.wire import Ask

SAMPLE = b'{"inputs":"a"}'
READS = frozenset({"labels", "threshold", "about"})
MAPPING = (
    "groups as configured, those of the table of entity groups unless said; each mention is looked for in the text here, in reading order "
    "and as a whole word first; one that is not in the text breaks the answer"
)
GROUPS = dict.fromkeys(sorted(set(ENTITY_GROUPS.values())), "")
Span = tuple[int, int]
MOST_MENTIONS = 1_000
MOST_LOOKS = 64
"""Occurrences of a mention that are looked at on either side of the one before it: what a text can cost is bounded."""


class _Mention(Struct, frozen=True, forbid_unknown_fields=True):
    text: str
    group: str
    score: float


class _Answer(Struct, frozen=True, forbid_unknown_fields=True):
    entities: Annotated[list[_Mention], Meta(max_length=MOST_MENTIONS)]


_answer = msgspec.json.Decoder(_Answer)


class FindEntities(Struct, frozen=True):
    """The entities of one text."""

    wording: Wording

    def instructed(self, ask: Ask) -> Instructed:
        """The groups and the text."""
        groups = self.wording.labels or GROUPS
        system = sentences(
            "Find every mention in the text that belongs to one of the groups below. List each mention in the order of the text, as often as "
            "it occurs. Copy it exactly as it is written there, letter by letter. The score, from 0 to 1, says how sure you are. "
            "Where there is none, list none.",
            self.wording.about,
            listed(groups),
        )
        mention = obj(text={"type": "string"}, group={"type": "string", "enum": list(groups)}, score={"type": "number"})
        return Instructed(system, [asked(ask).inputs], obj(entities={"type": "array", "items": mention}))

    def document(self, ask: Ask, written: Written) -> bytes:
        """Each mention at its place; one told more often than it stands in the text counts once a place.

        Raises: ContractViolation for a group that is not configured and for a mention that is not in the text.
        """
        row, groups = asked(ask), self.wording.labels or GROUPS
        told = read(_answer, written).entities
        if any(one.group not in groups or not one.text for one in told):
            raise unfit("an unknown group or an empty mention")
        wanted = row.wanted
        if wanted.threshold is None:
            wanted = replace(wanted, threshold=self.wording.threshold)
        return entities(_placed(row.inputs, told), wanted)


BUILD = FindEntities


def _placed(text: str, told: list[_Mention]) -> Iterator[Entity]:
    taken = bytearray(len(text))
    cursor = 0
    for one in told:
        if one.text not in text:
            raise unfit("a mention that is not in the text")
        span = _place(text, one.text, cursor, taken)
        if span is None:
            continue
        cursor = span[1]
        taken[span[0] : span[1]] = b"\1" * len(one.text)
        yield Entity(one.group, share(one.score), one.text, *span)


def _place(text: str, word: str, cursor: int, taken: bytearray) -> Span | None:
    """Where a mention stands: as a whole word, else within one; after the mention before it, else anywhere; never on another."""
    further = [span for start in (cursor, 0) for span in islice(_occurrences(text, word, start), MOST_LOOKS)]
    free = [span for span in further if 1 not in taken[span[0] : span[1]]]
    return next((span for span in free if _is_word(text, span)), free[0] if free else None)


def _occurrences(text: str, word: str, start: int) -> Iterator[Span]:
    at = text.find(word, start)
    while at >= 0:
        yield at, at + len(word)
        at = text.find(word, at + len(word))


def _is_word(text: str, span: Span) -> bool:
    """Whether no letter or digit of the mention goes on beside it."""
    start, end = span
    goes_left = start > 0 and text[start - 1].isalnum() and text[start].isalnum()
    goes_right = end < len(text) and text[end].isalnum() and text[end - 1].isalnum()
    return not goes_left and not goes_right
