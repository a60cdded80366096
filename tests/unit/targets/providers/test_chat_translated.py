"""What a chat asks of services of other dialects: said in their words, or refused by name; never passed over in silence."""

from base64 import b64decode, b64encode

import pytest
from msgspec.json import decode, encode

from headworks.contract.tasks.chat_events import assembled
from headworks.errors import ProviderBroken, ProviderUnable
from headworks.targets.providers.anthropic.chat import AnthropicChat
from headworks.targets.providers.anthropic.facts import ANSWER_TOOL
from headworks.targets.providers.aws.bedrock_converse import ConverseChat
from headworks.targets.providers.cohere.chat import CohereChat
from headworks.targets.providers.gemini.chat import GeminiChat
from headworks.targets.providers.openai.chat import OpenAiChat
from headworks.targets.providers.openai.facts import WISHES_OF_OTHERS, Server
from headworks.targets.providers.proof import prove_reply, prove_stream, read
from headworks.targets.providers.wire import HttpResponse
from tests.unit.targets.providers.chats import CALLED, FORMAT, PIXEL, TOOL, USER, ask, picture, sent
from tests.unit.targets.providers.vendor_aws import request_of

CLAUDE = AnthropicChat("claude-sonnet-4-5")
CONVERSE = ConverseChat("amazon.nova-lite-v1:0")
COMMAND = CohereChat("command-a-03-2025")
GEMINI = GeminiChat("gemini-2.5-flash")
OPENAI = OpenAiChat("gpt-4o", Server())
TRANSLATED = (CLAUDE, CONVERSE, COMMAND, GEMINI)
EVERY_TRANSLATION = pytest.mark.parametrize("chat", TRANSLATED, ids=lambda chat: type(chat).__name__)
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}
ONE_OF_TWO = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "clock"}}]},
}
ASSISTANT = {"role": "assistant", "content": None, "tool_calls": [CALLED]}
SEEN = {"role": "tool", "tool_call_id": "t1", "content": [{"type": "text", "text": "look"}, picture()]}
SHOWN = [USER, ASSISTANT, SEEN]


def file(media, data, name="n.txt"):
    return {"type": "file", "file": {"filename": name, "file_data": f"data:{media};base64,{b64encode(data).decode()}"}}


def sound(form="wav"):
    return {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": form}}


def said(*parts):
    return {"role": "user", "content": list(parts)}


@EVERY_TRANSLATION
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("functions", [{"name": "f"}]),
        ("logit_bias", {"50256": -100}),
        ("modalities", ["text", "audio"]),
        ("web_search_options", {"search_context_size": "low"}),
    ],
)
def test_what_another_dialect_has_no_word_for_is_refused_by_name(chat, field, value):
    with pytest.raises(ProviderUnable) as caught:
        chat.request(ask(**{field: value}))

    assert caught.value.errors[0].pointer == f"/{field}"


@EVERY_TRANSLATION
def test_values_that_ask_for_nothing_are_no_reason_to_refuse(chat):
    neutral = {"functions": [], "logit_bias": {}, "modalities": ["text"], "n": 1, "logprobs": False, "top_logprobs": 0}

    assert sent(chat, ask(**neutral)) == sent(chat, ask())


def test_a_reasoning_model_is_not_asked_for_what_it_would_leave_out_of_its_answer():
    chat = OpenAiChat("gpt-5-mini", Server())
    wishes = sent(chat, ask(temperature=0.5, logprobs=False, logit_bias={}))

    assert not wishes.keys() & {"temperature", "logprobs", "logit_bias"}
    for field, value in (("logprobs", True), ("top_logprobs", 2), ("logit_bias", {"1": 1})):
        with pytest.raises(ProviderUnable) as caught:
            chat.request(ask(**{field: value}))
        assert caught.value.errors[0].pointer == f"/{field}"


def test_several_answers_are_asked_of_who_can_give_them():
    assert sent(OPENAI, ask(n=3))["n"] == 3
    assert sent(GEMINI, ask(n=3))["generationConfig"] == {"candidateCount": 3}
    for chat in (CLAUDE, CONVERSE, COMMAND):
        with pytest.raises(ProviderUnable) as caught:
            chat.request(ask(n=3))
        assert caught.value.errors[0].pointer == "/n"


WORD = {"token": "ö", "tokenId": 7, "logProbability": -0.5}
SURE = {"chosenCandidates": [WORD], "topCandidates": [{"candidates": [WORD]}]}
CHANCE = {"token": "ö", "logprob": -0.5, "bytes": [195, 182]}
CHANCES = [{**CHANCE, "top_logprobs": [CHANCE]}]


def candidate(index, text, **more):
    return {"index": index, "content": {"parts": [{"text": text}]}, **more}


