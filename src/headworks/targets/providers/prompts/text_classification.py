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
    scored_form,
    scores_of,
    sentences,
    unfit,
)
from headworks.targets.providers.wire import Ask

SAMPLE = b'{"inputs":"a"}'
READS = frozenset({"labels", "about"})
MAPPING = "labels as configured, `positive`, `negative`, `neutral` unless said; scores made to sum to 1"
LABELS = {"positive": "", "negative": "", "neutral": "neither, or both alike"}


class _Answer(Struct, frozen=True, forbid_unknown_fields=True):
    scores: dict[str, float]


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
        return Instructed(system, [asked(ask).inputs], obj(scores=scored_form(labels)))

    def document(self, ask: Ask, written: Written) -> bytes:
        """Every label with its share.

        Raises: ContractViolation where a label is missing or unknown, and where nothing scores.
        """
        scores = scores_of(read(_answer, written).scores, self.wording.labels or LABELS)
        total = sum(scores.values())
        if total <= 0:
            raise unfit("no label scores")
        return classified([(label, score / total) for label, score in scores.items()], asked(ask).wanted)


BUILD = Classify
