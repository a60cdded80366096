"""Models of every kind, small and exact, for tests of the whole path."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import msgspec

import headworks


class Numbers(msgspec.Struct, forbid_unknown_fields=True):
    x: Annotated[list[float], msgspec.Meta(min_length=1, max_length=64)]


class Total(msgspec.Struct):
    total: float


class Text(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, msgspec.Meta(max_length=2_000_000)]


class Sum(headworks.Model):
    """Adds numbers, many rows at once."""

    examples = [Numbers([1.0])]

    def predict(self, batch: list[Numbers]) -> list[Total]:
        return [Total(sum(row.x)) for row in batch]


class Echo(headworks.Model):
    """Gives back what it got; one at a time."""

    def predict(self, row: Text) -> Text:
        return row


class Poison(headworks.Model):
    """Fails on bad rows, dies on deadly ones, hangs on slow ones."""

    def predict(self, batch: list[Text]) -> list[Text]:
        for row in batch:
            if row.text == "raise":
                raise ValueError("secret-of-the-model")
            if row.text == "die":
                os._exit(7)
            if row.text.startswith("sleep "):
                time.sleep(float(row.text.split()[1]))
        return batch


class Liar(headworks.Model):
    """Breaks its own contract."""

    def predict(self, batch: list[Text]) -> list[Total]:
        return [Total("many") if row.text == "lie" else Total(1.0) for row in batch]


class Count(headworks.Model):
    """Streams numbers."""

    def predict(self, row: Numbers) -> Iterator[Total]:
        for number in row.x:
            if number < 0:
                raise ValueError("negative")
            if number > 1000:
                time.sleep(0.05)
            yield Total(number)


class Later(headworks.Model):
    """Waits without holding the process."""

    async def predict(self, row: Numbers) -> Total:
        await asyncio.sleep(row.x[0])
        return Total(row.x[0])


class Ticks(headworks.Model):
    """Streams without holding the process."""

    async def predict(self, row: Numbers) -> AsyncIterator[Total]:
        for number in row.x:
            await asyncio.sleep(0.01)
            yield Total(number)


@headworks.model
def shout(text: str) -> str:
    """Upper case."""
    return text.upper()
