"""The drivers of the front's and the writer's own code run on the code as it is."""

import pytest
from bench.driver import CONNECTIONS, Drive, left_behind
from bench.front import Own
from bench.through import Gateway

from bench import desk


@pytest.mark.parametrize("make", [Own, Gateway])
def test_every_call_of_a_drive_is_answered_well(make):
    drive = Drive(make())
    drive.run(2 * CONNECTIONS)

    assert drive.watch.page().count(b'outcome="ok"') == 1


@pytest.mark.parametrize("make", [Own, Gateway])
def test_a_call_leaves_nothing_to_the_collector(make):
    left = left_behind(make, calls=10 * CONNECTIONS)

    assert max(left.values(), default=0) < CONNECTIONS, left  # what a round of the bench itself drops is no call's


@pytest.mark.parametrize("kind", ["own", "gateway"])
def test_the_desk_commits_every_row_of_a_drive(kind, tmp_path):
    assert desk.run(kind, 2 * desk.ROWS_A_BATCH, tmp_path) > 0
