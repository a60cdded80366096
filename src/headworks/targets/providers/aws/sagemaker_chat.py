"""Chat with a SageMaker endpoint whose container speaks OpenAI's dialect (TGI, vLLM, LMI), streamed through PayloadParts.

Source: service model sagemaker-runtime 2017-05-13, InvokeEndpointWithResponseStream.
"""

from __future__ import annotations

from msgspec.structs import replace

from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.aws.eventstream import EventDecoder
from headworks.targets.providers.aws.refusals import failure, message_of, named
from headworks.targets.providers.aws.sagemaker import invocations
from headworks.targets.providers.openai.chat import OpenAiChat
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse, Piece, Reader

_CONTAINER = Server(names_model=False)


class SageMakerChat:
    """Chat with one endpoint."""

    task = "chat"
    can_stream = True

    def __init__(self, endpoint: str) -> None:
        self.model = endpoint
        self._inner = OpenAiChat(endpoint, _CONTAINER)

    def request(self, ask: Ask) -> HttpRequest:
        """The same conversation, to the endpoint's path."""
        return replace(self._inner.request(ask), path=invocations(self.model, is_stream=ask.is_stream))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The container's answer.

        Raises: ProviderBroken; what an error inside a 200 means.
        """
        return self._inner.reply(ask, response)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By the error's name, else by status."""
        return failure(response)

    def reader(self, ask: Ask) -> PartsReader:
        """Chunks out of the container's own stream, of which each part holds any stretch."""
        return PartsReader(self._inner.reader(ask))


class PartsReader:
    """Unwraps the parts of a payload for the reader of what they hold."""

    __slots__ = ("_decoder", "_inner")

    def __init__(self, inner: Reader) -> None:
        self._decoder = EventDecoder()
        self._inner = inner

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces these bytes complete.

        Raises: what an exception in the stream means; ProviderBroken.
        """
        pieces: list[Piece] = []
        for event in self._decoder.feed(data):
            if event.kind != "event":
                raise named(event.name, event.message or message_of(event.payload))
            if event.name == "PayloadPart":
                pieces += self._inner.feed(event.payload)
        return pieces

    def finish(self) -> list[Piece]:
        """What the inner reader still has.

        Raises: ProviderBroken when a part is cut off or the inner end never came.
        """
        if not self._decoder.is_between:
            raise ProviderBroken(reason="the stream ended within a part")
        return self._inner.finish()
