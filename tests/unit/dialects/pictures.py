"""Small pictures, and heads of huge ones, made by hand."""

import zlib
from struct import pack


def png(width: int, height: int, frames: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    animation = chunk(b"acTL", pack(">II", frames, 0)) if frames else b""
    return head + animation + chunk(b"IDAT", zlib.compress(b"\0" * 10)) + chunk(b"IEND", b"")


def jpeg(width: int, height: int, padding: int = 0) -> bytes:
    out = b"\xff\xd8\xff\xe0" + pack(">H", 16) + b"JFIF\0" + bytes(9)
    while padding > 0:
        size = min(padding, 65_000)
        out += b"\xff\xe1" + pack(">H", size + 2) + bytes(size)
        padding -= size
    return out + b"\xff\xff\xc2" + pack(">HBHHB", 11, 8, height, width, 1) + bytes(20)


def gif(width: int, height: int, frames: int = 1, blocks: int = 1) -> bytes:
    frame = b"\x2c" + pack("<HHHHB", 0, 0, width, height, 0x80) + bytes(6) + b"\x02" + b"\x01\x00" * blocks + b"\0"
    control = b"\x21\xf9\x04\0\0\0\0\0"
    return b"GIF89a" + pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + (control + frame) * frames + b"\x3b"


def webp(width: int, height: int, kind: bytes = b"VP8X", frames: int = 0) -> bytes:
    if kind == b"VP8 ":
        data = bytes(3) + b"\x9d\x01\x2a" + pack("<HH", width, height)
    elif kind == b"VP8L":
        data = b"\x2f" + pack("<I", (width - 1) | (height - 1) << 14)
    else:
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        data = bytes([2 if frames else 0, 0, 0, 0]) + size
    rest = (b"ANMF" + pack("<I", 2) + b"\0\0") * frames
    body = b"WEBP" + kind + pack("<I", len(data)) + data + (b"\0" if len(data) % 2 else b"") + rest
    return b"RIFF" + pack("<I", len(body)) + body
