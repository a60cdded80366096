"""Predictive analytics: how likely a loan is to go bad. One row, many rows or CSV: the model always sees a batch."""

from typing import Annotated, Literal

import msgspec
import numpy as np
import skops.io

import headworks
from headworks import tasks

from .places import MODELS

Amount = Annotated[float, msgspec.Meta(ge=0)]


class Application(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One loan application, in the columns and units of the data set it was learnt from."""

    seniority: Annotated[int, msgspec.Meta(ge=0, le=60, description="years in the job")]
    time: Annotated[int, msgspec.Meta(ge=1, le=120, description="months to pay the loan back")]
    age: Annotated[int, msgspec.Meta(ge=18, le=100)]
    expenses: Amount
    amount: Annotated[float, msgspec.Meta(gt=0, description="amount asked for")]
    price: Annotated[float, msgspec.Meta(gt=0, description="price of the goods")]
    records: Literal["no", "yes"]
    income: Amount | None = None
    assets: Amount | None = None
    debt: Amount | None = None
    home: Literal["owner", "rent", "parents", "priv", "ignore", "other"] | None = None
    marital: Literal["married", "single", "separated", "divorced", "widow"] | None = None
    job: Literal["fixed", "freelance", "partime", "others"] | None = None


CATEGORIES = ("home", "marital", "records", "job")
AMOUNTS = tuple(name for name in Application.__struct_fields__ if name not in CATEGORIES)


class CreditRisk(headworks.Model):
    """A scorecard: every amount in ten bins, weighted by logistic regression."""

    examples = [Application(9, 60, 30, 73, 800, 846, "no", 129, 0, 0, "rent", "married", "freelance")]

    def load(self) -> None:
        self.pipeline = skops.io.load(MODELS / "credit.skops", trusted=["numpy.dtype"])
        self.labels: list[str] = self.pipeline.classes_.tolist()

    def predict(self, batch: list[Application]) -> list[tasks.tabular_classification.Reply]:
        rows = np.array([row_of(application) for application in batch], dtype=object)
        return [self.reply(shares) for shares in self.pipeline.predict_proba(rows).tolist()]

    def reply(self, shares: list[float]) -> tasks.tabular_classification.Reply:
        """The likelier outcome, with the probability of each."""
        probabilities = dict(zip(self.labels, shares, strict=True))
        label = max(self.labels, key=probabilities.__getitem__)
        return tasks.tabular_classification.Reply(label=label, score=probabilities[label], probabilities=probabilities)


def row_of(application: Application) -> list[float | str | None]:
    """The application in the order of columns the pipeline was trained with; missing amounts are NaN."""
    amounts = [np.nan if value is None else value for value in (getattr(application, name) for name in AMOUNTS)]
    return [*amounts, *(getattr(application, name) for name in CATEGORIES)]
