"""What of a call is compared by its meaning, and what must be the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from headworks.cache.question import MOST_DOCUMENT_BYTES, TAKEN, question, words_of
from headworks.cache.question import marks as marks_of
from headworks.contract import tasks
from headworks.policies import SemanticPolicy
from headworks.settings.check import COMPARED
from headworks.settings.types import NEGATIONS
from headworks.values import Payload


def marks(text, apart):
    return marks_of(words_of(text), apart)


POLICY = SemanticPolicy(apart=frozenset(NEGATIONS))
SYSTEM = {"role": "system", "content": "Be brief."}


def chat(*messages, **more):
    return {"messages": [SYSTEM, *messages], **more}


def user(content):
    return {"role": "user", "content": content}


def asked(document, task="chat", **more):
    return question(task, Payload(json.encode(document), **more), POLICY)


def test_every_task_that_may_be_configured_is_read():
    assert set(TAKEN) == set(COMPARED) <= set(tasks.names())


def test_the_last_turn_is_the_question_and_all_else_is_the_rest():
    first, again = asked(chat(user("Hello there"), temperature=1)), asked(chat(user("Hi there"), temperature=1))

    assert (first.text, again.text) == ("Hello there", "Hi there")
    assert first.rest == again.rest


@pytest.mark.parametrize(
    "other",
    [
        {**chat(user("Hi")), "temperature": 0.5},
        {**chat(user("Hi")), "tools": []},
        {"messages": [{"role": "system", "content": "Be long."}, user("Hi")]},
        chat(user("Before"), {"role": "assistant", "content": "Yes"}, user("Hi")),
        chat({**user("Hi"), "name": "ada"}),
        chat(user([{"type": "text", "text": "Hi"}])),
        chat(
            user(
                [
                    {"type": "text", "text": "Hi"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
                ]
            )
        ),
    ],
)
def test_whatever_else_differs_makes_it_another_question(other):
    found = asked(other)

    assert found.text == "Hi"
    assert found.rest != asked(chat(user("Hi"))).rest


def test_the_order_of_names_and_the_space_between_them_make_no_difference():
    spaced = b'{ "temperature": 1, "messages": [ {"content": "Hi", "role": "user"} ] }'

    assert question("chat", Payload(spaced), POLICY) == asked({"messages": [user("Hi")], "temperature": 1})


@pytest.mark.parametrize(
    "document",
    [
        chat({"role": "assistant", "content": "So:"}),
        chat({"role": "tool", "content": "3", "tool_call_id": "c"}),
        chat(user([{"type": "text", "text": "Hi"}, {"type": "text", "text": "there"}])),
        chat(user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}])),
        chat(user("")),
        chat(user("a" * (POLICY.longest + 1))),
        chat(user("Hi"), user_data="x" * MOST_DOCUMENT_BYTES),
    ],
    ids=["an answer", "a tool's answer", "two texts", "a picture alone", "nothing", "too long", "too much before it"],
)
def test_a_call_without_one_short_question_at_its_end_has_none_to_compare(document):
    assert asked(document) is None


def test_arrays_binary_fields_and_other_tasks_are_not_compared():
    document = {"inputs": "Hi"}

    assert asked(document, "generate").text == "Hi"
    assert asked(document, "generate", is_array=True) is None
    assert asked(document, "generate", blobs=(("a", b"b"),)) is None
    assert asked(document, "summarization") is None
    assert question("generate", Payload(b"{"), POLICY) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Take 5 mg of it?", "Take 50 mg of it?"),
        ("The rate of 2022?", "The rate of 2023?"),
        ("From 1 to 2", "From 2 to 1"),
        ("It costs 1.50", "It costs 15.0"),
        ("Is it safe?", "Is it not safe?"),
        ("Is it safe?", "Isn't it safe?"),
        ("Is it safe?", "Isn\u2019t it safe?"),
        ("Ich habe \u0665 Euro", "Ich habe \u0666 Euro"),
    ],
)
def test_questions_that_differ_in_a_number_or_a_negation_are_told_apart(one, other):
    assert marks(one, POLICY.apart) != marks(other, POLICY.apart)


def test_other_words_and_letters_case_tell_nothing_apart():
    assert marks("Is this NOT 5mg, really?", POLICY.apart) == marks("so not 5 mg then", POLICY.apart) == ("not", "5")


@given(st.text(max_size=600))
def test_any_text_has_marks_that_do_not_change_with_what_is_around_them(text):
    assert marks(text, POLICY.apart) == marks(text.casefold(), POLICY.apart) or not text.isascii()
    assert marks(f"{text} . 7", POLICY.apart) == (*marks(text, POLICY.apart), "7")
