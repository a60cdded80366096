"""Takes out of a Linux library what only a debugger reads: some packages ship three quarters of it.

Source: System V ABI, "ELF Header" and "Program Header"; the dynamic loader reads segments, never sections.
"""

import struct
from pathlib import Path

ELF_64_LITTLE = b"\x7fELF\x02\x01"
HEADER_BYTES = 64
# Where the header says where segments and sections are described, and how many there are.
SEGMENTS_AT, SECTIONS_AT, COUNTS_AT = 32, 40, 54
# An entry of the segments' table: type, flags, offset, two addresses, size in the file.
SEGMENT = "<IIQQQQ"


def drop(library: Path) -> int:
    """Cut the file after its last segment and forget its sections; gives the bytes saved, 0 for other kinds of files."""
    with library.open("r+b") as file:
        header = bytearray(file.read(HEADER_BYTES))
        if not header.startswith(ELF_64_LITTLE):
            return 0
        (segments_at,) = struct.unpack_from("<Q", header, SEGMENTS_AT)
        entry_bytes, count = struct.unpack_from("<HH", header, COUNTS_AT)
        file.seek(segments_at)
        table = file.read(entry_bytes * count)
        end = segments_at + len(table)
        for number in range(count):
            _, _, offset, _, _, size = struct.unpack_from(SEGMENT, table, number * entry_bytes)
            end = max(end, offset + size)
        before = file.seek(0, 2)
        struct.pack_into("<Q", header, SECTIONS_AT, 0)
        struct.pack_into("<HHH", header, COUNTS_AT + 4, 0, 0, 0)
        file.seek(0)
        file.write(header)
        file.truncate(end)
        return before - end
