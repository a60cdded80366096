"""Text classification by a prompt: the model gives each label a score; together they make 1."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.targets.providers.asked import asked
from headworks.targets.providers.labels import classified
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
READS = frozenset({"labels", "about"})
MAPPING = "labels as configured, `positive`, `negative`, `neutral` unless said; scores made to sum to 1; a label not told scores 0"
LABELS = {"positive": "", "negative": "", "neutral": "neither, or both alike"}


class _Score(Struct, frozen=True, forbid_unknown_fields=True):
    label: str
    score: float


class _Answer(Struct, frozen=True, forbid_unknown_fields=True):
    scores: list[_Score]


_answer = msgspec.json.Decoder(_Answer)


class Classify(Struct, frozen=True):
    """One text among fixed labels."""

    wording: Wording

    def instructed(self, ask: Ask) -> Instructed:
        """The labels and the text."""
        labels = self.wording.labels or LABELS
        system = sentences(
            "Classify the text. Give every label below a score from 0 to 1: how likely it is the right one. The scores sum to 1.",
            self.wording.about,
            listed(labels),
        )
        score = obj(label={"type": "string", "enum": list(labels)}, score={"type": "number"})
        return Instructed(system, [asked(ask).inputs], obj(scores={"type": "array", "items": score}))

    def document(self, ask: Ask, written: Written) -> bytes:
        """Every label with its share.

        Raises: ContractViolation for a label that is not configured or told twice, and where nothing scores.
        """
        told = read(_answer, written).scores
        scores = {one.label: share(one.score) for one in told}
        labels = self.wording.labels or LABELS
        total = sum(scores.values())
        if len(scores) != len(told) or not scores.keys() <= labels.keys() or total <= 0:
            raise unfit("labels are unknown, told twice, or all without a score")
        return classified([(label, scores.get(label, 0.0) / total) for label in labels], asked(ask).wanted)


BUILD = Classify