def test_several_answers_of_gemini_are_told_apart_with_the_chances_of_their_words():
    asked = ask(n=2, logprobs=True, top_logprobs=1)
    ends = {"finishReason": "STOP", "logprobsResult": SURE}
    whole = {"candidates": [candidate(1, "b", finishReason="STOP"), candidate(0, "ö", **ends)], "responseId": "r"}
    events = [
        {"candidates": [candidate(0, "ö", logprobsResult=SURE), candidate(1, "b")], "responseId": "r"},
        {"candidates": [candidate(1, "c", finishReason="MAX_TOKENS")], "responseId": "r"},
        {"candidates": [candidate(0, "", finishReason="STOP")], "responseId": "r", "usageMetadata": {}},
    ]
    answer = prove_reply(GEMINI, asked, HttpResponse(200, {}, encode(whole)))
    stream = b"".join(b"data: %b\n\n" % encode(event) for event in events)
    pieces = prove_stream(GEMINI, asked, stream, [()])
    told = decode(assembled(piece.document for piece in pieces if piece.document))["choices"]

    config = sent(GEMINI, asked)["generationConfig"]
    assert config == {"candidateCount": 2, "responseLogprobs": True, "logprobs": 1}
    choices = decode(answer.document)["choices"]
    assert [(each["index"], each["message"]["content"]) for each in choices] == [(0, "ö"), (1, "b")]
    assert [(each["message"]["content"], each["finish_reason"]) for each in told] == [("ö", "stop"), ("bc", "length")]
    assert choices[0]["logprobs"]["content"] == told[0]["logprobs"]["content"] == CHANCES


def test_an_answer_of_several_that_never_ends_is_broken():
    event = {"candidates": [candidate(0, "a", finishReason="STOP"), candidate(1, "b")], "responseId": "r"}

    with pytest.raises(ProviderBroken):
        read(GEMINI, ask(n=2), [b"data: %b\n\n" % encode(event)])


def test_only_the_tools_that_may_be_called_are_offered():
    asked = ask(tools=[TOOL, CLOCK], tool_choice=ONE_OF_TWO)
    claude, converse, command, gemini = (sent(chat, asked) for chat in TRANSLATED)

    assert [tool["name"] for tool in claude["tools"]] == ["clock"]
    assert claude["tool_choice"] == {"type": "any"}
    assert [tool["toolSpec"]["name"] for tool in converse["toolConfig"]["tools"]] == ["clock"]
    assert converse["toolConfig"]["toolChoice"] == {"any": {}}
    assert [tool["function"]["name"] for tool in command["tools"]] == ["clock"]
    assert command["tool_choice"] == "REQUIRED"
    assert [tool["name"] for tool in gemini["tools"][0]["functionDeclarations"]] == ["clock"]
    assert gemini["toolConfig"]["functionCallingConfig"] == {"mode": "ANY"}
    assert sent(OPENAI, asked)["tool_choice"] == ONE_OF_TWO
    with pytest.raises(ProviderUnable) as caught:
        CLAUDE.request(ask(tools=[TOOL], tool_choice={"type": "allowed_tools", "allowed_tools": ["weather"]}))
    assert caught.value.errors[0].pointer == "/tool_choice/allowed_tools"


def test_the_one_tool_that_cohere_must_call_is_the_only_one_it_is_offered():
    body = sent(COMMAND, ask(tools=[TOOL, CLOCK], tool_choice={"type": "function", "function": {"name": "clock"}}))

    assert [tool["function"]["name"] for tool in body["tools"]] == ["clock"]
    assert body["tool_choice"] == "REQUIRED"
    with pytest.raises(ProviderUnable):
        COMMAND.request(ask(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "clock"}}))


def test_a_picture_that_a_tool_gave_back_is_shown_by_the_user_where_tools_may_tell_text_only():
    other = {"role": "tool", "tool_call_id": "t2", "content": [picture()]}
    messages = sent(OPENAI, ask(USER, ASSISTANT, SEEN, other, USER))["messages"]

    assert messages == [
        USER,
        ASSISTANT,
        {"role": "tool", "tool_call_id": "t1", "content": [{"type": "text", "text": "look"}]},
        {"role": "tool", "tool_call_id": "t2", "content": "Shown in the next message of the user."},
        said(
            {"type": "text", "text": "Result of the call t1:"},
            picture(),
            {"type": "text", "text": "Result of the call t2:"},
            picture(),
        ),
        USER,
    ]


