"""Which draws a run of the tests uses."""

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.draws import NEW, SAME, profile_of


def drawn(profile):
    """What one property test draws when it is run under a profile."""
    seen = []

    @hypothesis.settings(hypothesis.settings.get_profile(profile), database=None)
    @given(st.lists(st.integers(), min_size=3))
    def collect(numbers):
        seen.append(tuple(numbers))

    collect()
    return seen


def test_the_same_code_draws_the_same_in_ci_and_something_new_elsewhere():
    assert drawn(SAME) == drawn(SAME)
    assert drawn(NEW) != drawn(NEW)


@pytest.mark.parametrize(
    ("environment", "profile"),
    [({"CI": "true"}, SAME), ({"CI": "1"}, SAME), ({}, NEW), ({"CI": ""}, NEW), ({"CI": "false"}, NEW)],
)
def test_ci_decides(environment, profile):
    assert profile_of(environment) == profile


def test_no_test_counts_on_the_speed_of_the_machine():
    assert {hypothesis.settings.get_profile(each).deadline for each in (SAME, NEW)} == {None}
