"""Trains the credit-risk scorecard on 4,454 real applications: amounts in ten bins each, then logistic regression."""

import csv
import lzma
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from examples.demo.models.credit import AMOUNTS, CATEGORIES
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder

from .pickled import Array, read_table

COLUMNS = (*AMOUNTS, *CATEGORIES)


def scorecard() -> Pipeline:
    """The untrained model; its columns are those of `COLUMNS`, in that order."""
    amounts, categories = range(len(AMOUNTS)), range(len(AMOUNTS), len(COLUMNS))
    bins = KBinsDiscretizer(10, quantile_method="averaged_inverted_cdf")
    binned = (make_pipeline(SimpleImputer(strategy="median"), bins), list(amounts))
    named = (OneHotEncoder(handle_unknown="ignore"), list(categories))
    return make_pipeline(make_column_transformer(binned, named), LogisticRegression(max_iter=1000))


def applications(table_file: Path) -> tuple[NDArray[Any], Array]:
    """Rows of applications (a missing value is NaN or None), and whether each went "good" or "bad"."""
    table = read_table(lzma.decompress(table_file.read_bytes()))
    rows = np.empty((len(table["Status"]), len(COLUMNS)), dtype=object)
    for place, column in enumerate(COLUMNS):
        rows[:, place] = table[column.capitalize()]
    return rows, table["Status"].astype(str)


def train(table_file: Path, to: Path, sample_csv: Path) -> dict[str, float]:
    """Fit, save as a skops file with ten unseen applications beside it, and measure on the quarter kept back."""
    rows, outcomes = applications(table_file)
    train_x, test_x, train_y, test_y = train_test_split(
        rows, outcomes, test_size=0.25, random_state=0, stratify=outcomes
    )
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Bins whose width are too small"
        )  # many applicants have the same whole number
        model = scorecard().fit(train_x, train_y)
    skops.io.dump(model, to)
    write_csv(sample_csv, [row for row in test_x if not any(value is None or value != value for value in row)][:10])

    risk = model.predict_proba(test_x)[:, list(model.classes_).index("bad")]
    right = float(np.mean(model.predict(test_x) == test_y))
    return {"applications": float(len(rows)), "AUC": float(roc_auc_score(test_y == "bad", risk)), "accuracy": right}


def write_csv(to: Path, rows: list[Any]) -> None:
    """Write rows with their column names on the first line."""
    with to.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
