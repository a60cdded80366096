"""From CenterFace's maps to boxes. Source: "CenterFace: Joint Face Detection and Alignment" (Xu et al., 2019)."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# One cell of a map covers four by four pixels.
CELL = 4
OVERLAP = 0.3


def faces_in(heat: Floats, sizes: Floats, offsets: Floats, threshold: float) -> list[tuple[Floats, float]]:
    """Boxes and scores, best first, in pixels of the network's input.

    Shapes: `heat` (h, w); `sizes` and `offsets` (2, h, w), vertical first; a box is xmin, ymin, xmax, ymax.
    """
    rows, columns = np.where(heat > threshold)
    height, width = np.exp(sizes[:, rows, columns]) * CELL
    y, x = (np.stack([rows, columns]) + offsets[:, rows, columns] + 0.5) * CELL
    boxes = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    scores = heat[rows, columns]
    return [(boxes[i], float(scores[i])) for i in apart(boxes, scores)]


def apart(boxes: Floats, scores: Floats, overlap: float = OVERLAP) -> list[int]:
    """Which boxes stay, best first, when of any two that overlap too much only the better one does."""
    left, kept = list(np.argsort(-scores)), []
    while left:
        best, *rest = left
        kept.append(int(best))
        left = [other for other in rest if intersection_over_union(boxes[best], boxes[other]) < overlap]
    return kept


def intersection_over_union(a: Floats, b: Floats) -> float:
    """How much two boxes overlap: 0 apart, 1 the same."""
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = max(0.0, float(width)) * max(0.0, float(height))
    areas = sum(float(np.prod(box[2:] - box[:2])) for box in (a, b))
    return shared / (areas - shared) if areas > shared else 1.0
