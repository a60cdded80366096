"""Text to speech in OpenAI's dialect; the sound comes as bytes and is told in JSON, as the task has it.

Source: OpenAI API, `POST /v1/audio/speech`.
"""

from __future__ import annotations

import msgspec

from headworks.contract.tasks.text_to_speech import Parameters, Reply, Request
from headworks.costs import Usage
from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.openai.document import encode, refused
from headworks.targets.providers.openai.facts import DEFAULT_VOICE, SOUND_MEDIA, Server
from headworks.targets.providers.whole import Whole
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

_decode = msgspec.json.Decoder(Request).decode
_FIELDS = (("content-type", "application/json"), ("accept", "*/*"))


class OpenAiSpeech(Whole, frozen=True, kw_only=True):
    """A text said by one model, in one of its voices."""

    task: str = "text-to-speech"
    server: Server

    def request(self, ask: Ask) -> HttpRequest:
        """The text, and how to say it."""
        asked = _decode(ask.document)
        wanted = asked.parameters or Parameters()
        said = {"response_format": wanted.format, "speed": wanted.speed, "instructions": wanted.instructions}
        body: dict[str, str | float] = {
            "model": self.model,
            "input": asked.inputs,
            "voice": wanted.voice or DEFAULT_VOICE,
        }
        body |= {name: value for name, value in said.items() if value is not None}
        path = f"{self.server.path}/audio/speech{self.server.query}"
        return HttpRequest("POST", path, _FIELDS, encode(body))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The sound; what is billed is the text's length.

        Raises: ProviderBroken for what is no sound.
        """
        media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media.startswith(("application/json", "text/")) or not response.body:
            raise ProviderBroken(reason=f"no sound but {media or 'nothing'}")
        asked = _decode(ask.document)
        if not media.startswith("audio/"):
            media = SOUND_MEDIA[(asked.parameters or Parameters()).format or "mp3"]
        return Answer(encode(Reply(response.body, media)), Usage(characters=len(asked.inputs)), self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By code, then by type, then by status (facts.BY_CODE)."""
        return refused(response)
