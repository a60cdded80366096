"""Recommendation: films for a user, learnt from 100,004 real ratings; streamed, they come one by one."""

from collections.abc import Iterator

import numpy as np

import headworks
from headworks import tasks

from .places import MODELS


class Recommend(headworks.Model):
    """The films a user is likeliest to watch next; for an unknown user, what most people watch."""

    examples = [tasks.recommendation.Request(user="15", k=3)]

    def load(self) -> None:
        with np.load(MODELS / "recommend.npz") as saved:
            self.films, self.titles = saved["films"].tolist(), saved["titles"].tolist()
            self.seen, self.weights = saved["seen"], saved["weights"]
            self.rows = {user: row for row, user in enumerate(saved["users"].tolist())}
        self.popularity = self.seen.mean(axis=0)

    def predict(self, request: tasks.recommendation.Request) -> Iterator[tasks.recommendation.Item]:
        row = self.rows.get(request.user)
        scores = self.popularity if row is None else self.seen[row].astype(np.float32) @ self.weights
        skipped = set(request.exclude)
        left = request.k
        for place in np.argsort(-scores):
            if left == 0:
                return
            if (row is not None and self.seen[row, place]) or self.films[place] in skipped:
                continue
            left -= 1
            yield tasks.recommendation.Item(
                item=self.films[place], title=self.titles[place], score=float(scores[place])
            )
