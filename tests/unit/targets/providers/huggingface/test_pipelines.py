import pytest
from huggingface_hub.constants import INFERENCE_PROXY_TEMPLATE

from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.huggingface.kind import ROUTER
from headworks.targets.providers.huggingface.pipeline import path_of
from headworks.targets.providers.huggingface.pipeline_labels import PictureLabels, TextLabels
from headworks.targets.providers.huggingface.pipeline_objects import Objects
from headworks.targets.providers.huggingface.pipeline_texts import Summary, Translation
from headworks.targets.providers.huggingface.pipeline_tokens import Tokens
from headworks.targets.providers.proof import prove_reply, prove_request
from headworks.targets.providers.wire import Ask
from tests.unit.dialects.pictures import jpeg, png
from tests.unit.targets.providers.asks import document, picture, text
from tests.unit.targets.providers.vendor_huggingface import called, reply, same_body

HERE = {"model": "org/model", "path": path_of("org/model")}
PNG, JPEG = png(200, 100), jpeg(200, 100)
SCORES = [{"label": "NEGATIVE", "score": 0.25}, {"label": "POSITIVE", "score": 0.75}]
ODD = "👩‍🚀 Zoë écrit à Łódź 🎈"
BOX = {"xmin": 1, "ymin": 2, "xmax": 30, "ymax": 40}
CAT = {"label": "cat", "score": 0.5, "box": BOX}


def test_a_model_stands_where_the_vendors_client_looks_for_it():
    theirs = INFERENCE_PROXY_TEMPLATE.format(provider="hf-inference") + "/models/org/model"

    assert ROUTER + path_of("org/model") == theirs
    assert path_of("org/a b?c") == "/hf-inference/models/org/a%20b%3Fc"


@pytest.mark.parametrize(
    ("operation", "ask", "answer", "call"),
    [
        (TextLabels(**HERE), text(ODD), SCORES, lambda hub, model: hub.text_classification(ODD, model=model)),
        (
            TextLabels(**HERE),
            text(ODD, top_k=1),
            SCORES,
            lambda hub, model: hub.text_classification(ODD, model=model, top_k=1),
        ),
        (
            Tokens(**HERE),
            text(ODD),
            [],
            lambda hub, model: hub.token_classification(ODD, model=model, aggregation_strategy="simple"),
        ),
        (
            Translation(**HERE),
            text(ODD, src_lang="pl_PL", tgt_lang="en_XX"),
            [{"translation_text": "x"}],
            lambda hub, model: hub.translation(ODD, model=model, src_lang="pl_PL", tgt_lang="en_XX"),
        ),
        (Summary(**HERE), text(ODD), [{"summary_text": "x"}], lambda hub, model: hub.summarization(ODD, model=model)),
        (
            Summary(**HERE),
            text(ODD, max_length=7),
            [{"summary_text": "x"}],
            lambda hub, model: hub.summarization(ODD, model=model, generate_parameters={"max_length": 7}),
        ),
        (
            PictureLabels(**HERE),
            picture(PNG),
            SCORES,
            lambda hub, model: hub.image_classification(PNG, model=model),
        ),
        (
            PictureLabels(**HERE),
            picture(PNG, top_k=2),
            SCORES,
            lambda hub, model: hub.image_classification(PNG, model=model, top_k=2),
        ),
        (Objects(**HERE), picture(JPEG), [CAT], lambda hub, model: hub.object_detection(JPEG, model=model)),
        (
            Objects(**HERE),
            picture(JPEG, threshold=0.25),
            [CAT],
            lambda hub, model: hub.object_detection(JPEG, model=model, threshold=0.25),
        ),
    ],
)
def test_the_request_is_what_the_vendors_client_sends(operation, ask, answer, call):
    headers, body, _ = called(answer, call)

    assert same_body(prove_request(operation, ask), headers, body)


@pytest.mark.parametrize("told", [SCORES, [SCORES]])
def test_sentiments_are_named_as_everywhere(told):
    answer = prove_reply(TextLabels(**HERE), text(ODD), reply(told))

    assert document(answer, "text-classification") == [
        {"label": "positive", "score": 0.75},
        {"label": "negative", "score": 0.25},
    ]
    assert answer.usage == Usage(characters=len(ODD))


