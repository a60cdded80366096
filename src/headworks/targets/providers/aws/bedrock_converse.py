"""Chat by Bedrock's Converse and ConverseStream: any model of Bedrock in one form.

Source: service model bedrock-runtime 2023-09-30.
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from headworks.errors import HeadworksError
from headworks.targets.providers.aws.converse_answering import answer_of
from headworks.targets.providers.aws.converse_asking import conversation
from headworks.targets.providers.aws.converse_events import ConverseEvents
from headworks.targets.providers.aws.converse_facts import UNSAYABLE
from headworks.targets.providers.aws.framed import FramedReader
from headworks.targets.providers.aws.refusals import failure
from headworks.targets.providers.chat_in import asked_chat, cap_of
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

EVENT_STREAM = "application/vnd.amazon.eventstream"
_encode = msgspec.json.Encoder().encode


class ConverseChat:
    """Chat with one model, inference profile or endpoint, by its id or ARN."""

    task = "chat"
    can_stream = True

    def __init__(self, model: str) -> None:
        self.model = model
        self._path = f"/model/{quote(model, safe='')}"

    def request(self, ask: Ask) -> HttpRequest:
        """The conversation in Converse's words.

        Raises: ProviderUnable, naming the field that it has no word for.
        """
        request = asked_chat(ask, UNSAYABLE)
        operation, accept = ("converse-stream", EVENT_STREAM) if ask.is_stream else ("converse", "application/json")
        fields = (("content-type", "application/json"), ("accept", accept))
        body = _encode(conversation(request, self.model, cap_of(request, ask)))
        return HttpRequest("POST", f"{self._path}/{operation}", fields, body)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The message as a chat's answer.

        Raises: ProviderBroken.
        """
        return answer_of(response.body, response.headers.get("x-amzn-requestid", ""), self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By the error's name, else by status."""
        return failure(response)

    def reader(self, ask: Ask) -> FramedReader:
        """Chunks out of binary events."""
        return FramedReader(ConverseEvents(self.model))
