"""Mappings as a team would declare them for services that have no kind of their own."""

import json
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs

from headworks.costs import Usage
from headworks.errors import (
    ConfigurationRefused,
    ContextTooLong,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
)
from headworks.secret import Secret
from headworks.targets.providers.http_json import KIND
from headworks.targets.providers.proof import prove_credential, prove_failure, prove_reply, prove_request
from headworks.targets.providers.wire import Ask, HttpResponse, Origin, ProviderSettings
from tests.unit.dialects.pictures import png
from tests.unit.targets.providers.asks import document, picture, text

APERTIUM = {
    "task": "translation",
    "method": "GET",
    "path": "/translate?langpair={join('|', [parameters.src_lang, parameters.tgt_lang])}&q={inputs}",
    "reply": "{translation_text: trim(responseData.translatedText)}",
    "error": "responseStatus != `200` && to_string(responseStatus) || null",
    "errors": {"400": "refused", "451": "content"},
}
AZURE_SENTIMENT = {
    "task": "text-classification",
    "path": "/language/:analyze-text?api-version=2023-04-01",
    "request": "{kind: 'SentimentAnalysis', analysisInput: {documents: [{id: '1', text: inputs}]}}",
    "reply": "results.documents[0].confidenceScores.[{label: 'positive', score: positive}, {label: 'negative', score: negative}]",
    "error": "results.errors[0].error.code",
    "errors": {"InvalidArgument": "refused", "429": "busy", "InvalidDocument": "too_long"},
    "usage": {"characters": "results.statistics.charactersCount"},
}
BOXES = {
    "task": "object-detection",
    "body": "picture",
    "path": "/detect",
    "headers": {"x-version": "3"},
    "reply": "objects[].{label: lower(name), score: divide(percent, `100`), box: {"
    "xmin: round(multiply(x, width())), ymin: round(multiply(y, height())), xmax: width(), ymax: height()}}",
}
ENTITIES = {
    "task": "token-classification",
    "path": "/ner",
    "request": "{content: inputs}",
    "reply": "found[].{entity_group: kind, score: score, start: at[0], end: at[1], word: cut(asked('inputs'), at[0], at[1])}",
}
BASE64 = {
    "task": "image-classification",
    "path": "/classify",
    "request": "{image: picture()}",
    "reply": "labels",
}

PRINTABLE = st.characters(exclude_categories=("C", "Z"), include_characters=" ")


def bind(declared, **more):
    options = {"operations": {"it": declared}} | more
    settings = ProviderSettings("acme", "http", "https://api.acme.example/base", (Secret("acme_secret"),), options)
    return KIND.bind(settings, "it", declared["task"])


def operation(declared):
    return bind(declared).operation


def answer(told, status=200):
    return HttpResponse(status, {}, json.dumps(told).encode())


def test_a_get_with_the_text_in_the_query():
    sent = prove_request(operation(APERTIUM), text("años & más?", src_lang="spa", tgt_lang="eng"))

    assert (sent.method, sent.body) == ("GET", b"")
    assert parse_qs(urlsplit(sent.path).query) == {"langpair": ["spa|eng"], "q": ["años & más?"]}


def test_an_answer_becomes_the_tasks_reply():
    told = {"responseData": {"translatedText": " years"}, "responseStatus": 200}

    assert document(prove_reply(operation(APERTIUM), text("años"), answer(told)), "translation") == {
        "translation_text": "years"
    }


def test_an_error_inside_a_200_is_an_error():
    with pytest.raises(ProviderRefused):
        operation(APERTIUM).reply(text("a"), answer({"responseStatus": 400, "responseData": {}}))
    with pytest.raises(ProviderDown):
        operation(APERTIUM).reply(text("a"), answer({"responseStatus": 599}))


def test_a_body_is_made_of_the_row():
    sent = prove_request(operation(AZURE_SENTIMENT), text("so so"))

    assert json.loads(sent.body)["analysisInput"] == {"documents": [{"id": "1", "text": "so so"}]}
    assert sent.path == "/language/:analyze-text?api-version=2023-04-01"