def test_labels_that_say_nothing_can_be_named():
    told = [{"label": "LABEL_0", "score": 0.25}, {"label": "LABEL_1", "score": 0.75}]
    operation = TextLabels(**HERE, labels={"LABEL_0": "negative", "LABEL_1": "positive"})

    assert document(prove_reply(operation, text("a", top_k=1), reply(told)), "text-classification") == [
        {"label": "positive", "score": 0.75}
    ]


@pytest.mark.parametrize("word", ["👩‍🚀", "Zoë", "Łódź"])
def test_an_entity_is_cut_from_the_text_at_its_code_points(word):
    start = ODD.index(word)
    told = [{"entity_group": "PER", "score": 0.5, "word": "z ##oe", "start": start, "end": start + len(word)}]
    _, _, understood = called(told, lambda hub, model: hub.token_classification(ODD, model=model))
    answer = prove_reply(Tokens(**HERE), text(ODD), reply(told))

    assert (understood[0].start, understood[0].end) == (start, start + len(word))
    assert document(answer, "token-classification") == [
        {"entity_group": "PERSON", "score": 0.5, "word": word, "start": start, "end": start + len(word)}
    ]


def test_an_entity_of_a_server_that_joins_no_words_has_its_group_too():
    told = [{"entity": "B-ORG", "score": 0.5, "word": "Zo", "start": 0, "end": 2}]

    assert (
        document(prove_reply(Tokens(**HERE), text(ODD), reply(told)), "token-classification")[0]["entity_group"]
        == "ORGANIZATION"
    )


@pytest.mark.parametrize("place", [(-1, 2), (0, 500), (3, 2), (None, None)])
def test_an_entity_outside_the_text_is_a_broken_answer(place):
    told = [{"entity_group": "PER", "score": 0.5, "word": "x", "start": place[0], "end": place[1]}]

    with pytest.raises(ProviderBroken):
        Tokens(**HERE).reply(text(ODD), reply(told))


@pytest.mark.parametrize("told", [[{"translation_text": "x"}], {"translation_text": "x"}])
def test_a_translation_is_taken_with_its_list_and_without(told):
    assert document(prove_reply(Translation(**HERE), text("a"), reply(told)), "translation") == {
        "translation_text": "x"
    }


def test_a_summary_is_the_reply():
    assert document(prove_reply(Summary(**HERE), text("a"), reply([{"summary_text": "x"}])), "summarization") == {
        "summary_text": "x"
    }


def test_boxes_are_whole_pixels_inside_the_picture():
    told = [CAT, {**CAT, "score": 0.75, "box": {"xmin": -3.4, "ymin": 1.5, "xmax": 900, "ymax": 99.6}}]
    answer = prove_reply(Objects(**HERE), picture(PNG), reply(told))

    assert [one["box"] for one in document(answer, "object-detection")] == [
        {"xmin": 0, "ymin": 2, "xmax": 200, "ymax": 100},
        BOX,
    ]
    assert answer.usage == Usage(images=1)


def test_labels_of_a_picture_are_the_models_own():
    answer = prove_reply(PictureLabels(**HERE, labels={"POSITIVE": "fine"}), picture(PNG), reply(SCORES))

    assert [one["label"] for one in document(answer, "image-classification")] == ["fine", "NEGATIVE"]


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        (TextLabels(**HERE), text("a")),
        (Tokens(**HERE), text("a")),
        (Translation(**HERE), text("a")),
        (Summary(**HERE), text("a")),
        (Objects(**HERE), picture(PNG)),
        (PictureLabels(**HERE), picture(PNG)),
    ],
)
@pytest.mark.parametrize("told", [{}, "x", 1, None, [[], []], [1]])
def test_what_cannot_be_understood_is_a_broken_answer(operation, ask: Ask, told):
    with pytest.raises(ProviderBroken):
        operation.reply(ask, reply(told))
