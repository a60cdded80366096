"""The pipeline automatic-speech-recognition as speech to text. Source: Hugging Face task specification of this name.

Language and prompt are hints that it has no word for; they are left out.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from headworks.contract.tasks.speech_to_text import Chunk, Parameters, Reply
from headworks.targets.providers.huggingface.pipeline import Pipeline
from headworks.targets.providers.openai.facts import SOUND_HEADS
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

MEDIA: Mapping[str, str] = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "webm": "audio/webm",
}


class _Asked(Struct, frozen=True):
    inputs: str = ""
    parameters: Parameters | None = None


class _Chunk(Struct, frozen=True):
    text: str
    timestamp: tuple[float, float | None]


class _Told(Struct, frozen=True):
    text: str
    chunks: list[_Chunk] | None = None


_asked = msgspec.json.Decoder(_Asked).decode
_TOLD = msgspec.json.Decoder(_Told)
_encode = msgspec.json.Encoder().encode


class Words(Pipeline, frozen=True, kw_only=True):
    """What is said in a recording, with times where they are asked for."""

    task: str = "speech-to-text"

    def request(self, ask: Ask) -> HttpRequest:
        """The recording as it is where there is nothing else to say, else within JSON."""
        row = _asked(ask.document) if ask.document else _Asked()
        sound = next((data for name, data in ask.blobs if name in {"", "inputs"}), None)
        if sound is None:
            sound = a2b_base64(row.inputs)
        wanted = row.parameters or Parameters()
        freely = None if wanted.temperature is None else {"temperature": wanted.temperature}
        if wanted.return_timestamps or freely:
            return self.posted(
                sound, {"return_timestamps": wanted.return_timestamps or None, "generation_parameters": freely}
            )
        return HttpRequest("POST", self.path, (("content-type", _media(sound)), ("accept", "application/json")), sound)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The words; a last part whose end the model did not hear ends where it begins.

        Raises: ProviderBroken.
        """
        told = decoded(_TOLD, response.body)
        parts = [Chunk(one.text, (one.timestamp[0], _end(one.timestamp))) for one in told.chunks or ()]
        return Answer(_encode(Reply(told.text, parts or None)), None, self.model)


def _end(times: tuple[float, float | None]) -> float:
    begins, ends = times
    return begins if ends is None else ends


def _media(sound: bytes) -> str:
    """What the recording is, by its first bytes."""
    return MEDIA[next((end for end, at, head in SOUND_HEADS if sound[at:].startswith(head)), "wav")]
