"""The JSON 1.1 family: one path, the operation in a header, errors by name. Source: Smithy `awsJson1_1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headworks.errors import HeadworksError
from headworks.targets.providers.aws.refusals import failure
from headworks.targets.providers.whole import Whole
from headworks.targets.providers.wire import HttpRequest, HttpResponse

_encode = msgspec.json.Encoder().encode


class Json11(Whole, frozen=True, kw_only=True):
    """An operation of that family."""

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By the error's name."""
        return failure(response)


def posted(target: str, body: Mapping[str, Any]) -> HttpRequest:
    """The request of `target`, such as `Comprehend_20171127.DetectSentiment`."""
    media = "application/x-amz-json-1.1"
    headers = (("content-type", media), ("accept", media), ("x-amz-target", target))
    return HttpRequest("POST", "/", headers, _encode(body))
