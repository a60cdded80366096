import hashlib
import warnings

import joblib
import msgspec
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

from headworks.contract import tasks
from headworks.errors import ConfigurationRefused, SchemaViolation
from headworks.targets.models.runner import Source
from headworks.targets.models.runtimes import load
from headworks.values import Payload

X = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
Y = np.array(["no", "yes", "no", "yes"])
FRAME = pd.DataFrame({"age": [1.0, 2, 3, 4], "city": ["a", "b", "a", "b"], "kind": ["x", "y", "x", "y"]})


@pytest.fixture
def saved(tmp_path):
    def save(estimator, **parameters):
        skops.io.dump(estimator, tmp_path / "m.skops")
        return Source("skops", "m.skops", str(tmp_path), parameters)

    return save


def answers(runner, document, is_array=False):
    rows = runner.decode(Payload(document, is_array=is_array))
    return [msgspec.json.decode(output) for output in runner.predict(rows)]


def test_a_classifier_gives_the_task_s_reply(saved):
    runner = load(saved(LogisticRegression().fit(X, Y)))

    first, second = answers(runner, b"[[0, 3], [3, 0]]", is_array=True)

    assert (first["label"], second["label"]) == ("no", "yes")
    assert first["score"] == first["probabilities"]["no"]
    assert sum(first["probabilities"].values()) == pytest.approx(1)
    assert runner.announcement.reply == tasks.schemas("tabular-classification")[1]


def test_a_regressor_gives_the_task_s_reply(saved):
    runner = load(saved(LinearRegression().fit(X, [0.0, 1, 0, 2])))

    assert set(answers(runner, b"[1, 1]")[0]) == {"prediction"}
    assert runner.announcement.reply == tasks.schemas("tabular-regression")[1]


def test_columns_without_names_are_a_list_of_so_many_numbers(saved):
    runner = load(saved(LogisticRegression().fit(X, Y)))

    assert runner.announcement.request == {
        "type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2,
    }  # fmt: skip
    with pytest.raises(SchemaViolation):
        runner.decode(Payload(b"[1]"))


def test_columns_with_names_are_an_object_and_no_call_warns(saved):
    frame = pd.DataFrame(X, columns=["one thing", "b"])
    runner = load(saved(LogisticRegression().fit(frame, Y)))

    with warnings.catch_warnings(record=True) as shown:
        assert answers(runner, b'{"b": 3, "one thing": 0}')[0]["label"] == "no"
    assert shown == []
    assert runner.announcement.request["required"] == ["one thing", "b"]


def _mixed():
    columns = ColumnTransformer(
        [
            ("scaled", StandardScaler(), ["age"]),
            ("coded", OneHotEncoder(), ["city"]),
            (
                "open",
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
                ["kind"],
            ),
        ]
    )
    return make_pipeline(columns, LogisticRegression()).fit(FRAME, Y)


def test_encoded_columns_are_published_with_their_categories(saved):
    runner = load(saved(_mixed(), trusted=["numpy.dtype"]))

    assert runner.announcement.request["properties"] == {
        "age": {"type": "number"},
        "city": {"enum": ["a", "b"]},
        "kind": {"type": "string"},
    }
    assert answers(runner, b'{"age": 4, "city": "b", "kind": "unheard of"}')[0]["label"] == "yes"


def test_a_category_nobody_trained_is_refused_with_a_pointer(saved):
    with pytest.raises(SchemaViolation) as caught:
        load(saved(_mixed(), trusted=["numpy.dtype"])).decode(Payload(b'{"age": 4, "city": "q", "kind": "x"}'))

    assert [error.pointer for error in caught.value.errors] == ["/city"]


def test_a_numeric_category_is_a_number(saved):
    frame = pd.DataFrame({"size": [1, 2, 1, 2]})
    coded = ColumnTransformer([("coded", OrdinalEncoder(), ["size"])])

    runner = load(saved(make_pipeline(coded, LogisticRegression()).fit(frame, Y)))

    assert answers(runner, b'{"size": 2}')[0]["label"] == "yes"


