"""What a picture's head says: its kind, size, frames and turn. Pixels are decoded in workers, never here.

Sources: PNG third edition sections 5 and 11; ITU T.81 annex B; CIPA DC-008 (Exif) 4.6.4; GIF89a; RFC 9649 (WebP).
"""

from binascii import a2b_base64
from collections.abc import Callable
from struct import error, unpack_from

from msgspec import Struct

from headworks.errors import BodyTooLarge, FieldError, SchemaViolation, UnsupportedMedia

MOST_PIXELS = 40_000_000
MOST_FRAMES = 64
HEAD_CHARACTERS = 2**16
MOST_STEPS = 200_000
_READ = "must be PNG, JPEG, GIF or WebP"


class Picture(Struct, frozen=True):
    """A picture's head. Units: width and height in pixels, as stored.

    Shapes: `orientation` is how a JPEG says it is to be turned, 1 (as stored) to 8.
    """

    media: str
    width: int
    height: int
    frames: int = 1
    orientation: int = 1

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as the picture is shown."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


class Truncated(Exception):
    """The bytes end before the head does; more of them may tell."""


class NotPicture(Exception):
    """The bytes are of no kind known here, or break its rules."""


def picture_of(data: bytes) -> Picture:
    """What the head says; frames are counted up to one more than 64.

    Raises: NotPicture, Truncated.
    Cost: a few chunks; for animations and GIF one step a block, bounded.
    """
    read = next((read for magic, read in _KINDS if data.startswith(magic)), None)
    if read is None:
        raise Truncated if len(data) < 12 else NotPicture
    try:
        picture = read(data)
    except (error, IndexError):
        raise Truncated from None
    if picture.width < 1 or picture.height < 1:
        raise NotPicture
    return picture


def check_picture(data: bytes, pointer: str) -> None:
    """Refuse a picture of a kind not read here, or too large to decode.

    Raises: UnsupportedMedia (415), BodyTooLarge (413), SchemaViolation (422, cut off).
    """
    try:
        _check_bounds(picture_of(data), pointer)
    except NotPicture:
        raise _unread(pointer) from None
    except Truncated:
        raise SchemaViolation(errors=(FieldError(pointer, "is cut off: the picture's head is not whole"),)) from None


def check_base64_picture(text: str, pointer: str) -> None:
    """The same for base64; no more is decoded than tells, mostly the first 48 KiB.

    Raises: as check_picture, and SchemaViolation (422) when it is not base64.
    """
    try:
        if len(text) > HEAD_CHARACTERS:
            try:
                return _check_bounds(picture_of(a2b_base64(text[:HEAD_CHARACTERS], strict_mode=True)), pointer)
            except Truncated:
                pass
        return check_picture(a2b_base64(text, strict_mode=True), pointer)
    except NotPicture:
        raise _unread(pointer) from None
    except ValueError:
        raise SchemaViolation(errors=(FieldError(pointer, "must be base64 (RFC 4648, section 4)"),)) from None


def _unread(pointer: str) -> UnsupportedMedia:
    return UnsupportedMedia("Not a picture this service reads.", errors=(FieldError(pointer, _READ),))


def _check_bounds(picture: Picture, pointer: str) -> None:
    if picture.width * picture.height > MOST_PIXELS:
        message = f"has {picture.width} x {picture.height} pixels; at most {MOST_PIXELS // 10**6} million"
        raise BodyTooLarge("The picture has too many pixels.", errors=(FieldError(pointer, message),))
    if picture.frames > MOST_FRAMES:
        message = f"has more than {MOST_FRAMES} frames"
        raise BodyTooLarge("The picture has too many frames.", errors=(FieldError(pointer, message),))


