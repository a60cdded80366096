"""POST /v1/audio/transcriptions: a form with a recording; the answer as JSON, as text or as subtitles.

What the task does not know is refused by name.
Source: platform.openai.com, API reference, "Audio"; WebVTT (W3C) and SubRip for subtitles.
"""

from collections.abc import Callable
from typing import Any

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import Decoder

from headworks.contract.schema import JSON, pointer_of
from headworks.dialects.naming import endpoint_named
from headworks.dialects.native.form import parts_of
from headworks.dialects.native.media import boundary_of
from headworks.dialects.openai.body import Form, encode, refused, serves
from headworks.dialects.openai.embeddings import NoEvents
from headworks.dialects.openai.fields import rate_fields
from headworks.dialects.own_names import check, named
from headworks.errors import ContractViolation
from headworks.ports import Endpoints, EventWriter, Read
from headworks.units import RequestId
from headworks.values import Call, Endpoint, Matched, Payload, Quota, RawRequest

PATH = "/v1/audio/transcriptions"
TEXT = "text/plain; charset=utf-8"
RECORDING = "file"
WORD = "word"
_GRANULARITIES = "timestamp_granularities[]"
_KNOWN = frozenset(
    {
        "model", "response_format", "language", "prompt", "temperature", "stream", _GRANULARITIES, "chunking_strategy",
    }
)  # fmt: skip
"""Fields of the form beside the recording; in which pieces it is heard is the target's own choice."""

Times = tuple[float, float]


class _Chunk(Struct, frozen=True):
    text: str
    timestamp: Times


class _Transcript(Struct, frozen=True):
    text: str
    chunks: list[_Chunk] | None = None


_transcript = Decoder(_Transcript).decode


