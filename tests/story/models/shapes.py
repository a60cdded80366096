"""One task in several forms: some may follow each other under one published version, some may not."""

import msgspec

import headworks


class Numbers(msgspec.Struct, forbid_unknown_fields=True):
    x: list[float]


class Total(msgspec.Struct):
    total: float


class First(headworks.Model):
    """What is published at first."""

    examples = [Numbers([1.0])]

    def predict(self, batch: list[Numbers]) -> list[Total]:
        return [Total(sum(row.x)) for row in batch]


class Doubled(headworks.Model):
    """The same shape, other answers."""

    examples = [Numbers([1.0])]

    def predict(self, batch: list[Numbers]) -> list[Total]:
        return [Total(2 * sum(row.x)) for row in batch]


class MoreNumbers(msgspec.Struct, forbid_unknown_fields=True):
    x: list[float]
    times: float = 1.0


class Wider(headworks.Model):
    """Takes one thing more, which nobody has to send."""

    def predict(self, batch: list[MoreNumbers]) -> list[Total]:
        return [Total(row.times * sum(row.x)) for row in batch]


class OtherNumbers(msgspec.Struct, forbid_unknown_fields=True):
    y: list[float]


class Sums(msgspec.Struct):
    sums: float


class Renamed(headworks.Model):
    """Takes and gives something else."""

    def predict(self, batch: list[OtherNumbers]) -> list[Sums]:
        return [Sums(sum(row.y)) for row in batch]


class Unloadable(headworks.Model):
    """Finds no weights."""

    def load(self) -> None:
        raise FileNotFoundError("no weights at /nowhere")

    def predict(self, batch: list[Numbers]) -> list[Total]:
        return [Total(0.0) for _ in batch]


class BadExample(headworks.Model):
    """Fails on what it declares as an example."""

    examples = [Numbers([1.0])]

    def predict(self, batch: list[Numbers]) -> list[Total]:
        raise ValueError("not even my own example")