def _png(data: bytes) -> Picture:
    if data[12:16] != b"IHDR":
        raise NotPicture if len(data) >= 16 else Truncated
    width, height = unpack_from(">II", data, 16)
    at, frames = 8, 1
    for _ in range(MOST_STEPS):
        size, kind = unpack_from(">I4s", data, at)
        if kind == b"acTL":
            frames = unpack_from(">I", data, at + 8)[0]
        if kind in {b"IDAT", b"IEND"}:
            return Picture("image/png", width, height, frames)
        at += 12 + size
    raise NotPicture


def _jpeg(data: bytes) -> Picture:
    at, orientation = 2, 1
    for _ in range(MOST_STEPS):
        if data[at] != 0xFF:
            raise NotPicture
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = unpack_from(">HH", data, at + 5)
            return Picture("image/jpeg", width, height, 1, orientation)
        elif marker in {0xD9, 0xDA}:
            raise NotPicture
        else:
            size = unpack_from(">H", data, at + 2)[0]
            if marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
                orientation = _exif_orientation(data[at + 10 : at + 2 + size])
            at += 2 + size
    raise NotPicture


def _exif_orientation(tiff: bytes) -> int:
    """What tag 274 of the first directory says; 1 where it says nothing sensible."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 10:
        return 1
    at = unpack_from(f"{order}I", tiff, 4)[0]
    if at + 2 > len(tiff):
        return 1
    entries = min(unpack_from(f"{order}H", tiff, at)[0], (len(tiff) - at - 2) // 12)
    for entry in range(entries):
        tag, kind, _, value = unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * entry)
        if tag == 0x0112:
            return value if kind == 3 and 1 <= value <= 8 else 1
    return 1


def _gif(data: bytes) -> Picture:
    if data[4:6] not in {b"7a", b"9a"}:
        raise NotPicture
    width, height, flags = unpack_from("<HHB", data, 6)
    at, frames = 13 + _palette_bytes(flags), 0
    for _ in range(MOST_STEPS):
        block = data[at]
        if block == 0x3B or frames > MOST_FRAMES:
            return Picture("image/gif", width, height, frames)
        if block == 0x2C:
            left, top, wide, high, flags = unpack_from("<HHHHB", data, at + 1)
            width, height, frames = max(width, left + wide), max(height, top + high), frames + 1
            at = _after_blocks(data, at + 11 + _palette_bytes(flags))
        elif block == 0x21:
            at = _after_blocks(data, at + 2)
        else:
            raise NotPicture
    raise NotPicture


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    for _ in range(MOST_STEPS):
        size = data[at]
        at += size + 1
        if size == 0:
            return at
    raise NotPicture


def _webp(data: bytes) -> Picture:
    if data[8:12] != b"WEBP":
        raise NotPicture if len(data) >= 12 else Truncated
    kind = data[12:16]
    if kind == b"VP8 ":
        if data[23:26] != b"\x9d\x01\x2a":
            raise NotPicture if len(data) >= 26 else Truncated
        width, height = unpack_from("<HH", data, 26)
        return Picture("image/webp", width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        bits = unpack_from("<I", data, 21)[0]
        return Picture("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind != b"VP8X":
        raise NotPicture if len(data) >= 16 else Truncated
    width = int.from_bytes(data[24:27], "little") + 1
    height = unpack_from("<H", data, 27)[0] + (data[29] << 16) + 1
    frames = _webp_frames(data) if data[20] & 0x02 else 1
    return Picture("image/webp", width, height, frames)


def _webp_frames(data: bytes) -> int:
    end = min(unpack_from("<I", data, 4)[0] + 8, 2**32)
    at, frames = 12, 0
    for _ in range(MOST_STEPS):
        if at >= end or frames > MOST_FRAMES:
            return frames
        kind, size = unpack_from("<4sI", data, at)
        frames += kind == b"ANMF"
        at += 8 + size + (size & 1)
    raise NotPicture


_KINDS: tuple[tuple[bytes, Callable[[bytes], Picture]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8\xff", _jpeg),
    (b"GIF8", _gif),
    (b"RIFF", _webp),
)