class FormDialect:
    """What paths share of a ports.Dialect that take a form and answer whole."""

    def endpoint(self, raw: RawRequest, matched: Matched, endpoints: Endpoints) -> Endpoint:
        """See ports.Dialect; the form is read up to its `model`."""
        for part, content in parts_of(raw.body, boundary_of(raw.headers.get("content-type"))):
            if part.name == "model":
                return endpoint_named(content.decode(errors="replace"), endpoints)
        raise refused("/model", "is required")

    def writer(self, call: Call) -> EventWriter:
        """See ports.Dialect."""
        return NoEvents()

    def fields(self, call: Call, request_id: RequestId, quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
        """See ports.Dialect."""
        return rate_fields(quotas)


class Transcriptions(FormDialect):
    """Implements ports.Dialect for transcriptions."""

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """See ports.Dialect."""
        serves(endpoint, PATH, "speech-to-text")
        sent = _sent(raw)
        if RECORDING not in sent:
            raise refused(f"/{RECORDING}", "is required")
        recording = sent.pop(RECORDING)
        fields = {name: content.decode(errors="replace") for name, content in sent.items()}
        form = fields.get("response_format", "json")
        if form not in _FORMATS:
            raise refused("/response_format", f"must be one of {', '.join(_FORMATS)}")
        if fields.get("stream", "false") != "false":
            raise refused("/stream", "must be false or absent: this answer comes whole")
        by_word = _is_by_word(fields, form)
        unknown = next((name for name in fields if name not in _KNOWN), None)
        if unknown is not None:
            raise refused(pointer_of((unknown.removesuffix("[]"),)), "is not known here")
        parameters: dict[str, Any] = {"return_timestamps": WORD if by_word else form in _TIMED}
        parameters |= {name: fields[name] for name in ("language", "prompt") if name in fields}
        if "temperature" in fields:
            parameters["temperature"] = _number(fields["temperature"])
        check(endpoint.contract.form, {"inputs": True, "parameters": parameters}, lambda at: named(at, _NAMES))
        asked = {"response_format": form, "language": fields.get("language", ""), WORD: by_word}
        payload = Payload(encode({"parameters": parameters}), (("inputs", recording),))
        return Read(payload, JSON, Form(fields.get("model", endpoint.name), raw.request_id, asked=asked))

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """See ports.Dialect.

        Raises: ContractViolation (502).
        """
        form: Form = call.form  # type: ignore[assignment]  # what `read` put there
        try:
            transcript = _transcript(body)
        except (DecodeError, ValidationError) as error:
            raise ContractViolation(reason=f"an answer of the task speech-to-text cannot be read: {error}") from None
        return _FORMATS[form.asked["response_format"]](form, transcript)


_NAMES = {"/inputs": f"/{RECORDING}", "/parameters": ""}
"""What is asked of the task, and under which name it was asked here."""


def _is_by_word(fields: dict[str, str], form: str) -> bool:
    """Whether times are wanted word by word.

    Raises: SchemaViolation (422), where a target could tell only one of what is wanted.
    """
    wanted = set(filter(None, fields.get(_GRANULARITIES, "").split(",")))
    if wanted - {WORD, "segment"} or len(wanted) > 1:
        raise refused("/timestamp_granularities", "must be word or segment, one of the two")
    if WORD in wanted and form != "verbose_json":
        raise refused("/timestamp_granularities", "must be segment unless response_format is verbose_json")
    return WORD in wanted


def _number(text: str) -> float:
    """How freely to guess, as a form tells it.

    Raises: SchemaViolation (422).
    """
    try:
        return float(text)
    except ValueError:
        raise refused("/temperature", "must be of type number") from None


def _sent(raw: RawRequest) -> dict[str, bytes]:
    """The fields of the form; one whose name ends in `[]` may stand in several parts.

    Raises: SchemaViolation (422), and what reading a form raises.
    """
    sent: dict[str, bytes] = {}
    for part, content in parts_of(raw.body, boundary_of(raw.headers.get("content-type"))):
        name = part.name or ""
        if name in sent and not name.endswith("[]"):
            raise refused(pointer_of((name,)), "is sent twice")
        sent[name] = sent[name] + b"," + content if name in sent else content
    return sent


def _json(form: Form, transcript: _Transcript) -> tuple[bytes, str]:
    return encode({"text": transcript.text}), JSON


def _plain(form: Form, transcript: _Transcript) -> tuple[bytes, str]:
    return f"{transcript.text}\n".encode(), TEXT


def _verbose(form: Form, transcript: _Transcript) -> tuple[bytes, str]:
    chunks = _timed(transcript)
    told: dict[str, Any] = {
        "task": "transcribe",
        "language": form.asked["language"],
        "duration": max((each.timestamp[1] for each in chunks), default=0.0),
        "text": transcript.text,
    }
    times = [{"start": each.timestamp[0], "end": each.timestamp[1]} for each in chunks]
    if form.asked[WORD]:
        told["words"] = [{"word": each.text.strip(), **at} for each, at in zip(chunks, times, strict=True)]
    else:
        numbered = enumerate(zip(chunks, times, strict=True))
        told["segments"] = [{"id": number, **at, "text": each.text} for number, (each, at) in numbered]
    return encode(told), JSON


def _srt(form: Form, transcript: _Transcript) -> tuple[bytes, str]:
    cues = [
        f"{number}\n{_cue_time(each.timestamp, ',')}\n{each.text.strip()}\n"
        for number, each in enumerate(_timed(transcript), start=1)
    ]
    return "\n".join(cues).encode(), TEXT


def _vtt(form: Form, transcript: _Transcript) -> tuple[bytes, str]:
    cues = [f"{_cue_time(each.timestamp, '.')}\n{each.text.strip()}\n" for each in _timed(transcript)]
    return "\n".join(["WEBVTT\n", *cues]).encode(), TEXT


def _timed(transcript: _Transcript) -> list[_Chunk]:
    if transcript.chunks is None:
        raise ContractViolation(reason="times were asked for and the target told none")
    return transcript.chunks


def _cue_time(times: Times, point: str) -> str:
    return " --> ".join(_clock(seconds, point) for seconds in times)


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


_FORMATS: dict[str, Callable[[Form, _Transcript], tuple[bytes, str]]] = {
    "json": _json,
    "text": _plain,
    "verbose_json": _verbose,
    "srt": _srt,
    "vtt": _vtt,
}
_TIMED = frozenset({"verbose_json", "srt", "vtt"})
