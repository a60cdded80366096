import msgspec
import pytest

from headworks.contract import tasks
from headworks.contract.schema import Schema, binary_fields

NAMES = [
    "batches",
    "chat",
    "completion",
    "embeddings",
    "files",
    "fine-tuning",
    "generate",
    "image-classification",
    "image-editing",
    "image-generation",
    "message-token-count",
    "messages",
    "moderation",
    "object-detection",
    "ocr",
    "recommendation",
    "rerank",
    "responses",
    "speech-to-text",
    "stored-responses",
    "summarization",
    "tabular-classification",
    "tabular-regression",
    "text-classification",
    "text-to-speech",
    "token-classification",
    "token-count",
    "translation",
]
OPEN = {"chat", "completion", "messages", "responses", "embeddings", "image-editing", "image-generation", "moderation"}
"""Tasks of a vendor's shape: fields that we do not name pass."""
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
SPENT = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
KEPT = {"files", "batches", "fine-tuning", "stored-responses"}
"""Tasks whose reply is a vendor's document, of which nothing must be there."""
PIXEL = "data:image/png;base64,iVBORw0KGgo="
LABEL = {"label": "good", "score": 0.9}
FITTING = {
    "stored-responses": (
        {"action": "input_items", "id": "resp_1", "order": "asc"},
        {"id": "resp_1", "object": "response"},
    ),
    "files": (
        {"action": "create", "file": "aGk=", "filename": "a.jsonl", "purpose": "batch"},
        {"id": "file-1", "object": "file", "bytes": 2},
    ),
    "batches": (
        {
            "action": "create",
            "body": {"input_file_id": "file-1", "endpoint": "/v1/x", "completion_window": "24h", "more": 1},
        },
        {"id": "batch_1", "object": "batch", "status": "validating"},
    ),
    "fine-tuning": (
        {"action": "create", "body": {"model": "m", "training_file": "file-1", "suffix": "x"}},
        {"object": "list", "data": [{"id": "ftjob-1"}], "has_more": False},
    ),
    "completion": (
        {"prompt": "Once", "max_tokens": 5, "echo": False},
        {
            "id": "1",
            "object": "text_completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "text": "upon", "finish_reason": "stop"}],
        },
    ),
    "responses": (
        {"input": [{"role": "user", "content": "hi"}], "max_output_tokens": 20},
        {"id": "r", "object": "response", "created_at": 1.5, "status": "completed", "model": "m", "output": []},
    ),
    "messages": (
        {"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
        {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": "end_turn",
            "usage": {},
        },
    ),
    "message-token-count": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "system": "s"},
        {"input_tokens": 3},
    ),
    "token-count": ({"messages": [{"role": "user", "content": "hi"}]}, {"input_tokens": 3}),
    "generate": (
        {"inputs": "Once", "parameters": {"max_new_tokens": 5, "stop": ["."]}},
        {"generated_text": " upon a time", "finish_reason": "length"},
    ),
    "image-editing": (
        {"prompt": "a hat", "images": ["data:image/png;base64,aGk="], "mask": None, "background": "auto"},
        {"created": 1, "data": [{"b64_json": "aGk="}]},
    ),
    "image-generation": (
        {"prompt": "a cat", "n": 1, "size": "512x512"},
        {"created": 1, "data": [{"b64_json": "aGk="}]},
    ),
    "moderation": (
        {"input": ["a", {"type": "text", "text": "b"}]},
        {
            "id": "1",
            "model": "m",
            "results": [{"flagged": True, "categories": {"x": True}, "category_scores": {"x": 0.9}}],
        },
    ),
    "rerank": ({"query": "who", "texts": ["a", "b"], "top_n": 1}, [{"index": 1, "score": 0.9}]),
    "speech-to-text": (
        {"inputs": "aGk=", "parameters": {"return_timestamps": True}},
        {"text": "hi", "chunks": [{"text": "hi", "timestamp": [0.0, 1.5]}]},
    ),
    "summarization": ({"inputs": "long", "parameters": {"max_length": 9}}, {"summary_text": "short"}),
    "text-to-speech": (
        {"inputs": "hi", "parameters": {"voice": "alloy", "format": "mp3"}},
        {"audio": "aGk=", "media_type": "audio/mpeg"},
    ),
    "chat": (
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": PIXEL}}],
                },
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                {"role": "tool", "tool_call_id": "1", "content": "42"},
            ],
            "max_tokens": 10,
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
            "metadata": {"ours": "yes"},
        },
        {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [CHOICE], "usage": SPENT},
    ),
    "embeddings": (
        {"input": ["a", "b"], "encoding_format": "float"},
        {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m"},
    ),
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
    "stored-responses": [{}, {"action": "retrieve"}, {"action": "list", "id": "a"}, {"action": "delete", "id": "a/b"}],
    "files": [{}, {"action": "steal"}, {"action": "retrieve", "id": "../models"}, {"action": "list", "limit": 0}],
    "batches": [
        {"action": "create", "body": {}},
        {"action": "cancel", "id": "a/b"},
        {"action": "create", "body": {"input_file_id": "file-1", "endpoint": "http://x", "completion_window": "24h"}},
    ],
    "fine-tuning": [{"action": "create", "body": {"model": "m"}}, {"action": "events", "id": "a", "after": "?"}],
    "completion": [{}, {"prompt": []}, {"prompt": "a", "n": 200}, {"prompt": "a", "best_of": 500}],
    "responses": [{}, {"input": ""}, {"input": "a", "background": True}],
    "messages": [{}, {"messages": [{"role": "user", "content": "hi"}]}, {"messages": [], "max_tokens": 1}],
    "message-token-count": [{}, {"messages": []}, {"messages": [{"role": "robot", "content": "a"}]}],
    "token-count": [{}, {"messages": []}],
    "generate": [{"inputs": ""}, {"inputs": "a", "parameters": {"max_new_tokens": 0}}],
    "image-editing": [{"prompt": "a"}, {"prompt": "a", "images": []}, {"prompt": "a", "images": ["http://x/y.png"]}],
    "image-generation": [{}, {"prompt": "a", "n": 11}, {"prompt": "a", "size": "big"}],
    "moderation": [{}, {"input": []}, {"input": [{"type": "image_url", "image_url": {"url": "http://a/b.png"}}]}],
    "rerank": [{"query": "a", "texts": []}, {"query": "a", "texts": ["b"], "top_n": 0}, {"query": "a"}],
    "speech-to-text": [{}, {"inputs": 1}, {"inputs": "aGk=", "parameters": {"language": "e"}}],
    "summarization": [{"inputs": "a", "parameters": {"max_length": 0}}],
    "text-to-speech": [{"inputs": "a", "parameters": {"speed": 9}}, {"inputs": "a", "parameters": {"format": "exe"}}],
    "chat": [
        {},
        {"messages": []},
        {"messages": [{"role": "robot", "content": "hi"}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "tool", "content": "42"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://a/b.png"}}]}]},
        {"messages": [{"role": "user", "content": "hi"}], "n": 200},
        {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 0},
    ],
    "embeddings": [{}, {"input": ""}, {"input": []}, {"input": "a", "dimensions": 0}, {"input": [[]]}],
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


@pytest.mark.parametrize("task", sorted(OPEN))
def test_a_task_of_a_vendors_shape_keeps_fields_it_does_not_name(task):
    request, reply = tasks.schemas(task)

    assert Schema(request).errors({**FITTING[task][0], "extra": 1}) == ()
    assert Schema(reply).errors({**FITTING[task][1], "extra": 1}) == ()


def test_what_is_wrong_in_a_message_is_named_within_its_role():
    document = {"messages": [{"role": "tool", "content": "42"}]}

    assert [error.pointer for error in Schema(tasks.schemas("chat")[0]).errors(document)] == [
        "/messages/0/tool_call_id"
    ]


@pytest.mark.parametrize("task", sorted(set(NAMES) - OPEN - KEPT))
def test_a_reply_has_no_room_for_unknown_fields(task):
    reply = FITTING[task][1]
    extended = [{**reply[0], "extra": 1}] if isinstance(reply, list) else {**reply, "extra": 1}

    assert Schema(tasks.schemas(task)[1]).errors(extended)


def test_pictures_are_binary_fields():
    assert binary_fields(tasks.schemas("image-classification")[0]) == ("inputs",)


def test_recordings_are_binary_fields():
    assert binary_fields(tasks.schemas("speech-to-text")[0]) == ("inputs",)


def test_a_stream_of_recommendations_gives_items():
    item = msgspec.json.decode(b'{"item": "b", "title": null, "score": 1.5}')

    assert Schema(tasks.event_schema("recommendation")).errors(item) == ()
    assert tasks.event_schema("translation") == tasks.schemas("translation")[1]


def test_an_unknown_task_is_a_key_error():
    with pytest.raises(KeyError):
        tasks.schemas("telepathy")


ODD = (None, True, -1, 0, 3, 1.0, 2.5, 1e300, 2**70, "", "x", "chat.completion", [], [1], {}, {"label": "x"})


def bent(document):
    """The document with each of its parts in turn put odd, left out, or joined by something unknown."""
    yield from ODD
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for place, part in items:
        for other in bent(part):
            changed = document.copy()
            changed[place] = other
            yield changed
    if isinstance(document, dict):
        yield {**document, "extra": 1}
        for name in document:
            yield {key: value for key, value in document.items() if key != name}


@pytest.mark.parametrize("task", NAMES)
def test_what_reads_as_a_tasks_reply_satisfies_its_schema(task):
    promised = tasks.reply(task)
    documents = list(bent(FITTING[task][1]))
    held = [document for document in documents if promised.surely_holds(msgspec.json.encode(document))]

    assert promised.surely_holds(msgspec.json.encode(FITTING[task][1]))
    assert 0 < len(held) < len(documents)
    assert [document for document in held if not promised.is_valid(document)] == []
