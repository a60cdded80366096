"""OpenAI's own client for what is no chat: moderation, pictures, speech both ways."""

from base64 import b64decode

import openai
import pytest

from tests.running import service, write_config
from tests.unit.dialects.pictures import png

CONFIG = """
models:
  judge: {python: "media:Judge"}
  painter: {python: "media:Painter"}
  retoucher: {python: "media:Retoucher"}
  speaker: {python: "media:Speaker"}
  listener: {python: "media:Listener"}
endpoints:
  judge: {v1: {task: moderation, targets: [judge]}}
  painter: {v1: {task: image-generation, targets: [painter]}}
  retoucher: {v1: {task: image-editing, targets: [retoucher]}}
  speaker: {v1: {task: text-to-speech, targets: [speaker]}}
  listener: {v1: {task: speech-to-text, targets: [listener]}}
"""


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    with service(write_config(folder, CONFIG, ("media.py",)), folder / "home") as running:
        yield running


@pytest.fixture(scope="module")
def client(media):
    with openai.OpenAI(base_url=f"http://127.0.0.1:{media.port}/v1", api_key=media.key, max_retries=0) as made:
        yield made


def test_what_is_harmful_is_told_for_each_text(client):
    answer = client.moderations.create(model="judge@v1", input=["good", "bad"])

    assert [result.flagged for result in answer.results] == [False, True]
    assert answer.results[1].category_scores.violence == 0.9
    assert answer.model == "judge@v1"


def test_without_a_model_the_only_endpoint_of_the_task_answers(client):
    assert client.moderations.create(input="bad").results[0].flagged
    assert client.images.generate(prompt="a cat").data[0].b64_json == "aGk="


def test_pictures_are_made(client):
    answer = client.images.generate(model="painter", prompt="a cat", n=2, size="1024x1024")

    assert [picture.revised_prompt for picture in answer.data] == ["a cat 1024x1024"] * 2


def test_pictures_are_edited(client):
    first, second = png(4, 2), png(2, 4)
    one = client.images.edit(model="retoucher", image=("a.png", first), prompt="a hat", mask=("m.png", second), n=2)
    two = client.images.edit(model="retoucher@v1", image=[first, second], prompt="a hat", size="1024x1024")

    assert [picture.revised_prompt for picture in one.data] == ["a hat None True"] * 2
    assert [b64decode(picture.b64_json) for picture in two.data] == [first, second]
    assert two.data[0].revised_prompt == "a hat 1024x1024 False"
    assert one.created > 1_700_000_000


def test_a_text_becomes_the_sound_itself(client):
    answer = client.audio.speech.create(model="speaker", voice="alloy", input="Hello", response_format="wav")

    assert answer.content == b"alloy:Hello"
    assert answer.response.headers["content-type"] == "audio/wav"


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("text", "Hello world\n"),
        ("srt", "1\n00:00:00,000 --> 00:00:01,500\nHello\n\n2\n00:00:01,000 --> 00:00:02,500\nworld\n"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello\n\n00:00:01.000 --> 00:00:02.500\nworld\n"),
    ],
)
def test_a_recording_becomes_text_or_subtitles(client, form, told):
    answer = client.audio.transcriptions.create(model="listener", file=("a.wav", b"Hello world"), response_format=form)

    assert answer == told


def test_a_recording_becomes_json(client):
    asked = {"model": "listener", "file": ("a.wav", b"Hello world"), "prompt": "p", "language": "en"}
    plain = client.audio.transcriptions.create(**asked)
    verbose = client.audio.transcriptions.create(**asked, response_format="verbose_json")

    assert plain.text == "Hello world"
    assert (verbose.duration, verbose.language) == (2.5, "en")
    assert [segment.text for segment in verbose.segments] == [" Hello", " world"]


def test_the_times_of_words_are_told_where_they_are_asked_for(client):
    asked = {"model": "listener", "file": ("a.wav", b"Hello world"), "response_format": "verbose_json"}
    answer = client.audio.transcriptions.create(**asked, timestamp_granularities=["word"])

    assert [(word.word, word.start, word.end) for word in answer.words] == [("Hello", 0.0, 1.5), ("world", 1.0, 2.5)]
    assert answer.segments is None


@pytest.mark.parametrize(
    ("call", "param"),
    [
        (lambda client: client.audio.speech.create(model="speaker", voice="a", input="x", stream_format="sse"), "stream_format"),
        (lambda client: client.audio.speech.create(model="speaker", voice="a", input="x", speed=9), "speed"),
        (lambda client: client.images.generate(model="painter", prompt="x", stream=True), "stream"),
        (lambda client: client.audio.transcriptions.create(model="listener", file=b"x", response_format="diarized_json"), "response_format"),
        (lambda client: client.images.edit(model="retoucher", image=b"no picture", prompt="x"), "images[0]"),
        (lambda client: client.images.edit(model="retoucher", image=png(1, 1), prompt="x", stream=True), "stream"),
        (lambda client: client.images.edit(model="retoucher", image=png(1, 1), prompt="x", n=99), "n"),
        (lambda client: client.audio.transcriptions.create(model="listener", file=b"x", stream=True), "stream"),
        (lambda client: client.audio.transcriptions.create(model="listener", file=b"x", timestamp_granularities=["word"]), "timestamp_granularities"),
        (
            lambda client: client.audio.transcriptions.create(
                model="listener", file=b"x", response_format="verbose_json", timestamp_granularities=["word", "segment"]
            ),
            "timestamp_granularities",
        ),
        (lambda client: client.audio.transcriptions.create(model="listener", file=b"x", include=["logprobs"]), "include"),
        (lambda client: client.audio.transcriptions.create(model="listener", file=b"x", temperature=7), "temperature"),
    ],
)  # fmt: skip
def test_what_is_not_served_is_refused_by_name(client, call, param):
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        call(client)

    assert caught.value.param == param


def test_a_path_refuses_an_endpoint_of_another_task(client):
    with pytest.raises(openai.BadRequestError):
        client.moderations.create(model="speaker", input="x")
    with pytest.raises(openai.BadRequestError):
        client.audio.transcriptions.create(model="speaker", file=b"x")


def test_a_form_that_is_none_is_refused_in_openais_words(media):
    for headers in ({"Content-Type": "application/json"}, {"Content-Type": "multipart/form-data; boundary=x"}):
        answer = media.call("/v1/audio/transcriptions", body=b"{}", headers=headers)

        assert answer.status in {400, 415}
        assert answer.json["error"]["type"] == "invalid_request_error"
