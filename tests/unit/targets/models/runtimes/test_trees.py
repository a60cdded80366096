import lightgbm
import msgspec
import numpy as np
import pandas as pd
import pytest
import xgboost

from headworks.contract import tasks
from headworks.errors import ConfigurationRefused
from headworks.targets.models.runner import Source
from headworks.targets.models.runtimes import load
from headworks.values import Payload

X = np.array([[float(row), row % 3] for row in range(60)])
CLASSES = X[:, 1].astype(int)
IS_LARGE = (X[:, 0] > 30).astype(int)
QUIET = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 1}


@pytest.fixture
def xgb(tmp_path):
    def save(objective, target, names=None, form="ubj", **parameters):
        options = {"objective": objective, "nthread": 1}
        if objective.startswith("multi:"):
            options["num_class"] = 3
        xgboost.train(options, xgboost.DMatrix(X, target, feature_names=names), 3).save_model(tmp_path / f"m.{form}")
        return load(Source("xgboost", f"m.{form}", str(tmp_path), parameters))

    return save


@pytest.fixture
def lgb(tmp_path):
    def save(objective, target, names="auto", **parameters):
        options = {"objective": objective, **QUIET}
        if objective == "multiclass":
            options["num_class"] = 3
        data = lightgbm.Dataset(X, target, feature_name=names, params=QUIET)
        lightgbm.train(options, data, 3).save_model(tmp_path / "m.txt")
        return load(Source("lightgbm", "m.txt", str(tmp_path), parameters))

    return save


def answer(runner, document):
    return msgspec.json.decode(runner.predict(runner.decode(Payload(document)))[0])


@pytest.mark.parametrize("objective", ["multi:softprob", "multi:softmax"])
def test_xgboost_tells_many_classes_apart(xgb, objective):
    found = answer(xgb(objective, CLASSES, labels=["a", "b", "c"]), b"[4, 1]")

    assert found["label"] == "b"
    assert sum(found["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize("form", ["ubj", "json"])
def test_xgboost_tells_two_classes_apart(xgb, form):
    runner = xgb("binary:logistic", IS_LARGE, form=form, examples=[[1, 2]])
    runner.warm_up()

    assert answer(runner, b"[50, 1]")["label"] == "1"
    assert answer(runner, b"[5, null]")["label"] == "0"
    assert runner.announcement.reply == tasks.schemas("tabular-classification")[1]


def test_xgboost_predicts_a_number_from_named_columns(xgb):
    runner = xgb("reg:squarederror", X[:, 0], names=["size", "kind"])

    assert answer(runner, b'{"size": 50, "kind": 1}')["prediction"] > 20
    assert runner.announcement.reply == tasks.schemas("tabular-regression")[1]


def test_lightgbm_tells_many_classes_apart(lgb):
    found = answer(lgb("multiclass", CLASSES), b"[4, 1]")

    assert found["label"] == "1"
    assert sum(found["probabilities"].values()) == pytest.approx(1)


def test_lightgbm_tells_two_classes_apart(lgb):
    assert answer(lgb("binary", IS_LARGE, labels=["small", "large"]), b"[50, 1]")["label"] == "large"


def test_lightgbm_predicts_a_number_from_named_columns(lgb):
    runner = lgb("regression", X[:, 0], names=["size", "kind"])

    assert answer(runner, b'{"size": 50, "kind": null}')["prediction"] > 20


def test_an_objective_without_a_task_is_refused(xgb, lgb):
    with pytest.raises(ConfigurationRefused, match="binary:hinge"):
        xgb("binary:hinge", IS_LARGE)
    with pytest.raises(ConfigurationRefused, match="cross_entropy"):
        lgb("cross_entropy", IS_LARGE)


def test_labels_that_are_not_one_a_class_are_refused(lgb):
    with pytest.raises(ConfigurationRefused, match="2 classes"):
        lgb("binary", IS_LARGE, labels=["one"])


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_another_file_is_refused(tmp_path, kind, capfd):
    (tmp_path / "m.txt").write_text("no model")

    with pytest.raises(ConfigurationRefused, match="save_model"):
        load(Source(kind, "m.txt", str(tmp_path)))


def test_categorical_columns_are_refused(tmp_path):
    frame = pd.DataFrame({"kind": pd.Categorical(["x", "y", "z"] * 20)})
    xgboost.train(
        {"nthread": 1}, xgboost.DMatrix(frame, IS_LARGE, enable_categorical=True), 1
    ).save_model(tmp_path / "m.ubj")  # fmt: skip
    lightgbm.train(QUIET, lightgbm.Dataset(frame, IS_LARGE, params=QUIET), 1).save_model(tmp_path / "m.txt")

    for kind, file in (("xgboost", "m.ubj"), ("lightgbm", "m.txt")):
        with pytest.raises(ConfigurationRefused, match="categorical"):
            load(Source(kind, file, str(tmp_path)))
