"""Scikit-learn estimators, in skops files or, only if the configuration vouches for the very file, in pickles.

A skops file names its types before any is made. A joblib or pickle file runs code when it is read.
"""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any, Literal

import msgspec

from headworks.errors import ConfigurationRefused
from headworks.targets.models.runner import Source
from headworks.targets.models.runtimes import rows
from headworks.targets.models.runtimes.files import VERSION_DIGITS, file_of, parameters_of
from headworks.targets.models.typed import Described, TypedRunner

_OWN_PREDICT = "Wrap it in a headworks.Model whose predict says what goes in and out."


class SkopsParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`trusted` names the types of the file that skops does not know; `labels` name the classes in order."""

    trusted: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    examples: tuple[Any, ...] = ()


class PickleParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`sha256` is the digest of the one file that may be read, `unsafe` says that it runs code."""

    sha256: str = ""
    unsafe: bool = False
    labels: tuple[str, ...] = ()
    examples: tuple[Any, ...] = ()


def load_skops(source: Source) -> TypedRunner:
    """The estimator of a skops file.

    Raises: ConfigurationRefused for a file with types that the configuration does not trust, or that is no skops.
    """
    import skops.io

    parameters, path = parameters_of(source, SkopsParameters), file_of(source)
    content = path.read_bytes()
    try:
        unknown = set(skops.io.get_untrusted_types(data=content)) - set(parameters.trusted)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ConfigurationRefused(f"{path} is no skops file; write one with skops.io.dump.") from error
    if unknown:
        named = ", ".join(sorted(unknown))
        raise ConfigurationRefused(
            f"{path} holds types that nobody vouched for: {named}. If you know them, name each under `trusted`."
        )
    estimator = skops.io.loads(content, trusted=list(parameters.trusted))
    version = hashlib.sha256(content).hexdigest()[:VERSION_DIGITS]
    return served(estimator, parameters.labels, parameters.examples, version)


def load_pickled(source: Source) -> TypedRunner:
    """The estimator of a joblib or pickle file, read only if it is exactly the file the configuration names.

    Raises: ConfigurationRefused without `unsafe: true`, or when the digest is missing or another.
    """
    parameters, path = parameters_of(source, PickleParameters), file_of(source)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if not parameters.unsafe or not parameters.sha256:
        raise ConfigurationRefused(
            f"{path} is a pickle: reading it runs whatever code is in it. Save the model with skops.io.dump and use "
            f"`skops`; or, if you made this file yourself, say so with `unsafe: true` and `sha256: {digest}`."
        )
    if digest != parameters.sha256.lower():
        raise ConfigurationRefused(f"{path} has the SHA-256 {digest}, not the one configured; it is not read.")
    import joblib

    estimator = joblib.load(io.BytesIO(content))
    return served(estimator, parameters.labels, parameters.examples, digest[:VERSION_DIGITS])


def served(estimator: Any, labels: Sequence[str], examples: Sequence[Any], version: str) -> TypedRunner:
    """A fitted classifier or regressor behind the task's reply.

    Raises: ConfigurationRefused for an estimator of another kind, or with an output the task has no place for.
    """
    from sklearn.base import is_classifier, is_regressor

    kind = type(estimator).__name__
    if not hasattr(estimator, "n_features_in_"):
        raise ConfigurationRefused(f"The {kind} is not fitted to a table. {_OWN_PREDICT}")
    columns = _columns(estimator)
    batch_of = _batches(estimator, columns)
    described = Described(tuple(examples), version, f"scikit-learn {kind}.")
    if is_regressor(estimator):
        return rows.regressor(columns, lambda batch: _flat(estimator.predict(batch_of(batch))), described)
    if not is_classifier(estimator):
        raise ConfigurationRefused(f"The {kind} is neither a classifier nor a regressor. {_OWN_PREDICT}")
    if not hasattr(estimator, "predict_proba"):
        fix = "Fit it inside a CalibratedClassifierCV, or wrap it in a headworks.Model."
        raise ConfigurationRefused(f"The {kind} knows no probabilities, which the task's reply holds. {fix}")
    if isinstance(estimator.classes_, list):
        raise ConfigurationRefused(f"The {kind} has several outputs. {_OWN_PREDICT}")
    names = rows.named_labels(labels, len(estimator.classes_), estimator.classes_.tolist())
    return rows.classifier(columns, lambda batch: estimator.predict_proba(batch_of(batch)), names, described)


def _flat(values: Any) -> Any:
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _columns(estimator: Any) -> rows.Columns:
    from sklearn.utils import get_tags

    names = tuple(str(name) for name in getattr(estimator, "feature_names_in_", ()))
    types = {name: kind for part in _parts(estimator) for name, kind in _encoded_columns(part)}
    may_be_missing = bool(get_tags(estimator).input_tags.allow_nan)
    if may_be_missing:
        types = {name: kind | None for name, kind in types.items()}
    return rows.Columns(int(estimator.n_features_in_), names, types, may_be_missing)


def _parts(estimator: Any) -> Iterator[Any]:
    """The column transformers at the beginning of an estimator."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    if isinstance(estimator, ColumnTransformer):
        yield estimator
    elif isinstance(estimator, Pipeline):
        yield from _parts(estimator.steps[0][1])


def _encoded_columns(transformer: Any) -> Iterator[tuple[str, Any]]:
    """The columns that an encoder of categories reads, with the type of their cells."""
    for _, part, columns in transformer.transformers_:
        steps = [step for _, step in getattr(part, "steps", [("", part)])]
        encoder = next((step for step in steps if hasattr(step, "categories_")), None)
        if encoder is None or isinstance(columns, slice) or not all(isinstance(name, str) for name in columns):
            continue
        is_open = getattr(encoder, "handle_unknown", "error") != "error"
        for name, categories in zip(columns, encoder.categories_, strict=True):
            yield name, _cell_type(categories.tolist(), is_open=is_open)


def _cell_type(categories: list[Any], *, is_open: bool) -> Any:
    known = [category for category in categories if isinstance(category, str)]
    if not known:
        return float
    return str if is_open else Literal[tuple(known)]


def _batches(estimator: Any, columns: rows.Columns) -> Callable[[Sequence[Any]], Any]:
    """What turns rows into the estimator's input: a matrix, or a DataFrame where it picks columns by name."""
    if not list(_parts(estimator)) or not columns.names:
        # the names were checked by the schema; scikit-learn would warn at every call that a matrix has none
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        return rows.matrix_of(columns)
    if find_spec("pandas") is None:
        raise ConfigurationRefused("The estimator picks columns by name, which needs the package 'pandas'.")
    import pandas as pd

    cells = rows.cells_of(columns)
    return lambda batch: pd.DataFrame(cells(batch), columns=list(columns.names))
