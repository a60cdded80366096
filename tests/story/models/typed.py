"""Models of many types, for a client that makes calls from what is published."""

from datetime import date
from typing import Annotated, Literal

import msgspec
import numpy as np
import PIL.Image
from pydantic import BaseModel, Field

import headworks
from headworks.tasks import text_classification as tc


class Place(msgspec.Struct, forbid_unknown_fields=True):
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]


class Trip(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    stops: Annotated[list[Place], msgspec.Meta(min_length=1, max_length=5)]
    kind: Literal["walk", "ride"]
    day: date | None = None
    tags: dict[str, int] = {}


class Length(msgspec.Struct):
    stops: Annotated[int, msgspec.Meta(ge=1)]
    kind: str


class Trips(headworks.Model):
    def predict(self, batch: list[Trip]) -> list[Length]:
        return [Length(len(trip.stops), trip.kind) for trip in batch]


class Applicant(BaseModel):
    model_config = {"extra": "forbid", "strict": True}
    age: int = Field(ge=18, le=120)
    income: float = Field(ge=0, le=1e9, allow_inf_nan=False)
    owns_home: bool


class Risk(BaseModel):
    score: float = Field(ge=0, le=1)


class Credit(headworks.Model):
    def predict(self, batch: list[Applicant]) -> list[Risk]:
        return [Risk(score=1 / (1 + person.age)) for person in batch]


class Four(headworks.Model):
    def predict(self, row: Annotated[np.ndarray, headworks.Shape(4), headworks.DType("float64")]) -> float:
        return float(row.clip(-1e6, 1e6).sum())


class Mood(headworks.Model):
    def predict(self, batch: list[tc.Request]) -> list[tc.Reply]:
        return [[tc.Label("good", 0.75), tc.Label("bad", 0.25)] for _ in batch]


class Bytes(headworks.Model):
    def predict(self, row: bytes) -> int:
        return len(row)


class Look(headworks.Model):
    def predict(self, row: PIL.Image.Image) -> list[int]:
        return list(row.size)
