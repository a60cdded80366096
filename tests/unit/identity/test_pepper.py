import os
import stat

import pytest

from headworks.errors import HomeUnavailable
from headworks.identity.pepper import FILE_NAME, open_peppers
from tests.fakes_keys import FakeRandom


def test_a_missing_file_is_made_for_its_owner_only_and_read_again(tmp_path):
    made = open_peppers(tmp_path, FakeRandom())
    again = open_peppers(tmp_path, FakeRandom())

    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert again == made
    assert len(made.by_id[made.current]) == 32
    assert os.listdir(tmp_path) == [FILE_NAME]


def test_a_missing_file_is_refused_where_keys_were_made_with_it(tmp_path):
    with pytest.raises(HomeUnavailable, match="restore it"):
        open_peppers(tmp_path, FakeRandom(), may_create=False)

    assert os.listdir(tmp_path) == []


def test_a_further_line_becomes_the_current_pepper(tmp_path):
    old = open_peppers(tmp_path, FakeRandom())
    with (tmp_path / FILE_NAME).open("a") as file:
        file.write("deadbeef:" + "00" * 32 + "\n")
    new = open_peppers(tmp_path, FakeRandom())

    assert new.current == "deadbeef"
    assert new.by_id[old.current] == old.by_id[old.current]


def test_a_file_open_to_others_is_refused_with_the_fix(tmp_path):
    open_peppers(tmp_path, FakeRandom())
    (tmp_path / FILE_NAME).chmod(0o640)

    with pytest.raises(HomeUnavailable, match="chmod 600"):
        open_peppers(tmp_path, FakeRandom())


@pytest.mark.parametrize("content", ["", "x", "deadbeef:00", "deadbeef:" + "0" * 64 + "\nrest", "é"])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / FILE_NAME).write_text(content, "utf-8")
    (tmp_path / FILE_NAME).chmod(0o600)

    with pytest.raises(HomeUnavailable):
        open_peppers(tmp_path, FakeRandom())


def test_a_link_is_not_followed(tmp_path):
    open_peppers(tmp_path, FakeRandom())
    other = tmp_path / "other"
    other.mkdir()
    (other / FILE_NAME).symlink_to(tmp_path / FILE_NAME)

    with pytest.raises(HomeUnavailable):
        open_peppers(other, FakeRandom())
