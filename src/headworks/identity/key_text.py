"""The text of an API key: `<prefix>_<environment>_<id>_<secret>_<checksum>`.

The id (8 characters) is public, the secret (43) holds 256 bits, the checksum (6) is the CRC-32 of all before it; each
in base 62. Prefix and checksum let scanners and redactors know a key without asking anybody; `_` lets a double click
select all of it.

Source: the shape of GitHub's tokens since 2021.
"""

import re
import zlib
from collections.abc import Callable

from msgspec import Struct

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH = 8
SECRET_LENGTH = 43
CHECKSUM_LENGTH = 6
LONGEST = 96
ID_FROM_END = slice(-(ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH + 2), -(SECRET_LENGTH + CHECKSUM_LENGTH + 2))
"""Where the id stands in a key of any prefix."""

_KEY = re.compile(r"([a-z][a-z0-9]{0,16})_([a-z][a-z0-9]{0,11})_([0-9A-Za-z]{8})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})")
_IN_TEXT = re.compile(r"_([0-9A-Za-z]{8})_[0-9A-Za-z]{24,43}(?:_[0-9A-Za-z]{0,6})?")


class KeyText(Struct, frozen=True):
    """A whole key; prints as dots."""

    prefix: str
    environment: str
    key_id: str
    secret: str

    def reveal(self) -> str:
        """The key as its owner sends it."""
        body = f"{self.prefix}_{self.environment}_{self.key_id}_{self.secret}"
        return f"{body}_{_checksum(body)}"

    def __repr__(self) -> str:
        return f"KeyText({self.prefix}_{self.environment}_{self.key_id}_…)"

    __str__ = __repr__


def mint(prefix: str, environment: str, random: Callable[[int], bytes]) -> KeyText:
    """A new key, its id and secret drawn from `random`."""
    key_id = _base62(int.from_bytes(random(16), "big") % 62**ID_LENGTH, ID_LENGTH)
    return KeyText(prefix, environment, key_id, _base62(int.from_bytes(random(32), "big"), SECRET_LENGTH))


def read_key(text: str) -> KeyText | None:
    """The parts of a key; None when the text is no key or its checksum is wrong."""
    match = _KEY.fullmatch(text)
    if match is None or _checksum(text[: -CHECKSUM_LENGTH - 1]) != match[5]:
        return None
    return KeyText(match[1], match[2], match[3], match[4])


def redact(text: str) -> str:
    """The text with the secret of every key in it, whole or cut short, replaced; ids stay."""
    return _IN_TEXT.sub(r"_\1_…", text)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(value: int, length: int) -> str:
    digits = [""] * length
    for position in range(length - 1, -1, -1):
        value, digit = divmod(value, 62)
        digits[position] = ALPHABET[digit]
    return "".join(digits)
