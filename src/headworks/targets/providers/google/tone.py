"""Google's tone of a text (score -1 to 1, magnitude 0 and up) as the four labels that the other services answer with.

With t the strength of the text as a whole, |score|, and a the mean strength of its sentences, magnitude / sentences,
both stretched so that 0.25, where the vendor's own documentation draws the line between neutral and not, becomes a half:

    positive = t where score > 0      negative = t where score < 0
    mixed    = what of a the sentences cancel out, a - t, never below 0
    neutral  = the rest, 1 - max(a, t)

The four sum to 1, lie within 0 and 1, and turning the score's sign swaps positive and negative and nothing else.
"""

from __future__ import annotations

from itertools import pairwise

KNOTS = ((0.0, 0.0), (0.25, 0.5), (1.0, 1.0))
"""Strength as the vendor says it, and stretched; straight lines between."""


def labelled(score: float, magnitude: float, sentences: int) -> tuple[tuple[str, float], ...]:
    """The four labels of a text with their scores.

    Units: score -1 to 1; what lies outside is taken as its nearest end.
    """
    whole = stretched(abs(score))
    parts = stretched(magnitude / max(sentences, 1))
    return (
        ("positive", whole if score > 0 else 0.0),
        ("negative", whole if score < 0 else 0.0),
        ("neutral", 1.0 - max(parts, whole)),
        ("mixed", max(parts - whole, 0.0)),
    )


def stretched(strength: float) -> float:
    """A strength of 0 to 1 along the knots."""
    inside = min(max(strength, 0.0), 1.0)
    for (left, low), (right, high) in pairwise(KNOTS):
        if inside <= right:
            return low + (inside - left) * (high - low) / (right - left)
    return 1.0
