import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.targets.providers.google.tone import labelled, stretched

SCORES = st.floats(-1, 1)
MAGNITUDES = st.floats(0, 50)
COUNTS = st.integers(0, 100)


@given(SCORES, MAGNITUDES, COUNTS)
def test_the_labels_are_chances(score, magnitude, sentences):
    scores = [value for _, value in labelled(score, magnitude, sentences)]

    assert all(0 <= value <= 1 for value in scores)
    assert sum(scores) == pytest.approx(1)


@given(SCORES, MAGNITUDES, COUNTS)
def test_a_turned_sign_swaps_positive_and_negative_only(score, magnitude, sentences):
    one, other = dict(labelled(score, magnitude, sentences)), dict(labelled(-score, magnitude, sentences))

    assert (one["positive"], one["negative"]) == (other["negative"], other["positive"])
    assert (one["neutral"], one["mixed"]) == (other["neutral"], other["mixed"])


@given(SCORES, SCORES)
def test_a_better_tone_is_never_less_positive(one, other):
    low, high = sorted((one, other))

    assert dict(labelled(low, 0, 1))["positive"] <= dict(labelled(high, 0, 1))["positive"]


@pytest.mark.parametrize(
    ("score", "magnitude", "sentences", "best"),
    [
        (0.8, 3.0, 4, "positive"),
        (-0.6, 4.0, 6, "negative"),
        (0.1, 0.0, 1, "neutral"),
        (0.0, 4.0, 5, "mixed"),
        (0.0, 0.0, 0, "neutral"),
    ],
)
def test_the_vendors_own_examples_get_the_vendors_own_words(score, magnitude, sentences, best):
    labels = labelled(score, magnitude, sentences)

    assert max(labels, key=lambda label: label[1])[0] == best


@pytest.mark.parametrize(
    ("strength", "value"), [(0, 0), (0.125, 0.25), (0.25, 0.5), (0.625, 0.75), (1, 1), (7, 1), (-1, 0)]
)
def test_the_scale_is_exact(strength, value):
    assert stretched(strength) == value
