"""OpenAI's operations beside chat and embeddings; images against recordings, the others against the documented forms."""

from base64 import b64decode, b64encode

import msgspec
import multipart
import pytest

from headworks.errors import ContentRefused, ProviderBroken, ProviderDown, ProviderRefused
from headworks.targets.providers.openai.edits import OpenAiEdits
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.openai.images import OpenAiImages
from headworks.targets.providers.openai.moderation import OpenAiModeration
from headworks.targets.providers.openai.speech import OpenAiSpeech
from headworks.targets.providers.openai.transcription import OpenAiTranscription
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_request
from headworks.targets.providers.wire import Ask, HttpResponse
from tests.unit.dialects.pictures import png
from tests.unit.targets.providers.recordings import recorded

EDITING = OpenAiEdits(model="gpt-image-1", server=Server())
PNG = png(4, 2)
IMAGES = OpenAiImages(model="dall-e-2", server=Server())
MODERATION = OpenAiModeration(model="omni-moderation-latest", server=Server())
SPEECH = OpenAiSpeech(model="gpt-4o-mini-tts", server=Server())
HEARING = OpenAiTranscription(model="whisper-1", server=Server())
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \r\n--boundary"


def ask(blobs=(), **document):
    return Ask(msgspec.json.encode(document), blobs)


def ok(document):
    return HttpResponse(200, {"content-type": "application/json"}, msgspec.json.encode(document))


def test_every_recorded_picture_is_taken_as_it_came():
    for exchange in recorded("/images/generations"):
        answer = prove_reply(IMAGES, ask(prompt="x"), exchange.response)

        assert answer.document is exchange.response.body
        assert answer.usage.images == 1


def test_every_recorded_refusal_of_pictures_has_its_class():
    for exchange in recorded("/images/generations", status=400):
        prove_failure(IMAGES, exchange.response, ProviderRefused)


def test_pictures_are_asked_for_inside_the_answer_where_a_model_lets_one_choose():
    older = msgspec.json.decode(prove_request(IMAGES, ask(prompt="a cat", n=2)).body)
    newer = OpenAiImages(model="gpt-image-1", server=Server()).request(ask(prompt="a cat")).body

    assert older == {"prompt": "a cat", "n": 2, "model": "dall-e-2", "response_format": "b64_json"}
    assert "response_format" not in msgspec.json.decode(newer)


def test_a_refused_description_is_the_contents_fault():
    error = {"code": "moderation_blocked", "message": "no", "type": "user_error"}

    prove_failure(IMAGES, HttpResponse(400, {}, msgspec.json.encode({"error": error})), ContentRefused)


def test_verdicts_pass_as_they_came():
    verdict = {"flagged": True, "categories": {"hate": True}, "category_scores": {"hate": 0.9}}
    response = ok({"id": "m", "model": "omni", "results": [verdict]})
    answer = prove_reply(MODERATION, ask(input="x"), response)
    request = prove_request(MODERATION, ask(input=["x", "y"]))

    assert answer.document is response.body
    assert msgspec.json.decode(request.body) == {"input": ["x", "y"], "model": "omni-moderation-latest"}
    with pytest.raises(ProviderBroken):
        MODERATION.reply(ask(input="x"), ok({"id": "m"}))


def test_a_text_is_said_and_told_in_base64():
    asked = ask(inputs="Hallo Welt", parameters={"format": "wav", "speed": 1.5})
    request = prove_request(SPEECH, asked)
    answer = prove_reply(SPEECH, asked, HttpResponse(200, {"content-type": "audio/wav"}, WAV))

    assert msgspec.json.decode(request.body) == {
        "model": "gpt-4o-mini-tts",
        "input": "Hallo Welt",
        "voice": "alloy",
        "response_format": "wav",
        "speed": 1.5,
    }
    told = msgspec.json.decode(answer.document)
    assert b64decode(told["audio"]) == WAV
    assert told["media_type"] == "audio/wav"
    assert answer.usage.characters == 10


@pytest.mark.parametrize(
    ("media", "body"), [("application/json", b"{}"), ("text/html", b"<p>"), ("audio/mpeg", b""), ("", b"")]
)
def test_what_is_no_sound_is_broken(media, body):
    with pytest.raises(ProviderBroken):
        SPEECH.reply(ask(inputs="x"), HttpResponse(200, {"content-type": media}, body))


def test_a_sound_of_no_told_type_has_the_type_that_was_asked():
    response = HttpResponse(200, {"content-type": "application/octet-stream"}, b"x")

    assert b"audio/mpeg" in prove_reply(SPEECH, ask(inputs="x"), response).document


