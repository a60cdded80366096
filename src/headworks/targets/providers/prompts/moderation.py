"""Moderation by a prompt: the model gives each category a score for each text; whether it is found is decided here."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.contract.tasks.moderation import Verdict
from headworks.targets.providers.moderating import FLAGGED_FROM, judged, texts_to_judge, verdict
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

SAMPLE = b'{"input":"a"}'
READS = frozenset({"labels", "threshold", "about"})
MAPPING = "categories as configured, six usual ones unless said; found from the configured `threshold`, 0.5 unless said; up to 20 texts"
MOST_TEXTS = 20
CATEGORIES = {
    "harassment": "insults, threatens or torments somebody",
    "hate": "demeans people for what they are: origin, religion, sex, disability and the like",
    "illicit": "tells how to do what the law forbids or what harms others",
    "self-harm": "encourages, describes or announces harm to oneself",
    "sexual": "is meant to arouse, or offers sex",
    "violence": "describes or glorifies death or injury",
}


class _Answer(Struct, frozen=True, forbid_unknown_fields=True):
    verdicts: dict[str, dict[str, float]]


_answer = msgspec.json.Decoder(_Answer)


class Judge(Struct, frozen=True):
    """What is harmful in texts."""

    wording: Wording

    def instructed(self, ask: Ask) -> Instructed:
        """The categories and the texts.

        Raises: ProviderRefused for pictures, and for more texts than are judged at once.
        """
        categories = self.wording.labels or CATEGORIES
        texts = texts_to_judge(ask, MOST_TEXTS)
        system = sentences(
            f"Judge {'the text' if len(texts) == 1 else f'each of the {len(texts)} texts on its own'}. Give one verdict a text, numbered in their order. "
            "In it, give every category below a score from 0 to 1: how surely the text does that itself. To quote, report or "
            "oppose it is not to do it.",
            self.wording.about,
            listed(categories),
        )
        verdicts = obj(**{name: scored_form(categories) for name in _names(len(texts))})
        return Instructed(system, texts, obj(verdicts=verdicts))

    def document(self, ask: Ask, written: Written) -> bytes:
        """One verdict a text.

        Raises: ContractViolation where a verdict or a category is missing or unknown.
        """
        told, names = read(_answer, written).verdicts, _names(len(texts_to_judge(ask, MOST_TEXTS)))
        if told.keys() != set(names):
            raise unfit("not one verdict a text")
        return judged([self._verdict(told[name]) for name in names], written.model)

    def _verdict(self, told: dict[str, float]) -> Verdict:
        least = FLAGGED_FROM if self.wording.threshold is None else self.wording.threshold
        return verdict(scores_of(told, self.wording.labels or CATEGORIES), flagged_from=least)


BUILD = Judge


def _names(texts: int) -> list[str]:
    return [f"text_{number}" for number in range(1, texts + 1)]