def test_what_was_used_is_counted():
    told = {
        "results": {
            "documents": [{"confidenceScores": {"positive": 0.75, "negative": 0.25}}],
            "errors": [],
            "statistics": {"charactersCount": 5},
        }
    }
    found = prove_reply(operation(AZURE_SENTIMENT), text("so so"), answer(told))

    assert document(found, "text-classification")[0] == {"label": "positive", "score": 0.75}
    assert found.usage == Usage(characters=5)


@pytest.mark.parametrize("count", [-1, 1.5, "5", True, 10**12 + 1, 1e300, [5]], ids=str)
def test_a_count_that_cannot_be_true_is_unknown_and_the_answer_is_kept(count):
    scores = {"confidenceScores": {"positive": 0.75, "negative": 0.25}}
    told = {"results": {"documents": [scores], "errors": [], "statistics": {"charactersCount": count}}}
    found = prove_reply(operation(AZURE_SENTIMENT), text("so so"), answer(told))

    assert document(found, "text-classification")[0] == {"label": "positive", "score": 0.75}
    assert found.usage == Usage()


def test_a_picture_goes_as_it_is_and_its_size_is_known():
    sent = prove_request(operation(BOXES), picture(png(200, 100)))
    told = {"objects": [{"name": "CAT", "percent": 50, "x": 0.25, "y": 0.5}]}

    assert sent.body == png(200, 100)
    assert dict(sent.headers) == {"content-type": "image/png", "accept": "application/json", "x-version": "3"}
    assert document(prove_reply(operation(BOXES), picture(png(200, 100)), answer(told)), "object-detection") == [
        {"label": "cat", "score": 0.5, "box": {"xmin": 50, "ymin": 50, "xmax": 200, "ymax": 100}}
    ]


def test_a_picture_can_stand_in_the_body():
    sent = json.loads(prove_request(operation(BASE64), picture(png(2, 2))).body)

    assert sent["image"].startswith("iVBORw0KGgo")


def test_a_word_is_cut_from_what_was_asked():
    told = {"found": [{"kind": "PERSON", "score": 0.5, "at": [2, 5]}]}

    assert document(prove_reply(operation(ENTITIES), text("🎈 Zoë"), answer(told)), "token-classification") == [
        {"entity_group": "PERSON", "score": 0.5, "word": "Zoë", "start": 2, "end": 5}
    ]


@given(st.text(PRINTABLE, min_size=1))
def test_no_text_climbs_out_of_its_part_of_the_path(value):
    assume(value not in {".", ".."} and value.isprintable())
    declared = {"task": "text-classification", "path": "/models/{inputs}/run", "reply": "@"}
    path = operation(declared).request(text(value)).path

    assert path.count("/") == 3
    assert "?" not in path
    assert unquote(path.split("/")[2]) == value


@pytest.mark.parametrize("value", [".", ".."])
def test_dots_are_no_part_of_a_path(value):
    with pytest.raises(ProviderRefused):
        operation({"task": "text-classification", "path": "/m/{inputs}", "reply": "@"}).request(text(value))


def test_a_part_of_the_path_that_is_missing_is_refused():
    with pytest.raises(ProviderRefused):
        operation(APERTIUM | {"path": "/{parameters.tgt_lang}"}).request(text("a"))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"1", b"null", b"\xff", b'{"objects": [{"name": 1, "percent": "x"}]}']
)
def test_what_the_mapping_cannot_read_is_a_broken_answer(body):
    with pytest.raises(ProviderBroken):
        operation(BOXES).reply(picture(png(2, 2)), HttpResponse(200, {}, body))


def test_refusals_mean_what_the_mapping_says_else_what_statuses_mean():
    made = operation(AZURE_SENTIMENT)
    told = {"results": {"errors": [{"error": {"code": "InvalidDocument"}}]}}

    prove_failure(made, answer(told, 400), ContextTooLong)
    prove_failure(made, answer({}, 429), ProviderBusy)
    prove_failure(made, answer({}, 401), ProviderKeyRejected)
    prove_failure(made, HttpResponse(500, {}, b"<html>"), ProviderDown)
    prove_failure(made, answer({}, 422), ProviderRefused)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"reply": "results["}, "JMESPath"),
        ({"reply": "shout(a)"}, "unknown function shout"),
        ({"reply": "lower(a, b)"}, "takes 1 arguments"),
        ({"reply": "asked('a[')"}, "JMESPath"),
        ({"request": "{a: }"}, "JMESPath"),
        ({"path": "/{a b c}"}, "JMESPath"),
        ({"path": "/a b"}, "percent-encoded"),
        ({"path": "a"}, "path"),
        ({"headers": {"host": "x"}}, "not the mapping's"),
        ({"headers": {"X-Up": "x"}}, "headers"),
        ({"headers": {"x": "a\r\nb"}}, "headers"),
        ({"errors": {"400": "odd"}}, "errors"),
        ({"usage": {"tokens": "a"}}, "usage"),
        ({"method": "PATCH"}, "method"),
        ({"body": "picture"}, "no picture"),
        ({"more": 1}, "more"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_when_it_is_read(change, word):
    with pytest.raises(ConfigurationRefused) as caught:
        bind(APERTIUM | change)

    assert word in str(caught.value) + "".join(error.message + error.pointer for error in caught.value.errors)


def test_an_unknown_task_is_refused_with_those_there_are():
    with pytest.raises(ConfigurationRefused) as caught:
        bind(APERTIUM | {"task": "telepathy"})

    assert "translation" in caught.value.errors[0].message


def test_another_operation_is_refused_with_those_there_are():
    options = {"operations": {"it": APERTIUM}}
    settings = ProviderSettings("acme", "http", "https://api.acme.example", (), options)
    with pytest.raises(ConfigurationRefused, match="acme/it"):
        KIND.bind(settings, "other", "translation")
    with pytest.raises(ConfigurationRefused, match="nothing"):
        KIND.bind(settings, "it", "ocr")


def test_the_key_goes_where_the_settings_say():
    bound = bind(APERTIUM, auth={"field": "x-acme", "prefix": ""})
    signed = bound.credentials[0].signed(
        bound.operation.request(text("a", src_lang="a", tgt_lang="b")), bound.origin, 0
    )

    assert dict(signed.headers)["x-acme"] == "acme_secret"
    assert bound.origin == Origin("https", "api.acme.example", 443, "/base")
    prove_credential(bound.credentials[0], Secret("acme_secret"), bound.origin)


def test_what_a_row_lacks_is_nothing():
    sent = operation(BASE64 | {"request": "{a: missing, size: width()}"}).request(picture(png(3, 2)))

    assert json.loads(sent.body) == {"a": None, "size": 3}


CHAT = {
    "task": "chat",
    "path": "/talk",
    "request": "{turns: messages, limit: max_tokens, other: asked('max_completion_tokens')}",
    "reply": "answer",
}


@pytest.mark.parametrize(
    ("said", "sent"), [({}, (7, None)), ({"max_tokens": 90}, (7, None)), ({"max_completion_tokens": 90}, (7, 7))]
)
def test_a_mapping_finds_the_most_that_may_be_answered_whatever_the_caller_asks_for(said, sent):
    asked = Ask(json.dumps({"messages": [{"role": "user", "content": "hi"}], **said}).encode())
    operation = bind(CHAT).operation
    made = json.loads(operation.request(structs.replace(asked, output_cap=7)).body)

    assert (made["limit"], made["other"]) == sent
    assert json.loads(operation.request(asked).body)["limit"] == said.get("max_tokens")


def test_a_mapping_of_a_text_that_goes_on_finds_it_among_the_parameters():
    declared = {"task": "generate", "path": "/go", "reply": "{generated_text: text}"}
    asked = structs.replace(text("Once", max_new_tokens=90, seed=1), output_cap=7)
    plain = structs.replace(text("Once"), output_cap=7)
    rows = [json.loads(bind(declared).operation.request(each).body) for each in (asked, plain)]

    assert [row["parameters"] for row in rows] == [{"max_new_tokens": 7, "seed": 1}, {"max_new_tokens": 7}]