@pytest.mark.parametrize(
    "asked",
    [
        Ask(msgspec.json.encode({"parameters": {"language": "no"}}), (("inputs", WAV),)),
        ask(inputs=b64encode(WAV).decode(), parameters={"language": "no"}),
    ],
)
def test_a_recording_goes_out_as_a_forms_file(asked):
    request = prove_request(HEARING, asked)
    parts = _parts(request)

    assert {name: part.value for name, part in parts.items() if name != "file"} == {
        "model": "whisper-1",
        "response_format": "json",
        "language": "no",
    }
    assert parts["file"].raw == WAV
    assert parts["file"].filename == "sound.wav"


def test_pictures_to_edit_go_out_as_a_forms_files():
    url = f"data:image/png;base64,{b64encode(PNG).decode()}"
    one = ask(prompt="a hat", images=[url], mask=url, n=2, background="auto", odd=[1])
    parts = _parts(prove_request(EDITING, one))
    several = _parts(prove_request(OpenAiEdits(model="dall-e-2", server=Server()), ask(prompt="a", images=[url, url])))
    answer = prove_reply(EDITING, one, ok({"created": 1, "data": [{"b64_json": "aGk="}]}))

    texts = {name: part.value for name, part in parts.items() if name not in ("image", "mask")}
    assert texts == {"prompt": "a hat", "n": "2", "background": "auto", "model": "gpt-image-1"}
    assert (parts["image"].raw, parts["image"].filename, parts["mask"].raw) == (PNG, "image.png", PNG)
    assert several["image[]"].raw == PNG
    assert several["response_format"].value == "b64_json"
    assert answer.usage.images == 1
    with pytest.raises(ProviderRefused):
        EDITING.request(ask(prompt="a", images=["data:image/png;base64,a"]))


def test_hints_go_out_with_a_recording():
    parts = _parts(prove_request(HEARING, Ask(b'{"parameters": {"prompt": "Aare", "temperature": 0.2}}', (("", WAV),))))

    assert (parts["prompt"].value, parts["temperature"].value) == ("Aare", "0.2")


def test_the_times_of_what_was_said_are_told_where_that_was_asked():
    asked = Ask(b'{"parameters": {"return_timestamps": true}}', (("inputs", b"OggSx"),))
    parts = _parts(prove_request(HEARING, asked))
    segment = {"id": 0, "start": 0.0, "end": 1.5, "text": "Hi."}
    answer = prove_reply(HEARING, asked, ok({"text": "Hi.", "duration": 1.6, "segments": [segment]}))

    assert parts["response_format"].value == "verbose_json"
    assert parts["file"].filename == "sound.ogg"
    chunks = [{"text": "Hi.", "timestamp": [0.0, 1.5]}]
    assert msgspec.json.decode(answer.document) == {"text": "Hi.", "chunks": chunks}
    assert answer.usage.seconds == 1.6


def test_the_times_of_words_are_told_where_those_were_asked():
    asked = Ask(b'{"parameters": {"return_timestamps": "word"}}', (("inputs", WAV),))
    parts = _parts(prove_request(HEARING, asked))
    answer = prove_reply(HEARING, asked, ok({"text": "Hi.", "words": [{"word": "Hi", "start": 0.5, "end": 1.0}]}))

    assert parts["timestamp_granularities[]"].value == "word"
    assert msgspec.json.decode(answer.document)["chunks"] == [{"text": "Hi", "timestamp": [0.5, 1.0]}]


def test_a_recording_without_words_told_is_broken():
    asked = Ask(b"{}", (("inputs", WAV),))

    with pytest.raises(ProviderBroken):
        HEARING.reply(asked, ok({}))
    with pytest.raises(ProviderDown):
        HEARING.reply(asked, ok({"error": {"message": "gone"}}))


def _parts(request):
    head = dict(request.headers)["content-type"]
    _, options = multipart.parse_options_header(head)
    parser = multipart.PushMultipartParser(options["boundary"], content_length=len(request.body))
    found, part, data = {}, None, b""
    with parser:
        for event in parser.parse(request.body):
            if isinstance(event, multipart.MultipartSegment):
                part, data = event, b""
            elif event:
                data += event
            else:
                found[part.name] = _Part(part.filename, data)
    return found


class _Part:
    def __init__(self, filename, raw):
        self.filename, self.raw = filename, raw

    @property
    def value(self):
        return self.raw.decode()
