import ctypes
import shutil
import struct
import sys
from pathlib import Path

import msgspec._core
import pytest
from examples.demo.prepare import debug_info

LIBRARY = Path(msgspec._core.__file__)


@pytest.mark.skipif(sys.platform != "linux", reason="an ELF library is needed")
def test_a_library_without_what_only_a_debugger_reads_is_shorter_and_loads(tmp_path):
    copy = Path(shutil.copy(LIBRARY, tmp_path))
    padded = tmp_path / "padded.so"
    padded.write_bytes(copy.read_bytes() + bytes(100_000))

    saved = debug_info.drop(padded)

    assert saved >= 100_000
    assert padded.stat().st_size == LIBRARY.stat().st_size + 100_000 - saved
    assert ctypes.PyDLL(str(padded)).PyInit__core
    assert debug_info.drop(padded) == 0


def test_no_segment_is_cut_wherever_the_tables_lie(tmp_path):
    file = tmp_path / "small.so"
    header = bytearray(debug_info.HEADER_BYTES)
    header[:6] = debug_info.ELF_64_LITTLE
    struct.pack_into("<Q", header, debug_info.SEGMENTS_AT, 300)
    struct.pack_into("<HH", header, debug_info.COUNTS_AT, 56, 2)
    segments = b"".join(struct.pack("<IIQQQQQQ", 1, 5, at, 0, 0, size, size, 1) for at, size in ((64, 36), (100, 200)))
    file.write_bytes(bytes(header) + b"c" * 236 + segments + b"debug" * 50)

    assert debug_info.drop(file) == 250
    assert file.read_bytes()[64:] == b"c" * 236 + segments


def test_a_file_of_another_kind_stays_as_it_is(tmp_path):
    file = tmp_path / "other.so"
    file.write_bytes(b"\xcf\xfa\xed\xfe" + bytes(500))

    assert debug_info.drop(file) == 0
    assert file.stat().st_size == 504
