"""S2, a real scikit-learn model: 30 features in, the probability of a benign tumour out."""

from typing import Annotated

import msgspec

import headworks


class Features(msgspec.Struct):
    """The measurements of one sample, in scikit-learn's order."""

    x: Annotated[list[float], msgspec.Meta(min_length=30, max_length=30)]


class Probability(msgspec.Struct):
    """How likely the sample is benign."""

    probability: float


class Cancer(headworks.Model):
    """Logistic regression over scaled features."""

    def load(self) -> None:
        """Train in the worker; the front never imports scikit-learn."""
        from cancer import trained

        self.pipeline = trained()

    def predict(self, batch: list[Features]) -> list[Probability]:
        """One probability a row, all rows in one call."""
        chances = self.pipeline.predict_proba([row.x for row in batch])[:, 1]
        return [Probability(chance) for chance in chances.tolist()]
