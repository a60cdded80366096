"""One owner a home."""

import subprocess
import sys

import pytest

from headworks.errors import HomeUnavailable
from headworks.home import Home


def test_a_home_is_private_to_its_owner(tmp_path):
    home = Home(tmp_path / "home")
    home.create()

    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_a_second_owner_is_refused_and_told_who_holds_it(tmp_path):
    first, second = Home(tmp_path), Home(tmp_path)
    first.lock()

    with pytest.raises(HomeUnavailable, match=r"in use by process \d+"):
        second.lock()
    assert second.is_owned_elsewhere()
    first.unlock()
    second.lock()
    second.unlock()


def test_the_lock_of_a_killed_owner_is_free(tmp_path):
    code = (
        "import sys, os, pathlib; from headworks.home import Home; Home(pathlib.Path(sys.argv[1])).lock(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)

    home = Home(tmp_path)
    home.lock()
    home.unlock()


def test_an_unused_home_is_owned_by_nobody(tmp_path):
    assert not Home(tmp_path).is_owned_elsewhere()


def test_a_deep_home_still_has_a_usable_socket_path(tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    home = Home(deep)
    home.lock()

    assert len(home.control_path()) <= 100
    home.unlock()