def test_a_picture_that_a_tool_gave_back_stays_with_its_result_elsewhere():
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    claude, converse, gemini = (sent(chat, ask(*SHOWN, tools=[TOOL])) for chat in (CLAUDE, CONVERSE, GEMINI))

    assert claude["messages"][-1]["content"][0]["content"] == [{"type": "text", "text": "look"}, block]
    assert converse["messages"][-1]["content"][0]["toolResult"]["content"] == [
        {"text": "look"},
        {"image": {"format": "png", "source": {"bytes": PIXEL}}},
    ]
    assert gemini["contents"][-1]["parts"] == [
        {"functionResponse": {"name": "weather", "response": {"result": "look"}}},
        {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
    ]
    with pytest.raises(ProviderUnable) as caught:
        COMMAND.request(ask(*SHOWN, tools=[TOOL]))
    assert caught.value.errors[0].pointer == "/messages/2/content/1"


def test_messages_that_show_nothing_go_on_as_they_were_written():
    asked = ask(USER, ASSISTANT, {"role": "tool", "tool_call_id": "t1", "content": "cold"})

    assert OPENAI.request(asked).body.startswith(asked.document.removesuffix(b"}"))


def test_sound_is_handed_to_who_hears_it():
    gemini, converse = sent(GEMINI, ask(said(sound()))), sent(CONVERSE, ask(said(sound("mp3"))))

    assert gemini["contents"][0]["parts"] == [{"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}]
    assert converse["messages"][0]["content"] == [{"audio": {"format": "mp3", "source": {"bytes": "UklGRg=="}}}]
    for chat in (CLAUDE, COMMAND):
        with pytest.raises(ProviderUnable) as caught:
            chat.request(ask(said(sound())))
        assert caught.value.errors[0].pointer == "/messages/0/content/0"


def test_documents_are_told_in_the_form_that_each_reads():
    text = said(file("text/plain", "Straße".encode(), "road.txt"))
    sheet = said(file("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK"))

    assert sent(CLAUDE, ask(text))["messages"][0]["content"] == [
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "Straße"},
            "title": "road.txt",
        }
    ]
    assert sent(CONVERSE, ask(sheet))["messages"][0]["content"][0]["document"]["format"] == "xlsx"
    for chat, message in ((CLAUDE, sheet), (CLAUDE, said(file("text/plain", b"\xff"))), (COMMAND, text)):
        with pytest.raises(ProviderUnable):
            chat.request(ask(message))


@pytest.mark.parametrize(
    ("chat", "wished", "told"),
    [
        (AnthropicChat("claude-opus-4-5-20251101"), "minimal", {"effort": "low"}),
        (AnthropicChat("claude-opus-5"), "max", {"effort": "high"}),
        (AnthropicChat("claude-sonnet-4-5"), "high", None),
        (AnthropicChat("claude-opus-4-20250514"), "high", None),
        (ConverseChat("eu.anthropic.claude-opus-4-6-v1"), "medium", {"effort": "medium"}),
        (ConverseChat("amazon.nova-lite-v1:0"), "medium", None),
        (GeminiChat("gemini-2.5-flash"), "none", {"thinkingBudget": 0}),
        (GeminiChat("gemini-2.5-pro"), "none", {"thinkingBudget": 128}),
        (GeminiChat("gemini-2.5-flash"), "medium", {"thinkingBudget": 8192}),
        (GeminiChat("gemini-3-pro-preview"), "medium", {"thinkingLevel": "high"}),
        (GeminiChat("gemini-3-flash-preview"), "medium", {"thinkingLevel": "medium"}),
        (GeminiChat("gemini-2.0-flash"), "high", None),
        (GeminiChat("a-tuned-one"), "high", None),
    ],
)
def test_how_hard_to_try_is_said_in_the_words_of_a_model_that_knows_any(chat, wished, told):
    body = sent(chat, ask(reasoning_effort=wished))
    found = (
        body.get("output_config") or body.get("outputConfig") or body.get("generationConfig", {}).get("thinkingConfig")
    )

    assert found == told


def test_how_many_words_to_choose_among_is_handed_to_who_knows_the_wish():
    own = OpenAiChat("gpt-4o", Server(unread=WISHES_OF_OTHERS))
    claude, command, gemini, vllm, gpt = (sent(chat, ask(top_k=5)) for chat in (CLAUDE, COMMAND, GEMINI, OPENAI, own))

    assert (claude["top_k"], command["k"], gemini["generationConfig"]["topK"], vllm["top_k"]) == (5, 5, 5, 5)
    assert "top_k" not in gpt
    with pytest.raises(ProviderUnable):
        CLAUDE.request(ask(top_k="many"))


def test_a_model_that_never_thinks_is_not_asked_how_hard():
    assert "reasoning_effort" not in sent(OPENAI, ask(reasoning_effort="low"))
    assert sent(OpenAiChat("gpt-5-mini", Server()), ask(reasoning_effort="low"))["reasoning_effort"] == "low"


def test_the_text_at_which_claude_stopped_is_told_whole_and_streamed():
    body = {
        "id": "m", "type": "message", "model": "claude", "content": [{"type": "text", "text": "a"}],
        "stop_reason": "stop_sequence", "stop_sequence": "END", "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    answer = prove_reply(CLAUDE, ask(stop="END"), HttpResponse(200, {}, encode(body)))
    events = [
        {"type": "message_start", "message": {**body, "content": [], "stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}},
        {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"}, "usage": {}},
        {"type": "message_stop"},
    ]
    stream = b"".join(b"data: %b\n\n" % encode(event) for event in events)
    pieces = prove_stream(CLAUDE, ask(stop="END", is_stream=True), stream, [()])
    documents = [piece.document for piece in pieces if piece.document]
    ends = [choice for each in documents for choice in decode(each)["choices"] if choice["finish_reason"]]

    assert decode(answer.document)["choices"][0]["stop_reason"] == "END"
    assert [(choice["finish_reason"], choice["stop_reason"]) for choice in ends] == [("stop", "END")]
    assert decode(assembled(documents))["choices"][0]["stop_reason"] == "END"


def test_what_an_answer_declined_with_is_told_wherever_it_stands():
    declined = {"role": "assistant", "content": None, "refusal": "No."}
    claude, converse, command, gemini = (sent(chat, ask(USER, declined, USER)) for chat in TRANSLATED)

    assert claude["messages"][1] == {"role": "assistant", "content": [{"type": "text", "text": "No."}]}
    assert converse["messages"][1] == {"role": "assistant", "content": [{"text": "No."}]}
    assert command["messages"][1] == {"role": "assistant", "content": "No."}
    assert gemini["contents"][1] == {"role": "model", "parts": [{"text": "No."}]}


def test_instructions_alone_are_answered_as_what_a_person_says():
    asked = ask({"role": "developer", "content": "Be brief."}, {"role": "system", "content": "Say hi."})
    claude, converse, command, gemini = (sent(chat, asked) for chat in TRANSLATED)

    assert claude["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Say hi."}]}]
    assert claude["system"] == "Be brief."
    assert converse["messages"] == [{"role": "user", "content": [{"text": "Say hi."}]}]
    assert [message["role"] for message in command["messages"]] == ["system", "user"]
    assert gemini["contents"] == [{"role": "user", "parts": [{"text": "Say hi."}]}]


@pytest.mark.parametrize(
    ("choice", "told", "offered"),
    [
        (None, {"type": "any"}, ["weather", ANSWER_TOOL]),
        ("auto", {"type": "any"}, ["weather", ANSWER_TOOL]),
        ("none", {"type": "tool", "name": ANSWER_TOOL}, ["weather", ANSWER_TOOL]),
        ("required", {"type": "any"}, ["weather"]),
        ({"type": "function", "function": {"name": "weather"}}, {"type": "tool", "name": "weather"}, ["weather"]),
    ],
)
def test_an_answer_in_json_leaves_the_choice_of_tools_to_the_caller(choice, told, offered):
    body = sent(CLAUDE, ask(tools=[TOOL], tool_choice=choice, response_format=FORMAT))

    assert body["tool_choice"] == told
    assert [tool["name"] for tool in body["tools"]] == offered


def test_more_than_four_texts_may_end_an_answer_where_the_service_takes_them():
    stops = ["a", "b", "c", "d", "e"]

    assert sent(CLAUDE, ask(stop=stops))["stop_sequences"] == stops
    assert sent(OPENAI, ask(stop=stops))["stop"] == stops


def test_a_schema_that_refers_to_itself_says_that_it_is_an_object():
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    schema = {"$ref": "#/$defs/Node", "$defs": {"Node": node}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    claude, converse, _, gemini = (sent(chat, ask(tools=[tool])) for chat in TRANSLATED)

    assert claude["tools"][0]["input_schema"] == {"type": "object", **schema}
    assert sent(CLAUDE, ask(response_format=form))["tools"][0]["input_schema"] == {"type": "object", **schema}
    assert converse["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"] == {"type": "object", **schema}
    assert gemini["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == schema


def plain(value):
    """The same with bytes where Converse has base64."""
    if isinstance(value, dict):
        return {name: b64decode(each) if name == "bytes" else plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_what_converse_is_asked_is_of_the_vendors_own_model():
    chat = ConverseChat("eu.anthropic.claude-opus-4-6-v1")
    shown = said(sound("flac"), file("application/msword", b"doc"), picture())
    asked = ask(
        USER, ASSISTANT, SEEN, shown, tools=[TOOL, CLOCK], tool_choice=ONE_OF_TWO, reasoning_effort="low", stop=["a"]
    )
    body = sent(chat, asked)
    theirs = request_of("bedrock-runtime", "Converse", {"modelId": chat.model, **plain(body)}, "rest-json")

    assert decode(theirs["body"]) == body
