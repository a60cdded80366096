"""Anthropic's models by Bedrock's InvokeModel and InvokeModelWithResponseStream: Anthropic's own messages.

Source: service model bedrock-runtime 2023-09-30; Bedrock user guide, "Anthropic Claude Messages API".
"""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from headworks.errors import HeadworksError
from headworks.targets.providers.anthropic.chat import AnthropicChat
from headworks.targets.providers.anthropic.events import Telling
from headworks.targets.providers.anthropic.messages import AnthropicMessages
from headworks.targets.providers.aws.eventstream import Event
from headworks.targets.providers.aws.framed import FramedReader
from headworks.targets.providers.aws.refusals import failure
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse, Piece


class _Chunk(Struct, frozen=True):
    data: bytes = field(name="bytes")


_CHUNK = msgspec.json.Decoder(_Chunk)


class BedrockAnthropic:
    """A chat, or messages as they stand, with one of Anthropic's models on Bedrock, by its id or ARN."""

    can_stream = True

    def __init__(self, inner: AnthropicChat | AnthropicMessages) -> None:
        self.task = inner.task
        self.model = inner.model
        self._inner = inner

    def request(self, ask: Ask) -> HttpRequest:
        """The conversation in Anthropic's words.

        Raises: ProviderUnable, naming the field that it has no word for.
        """
        return self._inner.request(ask)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The message in the task's shape.

        Raises: ProviderBroken; what an error inside a 200 means.
        """
        return self._inner.reply(ask, response)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By the error's name, else by status."""
        return failure(response)

    def reader(self, ask: Ask) -> FramedReader:
        """Events of the task out of binary events, each of which holds one of Anthropic's own."""
        return FramedReader(_Wrapped(self._inner.events(ask)))


class _Wrapped:
    """Anthropic's events inside Bedrock's."""

    __slots__ = ("_events",)

    def __init__(self, events: Telling) -> None:
        self._events = events

    @property
    def is_done(self) -> bool:
        """Whether `message_stop` came."""
        return self._events.is_done

    def told(self, event: Event) -> list[Piece]:
        """The pieces of the event within."""
        return self._events.told(decoded(_CHUNK, event.payload).data) if event.name == "chunk" else []
