"""Labels and entities as the tasks answer them, from whatever order, scale and names a service has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from headworks.contract.tasks.text_classification import Label
from headworks.contract.tasks.token_classification import Entity
from headworks.targets.providers.asked import Parameters

_encode = msgspec.json.Encoder().encode

ENTITY_GROUPS: Mapping[str, str] = {
    "PERSON": "PERSON",
    "PER": "PERSON",
    "LOCATION": "LOCATION",
    "LOC": "LOCATION",
    "ADDRESS": "LOCATION",
    "ORGANIZATION": "ORGANIZATION",
    "ORG": "ORGANIZATION",
    "COMMERCIAL_ITEM": "PRODUCT",
    "CONSUMER_GOOD": "PRODUCT",
    "EVENT": "EVENT",
    "TITLE": "WORK",
    "WORK_OF_ART": "WORK",
    "DATE": "DATE",
    "QUANTITY": "QUANTITY",
    "NUMBER": "QUANTITY",
    "PRICE": "QUANTITY",
    "PHONE_NUMBER": "PHONE",
    "OTHER": "OTHER",
    "MISC": "OTHER",
}
"""A service's general kind of entity and ours; a kind of a model's own keeps its name."""


def classified(pairs: Iterable[tuple[str, float]], wanted: Parameters) -> bytes:
    """The reply of a classification: best first, equals by name, at most `top_k`."""
    ranked = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
    return _encode([Label(label, score) for label, score in ranked[: wanted.top_k]])


def entities(found: Iterable[Entity], wanted: Parameters) -> bytes:
    """The reply of token classification: in reading order, without what was not wanted."""
    left_out = frozenset(wanted.ignore_labels or ())
    least = wanted.threshold or 0.0
    kept = [entity for entity in found if entity.score >= least and entity.entity_group not in left_out]
    return _encode(sorted(kept, key=lambda entity: (entity.start, entity.end)))
