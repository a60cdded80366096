"""The words of `headworks usage`."""

import pytest

from headworks.cli.usage import asked_of
from headworks.errors import ConfigurationRefused


def test_groups_stand_in_a_fixed_order():
    assert asked_of("target,day", "2026-01-01", "2026-01-31").by == ("day", "target")


@pytest.mark.parametrize(
    ("by", "since", "told"),
    [
        ("month", "2026-01-01", "--by 'month'"),
        ("day,day,x", "2026-01-01", "--by"),
        ("day", "1.1.2026", "--since '1.1.2026'"),
    ],
)
def test_a_wrong_word_is_named_with_its_fix(by, since, told):
    with pytest.raises(ConfigurationRefused) as caught:
        asked_of(by, since, "2026-12-31")
    assert told in caught.value.detail
