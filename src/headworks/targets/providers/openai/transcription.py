"""Speech to text in OpenAI's dialect: the recording goes out as a form's file.

Source: OpenAI API, `POST /v1/audio/transcriptions`; RFC 7578 for the form.
"""

from __future__ import annotations

from binascii import a2b_base64

import msgspec
from msgspec import Raw, Struct, structs

from headworks.contract.tasks.speech_to_text import Chunk, Parameters, Reply
from headworks.costs import Amount, Count, Usage
from headworks.errors import HeadworksError
from headworks.targets.providers.openai.document import NULL, encode, refused, refused_inside
from headworks.targets.providers.openai.facts import SOUND_HEADS, Server
from headworks.targets.providers.openai.form import form_request
from headworks.targets.providers.understand import UNKNOWN, usage_in
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

WORD = "word"
"""Times word by word."""


class _Asked(Struct, frozen=True):
    inputs: str = ""
    parameters: Parameters | None = None


class _Word(Struct, frozen=True):
    word: str
    start: float
    end: float


class _Segment(Struct, frozen=True):
    text: str
    start: float
    end: float


class _Spent(Struct, frozen=True):
    seconds: Amount | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None


class _Reply(Struct, frozen=True):
    text: str | None = None
    segments: list[_Segment] | None = None
    words: list[_Word] | None = None
    duration: Raw = NULL
    usage: Raw = NULL
    error: Raw = NULL


_asked = msgspec.json.Decoder(_Asked).decode
_spent = msgspec.json.Decoder(_Spent).decode
_duration = msgspec.json.Decoder(Amount).decode
_reply = msgspec.json.Decoder(_Reply)


class OpenAiTranscription(Whole, frozen=True, kw_only=True):
    """What is said in a recording, by one model."""

    task: str = "speech-to-text"
    server: Server

    def request(self, ask: Ask) -> HttpRequest:
        """A form: the model, what is wanted, the file."""
        sound = next((data for name, data in ask.blobs if name in {"", "inputs"}), None)
        if sound is None:
            sound = a2b_base64(_asked(ask.document).inputs)
        wanted = _wanted(ask)
        fields = {"model": self.model, "response_format": "json"}
        hints = {"language": wanted.language, "prompt": wanted.prompt, "temperature": wanted.temperature}
        fields |= {name: str(hint) for name, hint in hints.items() if hint is not None}
        if wanted.return_timestamps:
            parts = WORD if wanted.return_timestamps == WORD else "segment"
            fields |= {"response_format": "verbose_json", "timestamp_granularities[]": parts}
        path = f"{self.server.path}/audio/transcriptions{self.server.query}"
        return form_request(path, fields, _named(sound), sound)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The words, in parts where that was asked and the model can.

        Raises: ProviderBroken without words; what an error inside a 200 means.
        """
        wire = decoded(_reply, response.body)
        if wire.text is None:
            raise refused_inside(wire.error)
        chunks = [Chunk(part.text, (part.start, part.end)) for part in wire.segments or ()]
        if _wanted(ask).return_timestamps == WORD:
            chunks = [Chunk(part.word, (part.start, part.end)) for part in wire.words or ()]
        usage = usage_in(wire.usage, _spent, _usage) or UNKNOWN
        if usage.seconds is None:
            usage = structs.replace(usage, seconds=(usage_in(wire.duration, _duration, _lasting) or UNKNOWN).seconds)
        return Answer(encode(Reply(wire.text, chunks or None)), usage, self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By code, then by type, then by status (facts.BY_CODE)."""
        return refused(response)


def _usage(spent: _Spent) -> Usage:
    return Usage(input_tokens=spent.input_tokens, output_tokens=spent.output_tokens, seconds=spent.seconds)


def _lasting(seconds: float) -> Usage:
    return Usage(seconds=seconds)


def _wanted(ask: Ask) -> Parameters:
    """The parameters, none of them set where the caller set none."""
    return (_asked(ask.document).parameters if ask.document else None) or Parameters()


def _named(sound: bytes) -> str:
    """A file's name, whose ending tells such servers what it is."""
    return f"sound.{next((end for end, at, head in SOUND_HEADS if sound[at:].startswith(head)), 'wav')}"
