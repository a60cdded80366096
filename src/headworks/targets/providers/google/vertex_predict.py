"""Vertex AI custom and AutoML endpoints: predict with one instance.

Source: google.cloud.aiplatform.v1 PredictRequest and PredictResponse; AutoML tabular's prediction formats.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from headworks.errors import ProviderBroken
from headworks.targets.providers.asked import PICTURE_TASKS, pictured
from headworks.targets.providers.google.json_api import JsonApi, posted
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

_row = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class _Reply(Struct, frozen=True):
    predictions: list[Any]


_REPLY = msgspec.json.Decoder(_Reply)


class Predict(JsonApi, frozen=True, kw_only=True):
    """One endpoint: a row is one instance, a picture its `inputs` as base64; the prediction must be the task's reply.

    Numbers and AutoML's own forms of tabular predictions are put into the task's.
    """

    def request(self, ask: Ask) -> HttpRequest:
        """One instance."""
        row = _row(ask.document) if ask.document else {}
        if self.task in PICTURE_TASKS:
            row = {**row, "inputs": b64encode(pictured(ask).data).decode()}
        return posted(f"/endpoints/{self.model}:predict", {"instances": [row]})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The only prediction.

        Raises: ProviderBroken when there is not exactly one.
        """
        told = decoded(_REPLY, response.body).predictions
        if len(told) != 1:
            raise ProviderBroken(reason=f"{len(told)} predictions of one instance")
        shape = _SHAPES.get(self.task)
        return Answer(_encode(told[0] if shape is None else shape(told[0])), None, self.model)


def _regression(told: Any) -> Any:
    if isinstance(told, list) and len(told) == 1:
        told = told[0]
    if isinstance(told, Mapping) and "value" in told:
        told = told["value"]
    return {"prediction": told} if isinstance(told, int | float) else told


def _classification(told: Any) -> Any:
    if not isinstance(told, Mapping) or not {"classes", "scores"} <= told.keys():
        return told
    chances = dict(zip(map(str, told["classes"]), told["scores"], strict=False))
    if not chances or len(chances) != len(told["scores"]):
        raise ProviderBroken(reason="not one score a class")
    best = max(chances, key=lambda label: chances[label])
    return {"label": best, "score": chances[best], "probabilities": chances}


_SHAPES = {"tabular-regression": _regression, "tabular-classification": _classification}
