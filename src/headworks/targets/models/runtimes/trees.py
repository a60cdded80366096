"""XGBoost and LightGBM models in their native formats, which hold data only."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from headworks.errors import ConfigurationRefused
from headworks.targets.models.runner import Source
from headworks.targets.models.runtimes import rows
from headworks.targets.models.runtimes.files import file_of, parameters_of, version_of
from headworks.targets.models.typed import Described, TypedRunner

_OWN_PREDICT = "Wrap it in a headworks.Model whose predict says what the output means."


class TreeParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`labels` name the classes in order; `examples` are rows, run before ready."""

    labels: tuple[str, ...] = ()
    examples: tuple[Any, ...] = ()
    threads: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 1


def load_xgboost(source: Source) -> TypedRunner:
    """A booster saved with `save_model`, as JSON or UBJSON.

    Raises: ConfigurationRefused for a file that is no booster, categorical columns or another objective.
    """
    import xgboost

    parameters, path = parameters_of(source, TreeParameters), file_of(source)
    booster = xgboost.Booster({"nthread": parameters.threads})
    try:
        booster.load_model(path)
    except xgboost.core.XGBoostError as error:
        raise ConfigurationRefused(f"{path} is no XGBoost model; save one with save_model('model.ubj').") from error
    if "c" in (booster.feature_types or ()):
        raise ConfigurationRefused(f"{path} has categorical columns, whose codes a file does not name. {_OWN_PREDICT}")
    learner = json.loads(booster.save_config())["learner"]
    objective, classes = learner["objective"]["name"], int(learner["learner_model_param"]["num_class"])
    columns = _columns(booster.num_features(), booster.feature_names or ())
    matrix = rows.matrix_of(columns)

    def output(batch: Sequence[Any]) -> Any:
        return booster.inplace_predict(matrix(batch), validate_features=False)

    def margins(batch: Sequence[Any]) -> Any:
        return booster.inplace_predict(matrix(batch), predict_type="margin", validate_features=False)

    described = Described(parameters.examples, version_of(path), f"XGBoost, {objective}.")
    if objective.startswith("multi:"):
        labels = rows.named_labels(parameters.labels, classes, range(classes))
        return rows.classifier(columns, lambda batch: _softmax(margins(batch)), labels, described)
    if objective == "binary:logistic":
        labels = rows.named_labels(parameters.labels, 2, range(2))
        return rows.classifier(columns, lambda batch: rows.both_chances(output(batch)), labels, described)
    if not objective.startswith(("reg:", "count:", "survival:")):
        raise ConfigurationRefused(f"{path} has the objective {objective}. {_OWN_PREDICT}")
    return rows.regressor(columns, output, described)


def load_lightgbm(source: Source) -> TypedRunner:
    """A booster saved with `save_model`, as text.

    Raises: ConfigurationRefused for a file that is no booster, categorical columns or another objective.
    """
    import lightgbm

    parameters, path = parameters_of(source, TreeParameters), file_of(source)
    try:
        booster = lightgbm.Booster(model_file=str(path))
    except lightgbm.basic.LightGBMError as error:
        raise ConfigurationRefused(f"{path} is no LightGBM model; save one with save_model('model.txt').") from error
    if booster.pandas_categorical:
        raise ConfigurationRefused(f"{path} has categorical columns of pandas. {_OWN_PREDICT}")
    objective = str(booster.dump_model(num_iteration=1).get("objective", "")).partition(" ")[0]
    columns = _columns(booster.num_feature(), booster.feature_name())
    matrix = rows.matrix_of(columns)

    def output(batch: Sequence[Any]) -> Any:
        return booster.predict(matrix(batch), num_threads=parameters.threads)

    described = Described(parameters.examples, version_of(path), f"LightGBM, {objective}.")
    chances = _lightgbm_chances(objective, output)
    if chances is not None:
        classes = max(2, booster.num_model_per_iteration())
        labels = rows.named_labels(parameters.labels, classes, range(classes))
        return rows.classifier(columns, chances, labels, described)
    if objective not in _LIGHTGBM_REGRESSION:
        raise ConfigurationRefused(f"{path} has the objective {objective or 'unknown'}. {_OWN_PREDICT}")
    return rows.regressor(columns, output, described)


_LIGHTGBM_REGRESSION = frozenset(
    ("regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie")
)


def _lightgbm_chances(objective: str, output: Callable[..., Any]) -> Callable[..., Any] | None:
    if objective == "binary":
        return lambda batch: rows.both_chances(output(batch))
    return output if objective == "multiclass" else None


def _columns(count: int, names: Sequence[str]) -> rows.Columns:
    """Columns of numbers, any of which may be missing: trees have a branch for that."""
    is_named = bool(names) and list(names) != [f"Column_{position}" for position in range(count)]
    return rows.Columns(count, tuple(names) if is_named else (), may_be_missing=True)


def _softmax(margins: Any) -> Any:
    raised = np.exp(margins - margins.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
