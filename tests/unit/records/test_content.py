import pytest

from headworks.records.content import ContentFiles

DIGEST = bytes(range(32))


@pytest.fixture(params=["process", "power"])
def files(request, tmp_path):
    return ContentFiles(tmp_path, request.param)


def names(tmp_path):
    return sorted(
        str(path.relative_to(tmp_path / "content")) for path in (tmp_path / "content").rglob("*") if path.is_file()
    )


def test_a_file_takes_its_place_when_its_row_is_committed(files, tmp_path):
    files.write(7, DIGEST, b"sealed")
    files.sync()
    assert names(tmp_path) == [f"incoming/7-{DIGEST.hex()}"]
    assert files.read(7, DIGEST) == b"sealed"

    files.settle()

    assert names(tmp_path) == [f"00/{DIGEST.hex()}"]
    assert files.read(7, DIGEST) == b"sealed"


def test_a_file_whose_row_was_not_committed_is_gone(files, tmp_path):
    files.write(7, DIGEST, b"sealed")
    assert files.born_bytes == 6

    files.undo()

    assert names(tmp_path) == []
    assert files.born_bytes == 0
    assert files.read(7, DIGEST) is None


def test_a_removed_file_comes_back_when_its_row_stays(files, tmp_path):
    files.write(7, DIGEST, b"sealed")
    files.settle()

    assert files.remove(7, DIGEST) == 6
    files.undo()

    assert names(tmp_path) == [f"00/{DIGEST.hex()}"]
    files.remove(7, DIGEST)
    files.settle()
    assert names(tmp_path) == []
    assert files.remove(7, DIGEST) == 0


@pytest.mark.parametrize(("has_row", "left"), [(True, [f"00/{DIGEST.hex()}"]), (False, [])])
def test_after_a_crash_the_row_decides(files, tmp_path, has_row, left):
    files.write(7, DIGEST, b"sealed")
    (tmp_path / "content" / "incoming" / "rubbish").write_bytes(b"x")

    ContentFiles(tmp_path, "process").recover(lambda seq: (None, DIGEST if has_row and seq == 7 else None))

    assert names(tmp_path) == left


def test_a_file_that_finds_no_room_at_its_place_is_kept_where_it_is_until_there_is_some(files, tmp_path):
    files.write(7, DIGEST, b"sealed")
    (tmp_path / "content" / "00").touch()  # where its folder should be
    files.settle()
    (tmp_path / "content" / "00").unlink()
    found, left = files.read(7, DIGEST), names(tmp_path)
    ContentFiles(tmp_path, "process").recover(lambda seq: (DIGEST,))

    assert (found, left) == (b"sealed", [f"incoming/7-{DIGEST.hex()}"])
    assert names(tmp_path) == [f"00/{DIGEST.hex()}"]


def test_a_file_that_never_found_its_place_can_be_removed(files, tmp_path):
    files.write(7, DIGEST, b"sealed")
    (tmp_path / "content" / "00").touch()
    files.settle()
    (tmp_path / "content" / "00").unlink()
    size_bytes = files.remove(7, DIGEST)
    files.settle()

    assert size_bytes == 6
    assert names(tmp_path) == []
