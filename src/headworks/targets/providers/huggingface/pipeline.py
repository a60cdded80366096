"""What the task pipelines share: where they stand, how they are asked, how they are counted and refused.

Source: Hugging Face task specifications; huggingface_hub, inference/_providers/hf_inference.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

import msgspec

from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.asked import Pictured
from headworks.targets.providers.huggingface.refusals import refused
from headworks.targets.providers.whole import Whole
from headworks.targets.providers.wire import JSON_FIELDS, HttpRequest, HttpResponse

ROUTED = "/hf-inference/models/"
DEDICATED = "/"

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode


def path_of(model: str, suffix: str = "") -> str:
    """Where a model's pipeline stands on the router."""
    return ROUTED + quote(model, safe="/") + suffix


class Pipeline(Whole, frozen=True, kw_only=True):
    """A pipeline at `path`; `labels` renames the labels of a model whose own say nothing.

    `suffix` follows a model on the router where models of several pipelines have to be told which.
    """

    suffix: ClassVar[str] = ""
    path: str
    labels: Mapping[str, str] = {}

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By `error_type`, then by status."""
        return refused(response)

    def posted(self, inputs: Any, parameters: Mapping[str, Any]) -> HttpRequest:
        """The request with those parameters that are set."""
        kept = {name: value for name, value in parameters.items() if value is not None}
        return HttpRequest("POST", self.path, JSON_FIELDS, _encode({"inputs": inputs, "parameters": kept}))

    def posted_picture(self, picture: Pictured, parameters: Mapping[str, Any]) -> HttpRequest:
        """The picture as it is where there is nothing else to say, else within JSON."""
        if any(value is not None for value in parameters.values()):
            return self.posted(picture.data, parameters)
        fields = (("content-type", picture.head.media), ("accept", "application/json"))
        return HttpRequest("POST", self.path, fields, picture.data)


def only(items: list[T]) -> T:
    """The answer to the one input.

    Raises: ProviderBroken when there is not exactly one.
    """
    if len(items) != 1:
        raise ProviderBroken(reason=f"{len(items)} answers to one input")
    return items[0]
