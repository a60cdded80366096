"""Pipelines whose input or answer is no text: vectors, recordings, pictures."""

import json
from base64 import b64decode, b64encode

import pytest

from headworks.errors import ProviderBroken, ProviderUnable
from headworks.targets.providers.huggingface.pipeline import path_of
from headworks.targets.providers.huggingface.pipeline_pictures import Painting
from headworks.targets.providers.huggingface.pipeline_sound import Words
from headworks.targets.providers.huggingface.pipeline_vectors import Vectors
from headworks.targets.providers.proof import prove_reply, prove_request
from headworks.targets.providers.wire import Ask, HttpResponse
from tests.unit.dialects.pictures import png
from tests.unit.targets.providers.asks import document
from tests.unit.targets.providers.vendor_huggingface import called, reply, same_body

HERE = {"model": "org/model", "path": path_of("org/model")}
VECTORS, WORDS, PAINTING = Vectors(**HERE), Words(**HERE), Painting(**HERE)
WAV, FLAC, PNG = b"RIFF....WAVE", b"fLaC....", png(4, 2)
HEARD = {"text": "Grüezi.", "chunks": [{"text": "Grüezi.", "timestamp": [0.5, None]}]}


def embed(**more):
    return Ask(json.dumps({"input": ["Łódź", "b"], **more}).encode())


def heard(**parameters):
    return Ask(json.dumps({"parameters": parameters}).encode(), (("inputs", WAV),))


def test_texts_become_vectors_as_the_vendors_client_asks_for_them():
    vectors = [[0.5, 1.0], [0.25, 2.0]]
    headers, body, _ = called(vectors, lambda hub, model: hub.feature_extraction(["Łódź", "b"], model=model))
    answer = prove_reply(VECTORS, embed(), reply(vectors))

    assert same_body(prove_request(VECTORS, embed()), headers, body)
    assert [row["embedding"] for row in document(answer, "embeddings")["data"]] == vectors
    assert answer.usage.characters == 5


@pytest.mark.parametrize("told", [[[0.5]], [[[0.5]], [[0.5]]], {"error": "x"}])
def test_what_is_not_one_vector_a_text_is_broken(told):
    with pytest.raises(ProviderBroken):
        VECTORS.reply(embed(), reply(told))
    with pytest.raises(ProviderUnable):
        VECTORS.request(embed(dimensions=8))


def test_models_of_several_pipelines_are_told_which():
    assert path_of("org/model", Vectors.suffix) == "/hf-inference/models/org/model/pipeline/feature-extraction"
    assert Words.suffix == Painting.suffix == ""


def test_a_recording_goes_as_it_is_and_its_words_come_back():
    headers, body, told = called({"text": "hi"}, lambda hub, model: hub.automatic_speech_recognition(WAV, model=model))
    answer = prove_reply(WORDS, heard(), reply({"text": "hi"}))

    assert prove_request(WORDS, heard()).body == body == WAV
    assert document(answer, "speech-to-text")["text"] == told.text == "hi"
    assert dict(WORDS.request(Ask(b"", (("", FLAC),))).headers)["content-type"] == "audio/flac"
    assert WORDS.request(Ask(json.dumps({"inputs": b64encode(WAV).decode()}).encode())).body == WAV


def test_times_and_freedom_are_asked_for_within_json():
    asked = heard(return_timestamps=True, temperature=0.5, language="gsw", prompt="Aare")
    sent = json.loads(prove_request(WORDS, asked).body)
    answer = prove_reply(WORDS, asked, reply(HEARD))

    assert b64decode(sent["inputs"]) == WAV
    assert sent["parameters"] == {"return_timestamps": True, "generation_parameters": {"temperature": 0.5}}
    assert document(answer, "speech-to-text")["chunks"] == [{"text": "Grüezi.", "timestamp": [0.5, 0.5]}]


def test_a_description_becomes_one_picture():
    asked = Ask(b'{"prompt": "a cat", "size": "64x32", "n": 1, "quality": "low"}')
    answer = prove_reply(PAINTING, asked, HttpResponse(200, {"content-type": "image/png"}, PNG))

    assert json.loads(prove_request(PAINTING, asked).body) == {
        "inputs": "a cat",
        "parameters": {"width": 64, "height": 32},
    }
    assert b64decode(document(answer, "image-generation")["data"][0]["b64_json"]) == PNG
    assert answer.usage.images == 1
    with pytest.raises(ProviderUnable):
        PAINTING.request(Ask(b'{"prompt": "a", "n": 2}'))
    with pytest.raises(ProviderBroken):
        PAINTING.reply(asked, reply({"text": "no"}))
