"""Tables without code: the type of one row from a file's columns, the standard replies from a file's outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any

import msgspec
import numpy as np

from headworks.contract.tasks import tabular_classification, tabular_regression
from headworks.errors import ConfigurationRefused
from headworks.targets.models.codec_msgspec import MsgspecCodec
from headworks.targets.models.signature import Signature
from headworks.targets.models.typed import Described, TypedRunner

MATRIX_FIELD = "c"


class Columns(msgspec.Struct, frozen=True):
    """What a row of a file's table holds: `names` with the type of each, or, without names, so many numbers."""

    count: int
    names: tuple[str, ...] = ()
    types: Mapping[str, Any] = {}
    may_be_missing: bool = False

    @property
    def number(self) -> Any:
        """The type of a numeric cell; null where the model copes with missing values."""
        return float | None if self.may_be_missing else float


def row_type(columns: Columns) -> Any:
    """The type of one row: an object of the columns by name, or a list of exactly so many numbers."""
    if not columns.names:
        exactly = msgspec.Meta(min_length=columns.count, max_length=columns.count)
        return Annotated[list[columns.number], exactly]  # type: ignore[name-defined]  # made at run time
    fields = [f"{MATRIX_FIELD}{position}" for position in range(len(columns.names))]
    return msgspec.defstruct(
        "Row",
        [(field, columns.types.get(name, columns.number)) for field, name in zip(fields, columns.names, strict=True)],
        rename=dict(zip(fields, columns.names, strict=True)),
        forbid_unknown_fields=True,
        frozen=True,
        module=__name__,
    )


def cells_of(columns: Columns) -> Callable[[Sequence[Any]], list[Sequence[Any]]]:
    """What turns decoded rows into rows of cells in the order of the columns, a missing cell being NaN."""
    if not columns.names:
        read: Callable[[Any], Any] = tuple
    elif len(columns.names) == 1:
        read = msgspec.structs.astuple
    else:
        read = attrgetter(*(f"{MATRIX_FIELD}{position}" for position in range(len(columns.names))))
    if not columns.may_be_missing:
        return lambda rows: [read(row) for row in rows]
    return lambda rows: [[math.nan if cell is None else cell for cell in read(row)] for row in rows]


def matrix_of(columns: Columns) -> Callable[[Sequence[Any]], Any]:
    """What turns decoded rows into one float64 matrix."""
    cells = cells_of(columns)
    return lambda rows: np.array(cells(rows), dtype=np.float64)


def classifier(
    columns: Columns, chances: Callable[[Sequence[Any]], Any], labels: Sequence[str], described: Described
) -> TypedRunner:
    """A runner whose reply is the task's tabular classification; `chances` gives one row of chances a row."""
    if len(set(labels)) != len(labels):
        raise ConfigurationRefused(f"The labels {list(labels)} are not all different; name each class once.")
    names = tuple(labels)

    def predict(rows: Sequence[Any]) -> list[tabular_classification.Reply]:
        return [_reply(names, row) for row in chances(rows).tolist()]

    return _runner(columns, predict, tabular_classification.Reply, described)


def regressor(columns: Columns, values: Callable[[Sequence[Any]], Any], described: Described) -> TypedRunner:
    """A runner whose reply is the task's tabular regression; `values` gives one number a row."""

    def predict(rows: Sequence[Any]) -> list[tabular_regression.Reply]:
        return [tabular_regression.Reply(value) for value in values(rows).tolist()]

    return _runner(columns, predict, tabular_regression.Reply, described)


def both_chances(second: Any) -> Any:
    """The chances of both classes of a binary model that gives the second's only."""
    return np.column_stack((1.0 - second, second))


def named_labels(given: Sequence[str], count: int, otherwise: Sequence[Any]) -> list[str]:
    """The names of the classes: those the configuration gives, else the file's own.

    Raises: ConfigurationRefused when there are not as many as classes.
    """
    labels = [str(label) for label in (given or otherwise)]
    if len(labels) != count:
        raise ConfigurationRefused(f"The model has {count} classes, `labels` names {len(labels)}; name each, in order.")
    return labels


def _reply(names: tuple[str, ...], chances: list[float]) -> tabular_classification.Reply:
    best = max(range(len(chances)), key=chances.__getitem__)
    return tabular_classification.Reply(names[best], chances[best], dict(zip(names, chances, strict=True)))


def _runner(columns: Columns, predict: Callable[..., Any], reply: Any, described: Described) -> TypedRunner:
    taken = row_type(columns)
    signature = Signature(taken, reply, is_batch=True)
    described = msgspec.structs.replace(described, is_file=True)
    return TypedRunner(predict, signature, (MsgspecCodec(taken), MsgspecCodec(reply)), described)
