"""Trains the film recommender on 100,004 real ratings, and measures it against recommending what is popular.

Source: "Embarrassingly Shallow Autoencoders for Sparse Data" (Steck, 2019): one matrix inversion, no tuning but one number.
"""

import lzma
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .pickled import Array, read_table

FEWEST_RATINGS = 10
REGULARISATION = 100.0

Floats = NDArray[np.float32]


def film_weights(seen: Floats) -> Floats:
    """What having seen one film (row) says for each other film (column)."""
    overlap = seen.T.astype(np.float64) @ seen
    overlap[np.diag_indices_from(overlap)] += REGULARISATION
    inverse = np.linalg.inv(overlap)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights.astype(np.float32)


def hit_rate(scores: Floats, seen: Floats, held_back: NDArray[np.int64], k: int = 10) -> float:
    """How often the film a user rated last is among the k best of those not seen before."""
    best = np.argsort(-np.where(seen > 0, -np.inf, scores), axis=1)[:, :k]
    return float(np.mean((best == held_back[:, None]).any(axis=1)))


def seen_matrix(users: Array, films: Array, known: NDArray[np.int64]) -> Floats:
    """Users by known films: 1 where the user rated the film."""
    seen = np.zeros((int(users.max()) + 1, len(known)), np.float32)
    place = np.searchsorted(known, films).clip(max=len(known) - 1)
    inside = known[place] == films
    seen[users[inside], place[inside]] = 1.0
    return seen


def train(ratings: Path, to: Path) -> dict[str, float]:
    """Fit on all ratings and save; measure on a fit that never saw each user's last rating."""
    table = read_table(lzma.decompress(ratings.read_bytes()))
    order = np.lexsort((table["timestamp"], table["userId"]))
    films, titles, years = (table[name][order] for name in ("movieId", "title", "year"))
    names, users = np.unique(table["userId"][order], return_inverse=True)

    last = np.append(users[1:] != users[:-1], True)
    known = frequent(films[~last])
    seen = seen_matrix(users[~last], films[~last], known)
    kept = np.array([{film: place for place, film in enumerate(known)}.get(film, -1) for film in films[last]])
    popular = np.broadcast_to(seen.sum(axis=0), seen.shape)
    measured = {
        "ratings": float(len(films)),
        "hit rate at 10": hit_rate(seen @ film_weights(seen), seen, kept),
        "hit rate at 10, popularity": hit_rate(popular, seen, kept),
    }

    known = frequent(films)
    seen = seen_matrix(users, films, known)
    first = {film: place for place, film in reversed(list(enumerate(films)))}
    shown = [f"{titles[first[film]]} ({years[first[film]]:.0f})" for film in known]
    np.savez(
        to,
        users=names.astype(str),
        films=known.astype(str),
        titles=np.array(shown),
        seen=seen.astype(np.bool_),
        weights=film_weights(seen),
    )
    return measured


def frequent(films: Array) -> NDArray[np.int64]:
    """The films with enough ratings to say something about them."""
    known, counts = np.unique(films, return_counts=True)
    return known[counts >= FEWEST_RATINGS]
