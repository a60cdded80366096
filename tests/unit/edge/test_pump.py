"""What pulls the chunks of a body and writes them: whose failure cuts it off is told."""

import pytest

from headworks.edge.pump import Pump
from tests.fakes_edge import FakeChunks

DEFECT = LookupError("ours")


class Full:
    """A sink that fails."""

    def write(self, data):
        raise DEFECT


@pytest.mark.parametrize("sink", [Full(), None])
def test_a_defect_is_handed_to_what_makes_the_chunks(sink):
    chunks, ended = FakeChunks(), []
    Pump(sink, chunks, ended.append, is_chunked=True).run()
    chunks.push(b"a" if sink else DEFECT)

    assert ended == [False]
    assert chunks.defect is DEFECT