def test_null_is_a_missing_value_where_the_estimator_copes_with_one(saved):
    source = saved(HistGradientBoostingRegressor(max_iter=2).fit(X, [0.0, 1, 0, 2]))
    trusted = skops.io.get_untrusted_types(file=f"{source.folder}/m.skops")

    runner = load(Source("skops", "m.skops", source.folder, {"trusted": trusted}))

    assert set(answers(runner, b"[null, 1]")[0]) == {"prediction"}


def test_labels_may_be_named_by_the_configuration(saved):
    runner = load(saved(LogisticRegression().fit(X, Y), labels=["stay", "leave"], examples=[[1, 2]]))
    runner.warm_up()

    assert answers(runner, b"[0, 3]")[0]["label"] == "stay"


def test_types_nobody_vouched_for_are_refused_by_name(saved):
    with pytest.raises(ConfigurationRefused, match=r"TreePredictor.*trusted"):
        load(saved(HistGradientBoostingRegressor(max_iter=2).fit(X, [0.0, 1, 0, 2])))


@pytest.mark.parametrize(
    ("estimator", "parameters", "words"),
    [
        (LogisticRegression(), {}, "not fitted"),
        (LinearSVC().fit(X, Y), {}, "CalibratedClassifierCV"),
        (KMeans(2, n_init=1).fit(X), {}, "neither a classifier nor a regressor"),
        (MultiOutputClassifier(LogisticRegression()).fit(X, np.stack([Y, Y], axis=1)), {}, "several outputs"),
        (LogisticRegression().fit(X, Y), {"labels": ["a"]}, "2 classes"),
        (LogisticRegression().fit(X, Y), {"labels": ["a", "a"]}, "not all different"),
        (LogisticRegression().fit(X, Y), {"label": ["a"]}, "labels"),
    ],
)
def test_what_the_tasks_have_no_place_for_is_refused_with_the_fix(saved, estimator, parameters, words):
    with pytest.raises(ConfigurationRefused, match=words):
        load(saved(estimator, **parameters))


def test_a_file_that_is_no_skops_is_refused(tmp_path):
    (tmp_path / "m.skops").write_bytes(b"x")

    with pytest.raises(ConfigurationRefused, match=r"skops\.io\.dump"):
        load(Source("skops", "m.skops", str(tmp_path)))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationRefused, match="no file"):
        load(Source("skops", "m.skops", str(tmp_path)))


class Exploding:
    """A pickle that tells when it is read."""

    def __reduce__(self):
        return (exec, ("raise RuntimeError('the pickle was read')",))


class TestPickles:
    @pytest.fixture
    def pickled(self, tmp_path):
        def save(content, **parameters):
            joblib.dump(content, tmp_path / "m.joblib")
            return Source("sklearn", "m.joblib", str(tmp_path), parameters)

        return save

    def digest(self, source):
        with open(f"{source.folder}/m.joblib", "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def test_the_very_file_the_configuration_vouches_for_is_read(self, pickled):
        source = pickled(LogisticRegression().fit(X, Y))
        digest = self.digest(source)

        runner = load(Source("sklearn", "m.joblib", source.folder, {"unsafe": True, "sha256": digest.upper()}))

        assert answers(runner, b"[0, 3]")[0]["label"] == "no"
        assert runner.announcement.model_version == digest[:12]

    @pytest.mark.parametrize("parameters", [{}, {"unsafe": True}, {"unsafe": True, "sha256": "0" * 64}])
    def test_any_other_file_is_never_read(self, pickled, parameters):
        with pytest.raises(ConfigurationRefused, match="SHA-256|unsafe: true"):
            load(pickled(Exploding(), **parameters))

    def test_the_digest_alone_is_not_leave_to_read(self, pickled):
        source = pickled(Exploding())

        with pytest.raises(ConfigurationRefused, match="unsafe: true"):
            load(Source("sklearn", "m.joblib", source.folder, {"sha256": self.digest(source)}))
