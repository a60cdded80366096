"""The `detail` column of rows that are no calls (of a call it says how its answer was given again): canonical JSON, and record numbers as JSON."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def detail_text(detail: Mapping[str, Any]) -> str:
    """The text kept and signed."""
    return _encode(detail).decode()


def detail_of(text: str) -> dict[str, Any]:
    """What a text says.

    Raises: ValueError.
    """
    return _decode(text)


def numbers_text(numbers: Iterable[int]) -> str:
    """Numbers as one value to bind, which SQL reads with `json_each`."""
    return _encode(list(numbers)).decode()


def ranges_of(numbers: Iterable[int]) -> list[list[int]]:
    """Sorted numbers as ranges, both ends included."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges
