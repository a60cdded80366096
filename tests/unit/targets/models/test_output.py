import asyncio
import os

from headworks.targets.models.output import LINES_A_SECOND, LONGEST_LINE_BYTES, Output
from tests.unit.targets.models.house import run


def printed(*chunks):
    """The lines that the log sees of what a worker prints."""
    lines = []

    async def scene():
        reads, writes = os.pipe()
        output = Output(asyncio.get_running_loop(), reads, "model", lambda name, line: lines.append(line))
        for chunk in chunks:
            os.write(writes, chunk)
        os.close(writes)
        output.finish()

    run(scene())
    return lines


def test_lines_cut_anywhere_are_put_together():
    assert printed(b"one\ntw", b"o\n", b"three") == ["one", "two", "three"]


def test_empty_lines_are_left_out_and_odd_bytes_are_shown():
    assert printed(b"\n\n a \n\xff\n") == [" a", "\\xff"]


def test_a_line_without_an_end_is_cut():
    lines = printed(b"x" * 50_000)

    assert max(map(len, lines)) <= LONGEST_LINE_BYTES


def test_a_flood_of_lines_is_dropped_beyond_its_bound():
    lines = printed(b"a\n" * 20_000)

    assert LINES_A_SECOND <= len(lines) <= 2 * LINES_A_SECOND + 2
