import msgspec
import pytest

from headworks.contract import tasks
from headworks.contract.schema import Schema, binary_fields

NAMES = [
    "image-classification",
    "object-detection",
    "ocr",
    "recommendation",
    "tabular-classification",
    "tabular-regression",
    "text-classification",
    "token-classification",
    "translation",
]
LABEL = {"label": "good", "score": 0.9}
FITTING = {
    "image-classification": ({"inputs": "aGk="}, [LABEL]),
    "object-detection": (
        {"inputs": "aGk=", "parameters": {"threshold": 0.5}},
        [{**LABEL, "box": {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}}],
    ),
    "ocr": (
        {"inputs": "aGk=", "parameters": {"threshold": 0.5}},
        [
            {
                "text": "hi",
                "score": 0.9,
                "box": {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4},
                "polygon": [{"x": 1, "y": 2}],
            }
        ],
    ),
    "recommendation": (
        {"user": "42", "k": 3, "exclude": ["a"]},
        [{"item": "b", "title": None, "score": 1.5}],
    ),
    "tabular-classification": ({"age": 3, "city": "x"}, {**LABEL, "probabilities": {"good": 0.9, "bad": 0.1}}),
    "tabular-regression": ({"age": 3}, {"prediction": 2.5}),
    "text-classification": ({"inputs": "well", "parameters": {"top_k": 1}}, [LABEL]),
    "token-classification": (
        {"inputs": "Ada", "parameters": {"ignore_labels": ["DATE"]}},
        [{"entity_group": "PERSON", "score": 0.9, "word": "Ada", "start": 0, "end": 3}],
    ),
    "translation": ({"inputs": "bon", "parameters": {"src_lang": "fr"}}, {"translation_text": "good"}),
}
BROKEN = {
    "image-classification": [{}, {"inputs": 1}, {"inputs": "aGk=", "extra": 1}],
    "object-detection": [{"inputs": "aGk=", "parameters": {"threshold": 2}}],
    "ocr": [{"inputs": "aGk=", "parameters": {"threshold": -1}}],
    "recommendation": [{"user": ""}, {"user": "a", "k": 0}, {"user": "a", "k": 101}, {"user": 1}],
    "tabular-classification": [[], "row"],
    "tabular-regression": [1],
    "text-classification": [{"inputs": ""}, {"inputs": "x" * 100_001}, {"inputs": "a", "parameters": {"top_k": 0}}],
    "token-classification": [{"inputs": ""}, {"inputs": "a", "parameters": {"threshold": 2}}],
    "translation": [{"inputs": "a", "parameters": {"src_lang": "f"}}],
}


def test_the_tasks_are_listed_by_name():
    assert sorted(tasks.names()) == NAMES


@pytest.mark.parametrize("task", NAMES)
def test_what_fits_a_task_passes_its_schemas(task):
    request, reply = tasks.schemas(task)

    assert Schema(request).errors(FITTING[task][0]) == ()
    assert Schema(reply).errors(FITTING[task][1]) == ()


@pytest.mark.parametrize(("task", "document"), [(task, wrong) for task in NAMES for wrong in BROKEN[task]])
def test_what_breaks_a_task_is_refused(task, document):
    assert Schema(tasks.schemas(task)[0]).errors(document)


@pytest.mark.parametrize("task", NAMES)
def test_a_reply_has_no_room_for_unknown_fields(task):
    reply = FITTING[task][1]
    extended = [{**reply[0], "extra": 1}] if isinstance(reply, list) else {**reply, "extra": 1}

    assert Schema(tasks.schemas(task)[1]).errors(extended)


def test_pictures_are_binary_fields():
    assert binary_fields(tasks.schemas("image-classification")[0]) == ("inputs",)


def test_a_stream_of_recommendations_gives_items():
    item = msgspec.json.decode(b'{"item": "b", "title": null, "score": 1.5}')

    assert Schema(tasks.event_schema("recommendation")).errors(item) == ()
    assert tasks.event_schema("translation") == tasks.schemas("translation")[1]


def test_an_unknown_task_is_a_key_error():
    with pytest.raises(KeyError):
        tasks.schemas("telepathy")
