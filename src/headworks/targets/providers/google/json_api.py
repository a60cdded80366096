"""What Google's REST services share: JSON posted to a method's path, errors as google.rpc.Status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headworks.errors import HeadworksError
from headworks.targets.providers.google.refusals import failure
from headworks.targets.providers.whole import Whole
from headworks.targets.providers.wire import JSON_FIELDS, HttpRequest, HttpResponse

_encode = msgspec.json.Encoder().encode


class JsonApi(Whole, frozen=True, kw_only=True):
    """An operation of such a service."""

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By reason, canonical status or HTTP status."""
        return failure(response)


def posted(path: str, body: Mapping[str, Any]) -> HttpRequest:
    """The request of a method."""
    return HttpRequest("POST", path, JSON_FIELDS, _encode(body))
