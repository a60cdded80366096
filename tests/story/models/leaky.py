"""Models that would give content away if anything listened."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

import headworks


class Text(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, msgspec.Meta(max_length=2_000_000)]


class Number(msgspec.Struct):
    number: float


class Careful(headworks.Model):
    """Answers with what it was given, twice."""

    def predict(self, row: Text) -> Text:
        return Text(f"{row.text} {row.text}")


class Wordy(headworks.Model):
    """Fails, and says with what."""

    def predict(self, batch: list[Text]) -> list[Text]:
        raise ValueError(f"cannot read {batch[0].text}")


class Wrong(headworks.Model):
    """Answers with what it was given, in the wrong shape."""

    def predict(self, row: Text) -> Number:
        return Number(row.text)


class Piecewise(headworks.Model):
    """Streams what it was given, then fails and says with what."""

    def predict(self, row: Text) -> Iterator[Text]:
        yield row
        raise ValueError(f"cannot go on with {row.text}")
