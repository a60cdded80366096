"""Amazon SageMaker endpoints: a container of the team's own behind InvokeEndpoint, asked in the task's own shape.

Source: service model sagemaker-runtime 2017-05-13; the inference toolkits of Hugging Face for SageMaker take these shapes.
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.asked import PICTURE_TASKS, pictured
from headworks.targets.providers.aws.refusals import failure
from headworks.targets.providers.whole import Whole
from headworks.targets.providers.wire import JSON_FIELDS, Answer, Ask, HttpRequest, HttpResponse

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Endpoint(Whole, frozen=True, kw_only=True):
    """One endpoint: a row goes as JSON, a picture as it is; what comes back must be the task's reply as it stands."""

    def request(self, ask: Ask) -> HttpRequest:
        """One row, or one picture."""
        path = invocations(self.model)
        if self.task not in PICTURE_TASKS:
            return HttpRequest("POST", path, JSON_FIELDS, ask.document)
        picture = pictured(ask)
        fields = (("content-type", picture.head.media), ("accept", "application/json"))
        return HttpRequest("POST", path, fields, picture.data)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The document as it came; one answer in a list of its own is taken out, as several toolkits wrap it.

        Raises: ProviderBroken when it is not JSON.
        """
        try:
            told = _decode(response.body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ProviderBroken(reason=f"reply: {str(error)[:200]}") from None
        is_wrapped = isinstance(told, list) and len(told) == 1 and isinstance(told[0], list | dict)
        if is_wrapped and (isinstance(told[0], list) or self.task in ONE_OBJECT):
            return Answer(_encode(told[0]), None, self.model)
        return Answer(response.body, None, self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By the error's name, else by status."""
        return failure(response)


ONE_OBJECT = frozenset({"translation", "summarization", "generate", "tabular-classification", "tabular-regression"})
"""Tasks whose reply is one object."""


def invocations(endpoint: str, *, is_stream: bool = False) -> str:
    """The path of an endpoint."""
    return f"/endpoints/{quote(endpoint, safe='')}/invocations{'-response-stream' if is_stream else ''}"
