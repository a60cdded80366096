"""POST /v1/moderations, /v1/images/generations and /v1/audio/speech, whose tasks have OpenAI's shapes or nearly so.

Source: platform.openai.com, API reference, "Moderations", "Images", "Audio".
"""

from collections.abc import Mapping
from typing import Any

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import Decoder

from headworks.contract.schema import JSON
from headworks.dialects.openai.body import Form, encode, fields_of, refused, told, under_its_name
from headworks.dialects.openai.chat import timed
from headworks.dialects.openai.pictures import refuse_fetching
from headworks.dialects.openai.whole import Whole
from headworks.errors import ContractViolation

_HERE = frozenset({"model", "stream"})
_PARAMETERS = (("voice", "voice"), ("response_format", "format"), ("speed", "speed"), ("instructions", "instructions"))


_NAMES = {"/inputs": "/input", **{f"/parameters/{ours}": f"/{theirs}" for theirs, ours in _PARAMETERS}}


class _Sound(Struct, frozen=True):
    audio: bytes
    media_type: str


_sound = Decoder(_Sound).decode


def moderations() -> Whole:
    """What is harmful in texts or pictures."""
    return Whole("moderation", "/v1/moderations", _judged, _under_its_name)


def images() -> Whole:
    """Pictures of a description."""
    return Whole("image-generation", "/v1/images/generations", lambda document: told(document, _HERE), dated)


def speech() -> Whole:
    """A text as sound: the answer is the sound itself."""
    return Whole("text-to-speech", "/v1/audio/speech", _said, _sounding, _NAMES)


def _judged(document: Mapping[str, Any]) -> dict[str, Any]:
    asked = told(document, _HERE)
    refuse_fetching([{"content": asked.get("input")}], "/input/{place}")
    return asked


def _under_its_name(form: Form, body: bytes) -> tuple[bytes, str]:
    return under_its_name(form.model, body), JSON


def dated(form: Form, body: bytes) -> tuple[bytes, str]:
    """Pictures as they came, with the request's time where the target tells none."""
    return encode(timed(fields_of(body), form)), JSON


def _said(document: Mapping[str, Any]) -> dict[str, Any]:
    if document.get("stream_format") not in (None, "audio"):
        raise refused("/stream_format", "must be audio or absent: this answer comes whole")
    parameters = {ours: document[name] for name, ours in _PARAMETERS if document.get(name) is not None}
    voice = parameters.get("voice")
    if isinstance(voice, dict) and isinstance(voice.get("id"), str):
        parameters["voice"] = voice["id"]
    text = {} if document.get("input") is None else {"inputs": document["input"]}
    return {**text, **({"parameters": parameters} if parameters else {})}


def _sounding(form: Form, body: bytes) -> tuple[bytes, str]:
    try:
        sound = _sound(body)
    except (DecodeError, ValidationError) as error:
        raise ContractViolation(reason=f"an answer of the task text-to-speech cannot be read: {error}") from None
    return sound.audio, sound.media_type
