"""What an endpoint says beside its contract and targets, where it takes more than a field: kept answers, targets that do worse."""

from __future__ import annotations

from math import inf

from msgspec import Struct


class CachePolicy(Struct, frozen=True):
    """How long one and the same call is given the same answer, and how much longer when nothing else answers."""

    fresh_s: float
    stale_s: float = 0.0
    semantic: SemanticPolicy | None = None


class Freshness(Struct, frozen=True):
    """What a caller allows of kept answers: to be given one, of what age, and that its own is kept."""

    may_read: bool = True
    may_keep: bool = True
    max_age_s: float = inf


class OutlierPolicy(Struct, frozen=True):
    """When one of several targets that share the calls is an outlier, and how long it is then asked last.

    Shapes: a target is judged by at least `least_calls` of the last `window_s`, against at least `least_targets - 1` others
    with as many. It fails too often when its share of failures exceeds theirs by `worse_by` and by `deviations` standard
    deviations of that difference; it is too slow when it takes `slower` times as long (None: never). Never more than
    `most_out` of all are out, but always one may be, and one is left. Each time that one is out again before it was found to
    be well, it is out twice as long.
    """

    window_s: float = 30.0
    least_calls: int = 20
    least_targets: int = 2
    worse_by: float = 0.2
    deviations: float = 3.0
    slower: float | None = None
    most_out: float = 0.5
    out_s: float = 30.0
    longest_out_s: float = 300.0


class SemanticPolicy(Struct, frozen=True):
    """When an answer to a similar question is given: how similar, which vectors say so, and what may never be taken for alike.

    Shapes: `threshold` is a cosine. A question longer than `longest` characters is not compared: models read so much of a
    text and no more, and then take two for the same that differ behind it. Questions that differ in a number or in one of the
    words that tell them `apart` are never alike. At most `entries` are kept that differ in nothing but the question.
    """

    threshold: float = 0.95
    timeout_s: float = 0.5
    longest: int = 500
    entries: int = 1000
    apart: frozenset[str] = frozenset()
