"""Models that tests under load need: slow in a known way, held at a gate, echoing what only one caller knows."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

import headworks


class Text(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, msgspec.Meta(max_length=2_000_000)]


class Together(headworks.Model):
    """Gives back many rows at once."""

    examples = [Text("example")]

    def predict(self, batch: list[Text]) -> list[Text]:
        time.sleep(0.0002 * len(batch))
        return batch


class Alone(headworks.Model):
    """Gives back one row."""

    examples = [Text("example")]

    def predict(self, row: Text) -> Text:
        return row


class Pieces(headworks.Model):
    """Gives one row back three times, as events."""

    examples = [Text("example")]

    def predict(self, row: Text) -> Iterator[Text]:
        for _ in range(3):
            yield row


class Gate(headworks.Model):
    """Holds a row that says `hold` until the file GATE is there; tells how many rows it has seen."""

    def load(self) -> None:
        self.seen = 0

    def predict(self, row: Text) -> Text:
        self.seen += 1
        if row.text == "hold":
            while not Path(os.environ["GATE"]).exists():
                time.sleep(0.002)
        return Text(str(self.seen))


class Steady(headworks.Model):
    """Takes 30 ms a row."""

    examples = [Text("example")]

    def predict(self, row: Text) -> Text:
        time.sleep(0.03)
        return row


class Hung(headworks.Model):
    """Never comes back from a row that says `hang`."""

    def predict(self, batch: list[Text]) -> list[Text]:
        if any(row.text == "hang" for row in batch):
            time.sleep(3600)
        return batch


class Flood(headworks.Model):
    """Streams far more than fits into any buffer."""

    def predict(self, row: Text) -> Iterator[Text]:
        for _ in range(1_000):
            yield Text("f" * 50_000)
