"""A chat whose kept answers are given to similar questions too: what callers, the record and the targets see of it."""

import time
from pathlib import Path

import pytest

from tests.running import service, write_config
from tests.upstreams import upstream

CONFIG = """
models:
  letters: {{python: "meaning:Letters"}}
  busy: {{python: "meaning:Letters", hard_timeout: 30s}}
providers:
  up: {{kind: openai, base_url: "{up}", api_key: k1}}
  vec: {{kind: openai, base_url: "{vec}", api_key: k2, attempts: 1}}
prices:
  vec/e: {{input: 1000.0}}
  up/m: {{input: 1.0, output: 1.0, most_output: 100}}
budgets:
  all: {{limit: 100 USD}}
endpoints:
  vectors: {{v1: {{task: embeddings, targets: [letters]}}}}
  faq: {{v1: {{task: chat, targets: ["up/m"], cache: {{fresh: 5m, semantic: {{embeddings: vectors, threshold: 0.97, timeout: 5s}}}}}}}}
  outside: {{v1: {{task: chat, targets: ["up/m"], cache: {{fresh: 5m, semantic: {{embeddings: vec/e, timeout: 1s}}}}}}}}
  hung: {{v1: {{task: chat, targets: ["up/m"], cache: {{fresh: 5m, semantic: {{embeddings: busy, timeout: 200ms}}}}}}}}
  going: {{v1: {{task: generate, targets: ["up/m"], cache: {{fresh: 5m, semantic: {{embeddings: letters, timeout: 5s}}}}}}}}
"""
HOW = "headworks-cache"


class House:
    """The service, the chat behind it and the vectors beside it."""

    def __init__(self, running, up, vec):
        self.running, self.up, self.vec = running, up, vec

    def ask(self, text, endpoint="faq", system="Be brief.", **more):
        turns = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        return self.running.call(f"/api/{endpoint}/v1", {"messages": turns}, **more)

    def record(self, answer):
        return self.running.cli("records", "show", answer.headers["x-request-id"])

    def listed(self, **which):
        calls = self.running.cli("records", "list", "--limit", "200")
        return [call for call in calls if all(call[name] == value for name, value in which.items())]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("similar")
    with upstream() as (up, up_url), upstream() as (vec, vec_url):
        config = write_config(folder, CONFIG.format(up=up_url, vec=vec_url), ("meaning.py",))
        with service(config, folder / "home") as running:
            yield House(running, up, vec)


def test_a_similar_question_is_answered_from_memory_and_everybody_is_told(house):
    first = house.ask("How do I cancel my order?")
    asked = len(house.up.asked)
    near = house.ask("How do I cancel my orders?")
    record = house.record(near)
    (vector, *_) = house.listed(client_request_id=near.headers["x-request-id"])

    assert (first.headers[HOW], near.headers[HOW]) == ("miss", "semantic")
    assert 0.97 <= float(near.headers["headworks-cache-similarity"]) < 1
    assert near.body == first.body
    assert len(house.up.asked) == asked
    assert record["given"] == {"cache": "semantic", "similarity": float(near.headers["headworks-cache-similarity"])}
    assert (record["attempts"], record["cost_micros"], record["target"]) == (0, 0, "up/m")
    assert (vector["endpoint"], vector["via"], vector["route"], vector["outcome"]) == (
        "vectors",
        "cache",
        "(similar)",
        "ok",
    )
    assert house.running.metric("headworks_cache_answers_total", how="semantic") >= 1


def test_no_array_library_is_loaded_to_compare_them(house):
    house.ask("Which library is that?")
    near = house.ask("Which library is that??")
    loaded = Path(f"/proc/{house.running.process.pid}/maps").read_text()

    assert near.headers[HOW] == "semantic"
    assert "msgspec" in loaded
    assert "numpy" not in loaded


def test_another_question_another_system_and_another_number_are_not_similar(house):
    house.ask("What is the fee for 5 parcels?")
    others = [
        house.ask("What is the fee for 6 parcels?"),
        house.ask("What is the fee for 5 parcels?", system="Be long."),
        house.ask("What is not the fee for 5 parcels?"),
        house.ask("Zebras?"),
    ]

    assert [each.headers[HOW] for each in others] == ["miss"] * 4


def test_nobody_is_given_an_answer_of_another_key_and_nobody_can_plant_one(house):
    other = house.running.make_key("similar, but somebody else")
    house.ask("Who am I to you?", key=other)

    assert house.ask("Who am I to you??").headers[HOW] == "miss"
    assert house.ask("Who am I to you!", key=other).headers[HOW] == "semantic"


def test_a_key_needs_no_scope_for_the_vectors(house):
    scoped = house.running.make_key("only the chat", scopes=["call:faq"])
    house.ask("May I come in?", key=scoped)

    assert house.ask("May I come in??", key=scoped).headers[HOW] == "semantic"
    assert house.running.call("/api/vectors/v1", {"input": "May I?"}, key=scoped).status == 403


def test_a_stream_is_told_a_similar_answer_event_by_event(house):
    house.ask("Where is my parcel?")
    streamed = house.ask("Where is my parcel??", headers={"Accept": "text/event-stream"})

    assert streamed.headers[HOW] == "semantic"
    assert b"Hello" in streamed.body
    assert house.record(streamed)["given"]["cache"] == "semantic"


def test_vendors_clients_are_given_it_too(house):
    turns = {"model": "faq", "messages": [{"role": "user", "content": "Do you ship to Norway?"}]}
    first = house.running.call("/v1/chat/completions", turns)
    turns["messages"][0]["content"] = "Do you ship to Norway??"
    near = house.running.call("/v1/chat/completions", turns)

    assert (first.headers[HOW], near.headers[HOW]) == ("miss", "semantic")
    assert near.json["choices"] == first.json["choices"]


def test_the_word_of_the_caller_and_the_erasure_of_a_person_count(house):
    about = {"X-Subject": "ada"}
    house.ask("What about my knee?", headers=about)
    fresh = house.ask("What about my knee??", headers={**about, "Cache-Control": "no-cache"})
    near = house.ask("What about my knee?!", headers=about)
    house.running.cli("records", "erase", "ada")
    after = house.ask("What about my knee?.", headers=about)

    assert [each.headers[HOW] for each in (fresh, near, after)] == ["miss", "semantic", "miss"]


def test_vectors_of_a_service_outside_are_paid_for_and_recorded(house):
    house.ask("Is it open today?", "outside")
    near = house.ask("Is it open today??", "outside")
    (vector, *_) = house.listed(client_request_id=near.headers["x-request-id"])

    assert near.headers[HOW] == "semantic"
    assert (vector["endpoint"], vector["target"], vector["cost_micros"]) == ("outside", "vec/e", 5000)


def test_vectors_of_a_service_outside_that_hangs_or_fails_keep_nobody_waiting_long(house):
    house.vec.gate.clear()
    began = time.monotonic()
    slow = house.ask("Is anybody there?", "outside")
    took_s = time.monotonic() - began
    house.vec.gate.set()
    house.vec.script = [(500, {"error": {"message": "no", "type": "server_error", "code": None}})]
    failed = house.ask("Is really anybody there?", "outside")
    house.vec.script = []
    house.running.until(lambda: house.listed(client_request_id=slow.headers["x-request-id"]))

    assert (slow.status, slow.headers[HOW], failed.status, failed.headers[HOW]) == (200, "miss", 200, "miss")
    assert 0.9 < took_s < 5
    (late, *_) = house.listed(client_request_id=slow.headers["x-request-id"])
    assert late["outcome"] in {"deadline_exceeded", "provider_timeout"}


@pytest.mark.parametrize("text", ["hang on", "raise it", "all zeros", "a short one"])
def test_vectors_that_do_not_come_or_cannot_be_compared_are_in_nobodys_way(house, text):
    began = time.monotonic()
    answers = [house.ask(f"{text}{end}", "hung", system=text) for end in ("?", "??")]

    assert [answer.status for answer in answers] == [200, 200]
    assert text == "a short one" or [answer.headers[HOW] for answer in answers] == ["miss", "miss"]
    assert time.monotonic() - began < 10


def test_the_beginning_of_a_text_is_a_question_too(house):
    asked = {"inputs": "Once upon a time there was"}
    house.running.call("/api/going/v1", asked)
    near = house.running.call("/api/going/v1", {"inputs": "Once upon a time, there was"})
    other = house.running.call("/api/going/v1", {**asked, "parameters": {"seed": 1}})

    assert near.headers[HOW] == "semantic"
    assert other.headers[HOW] == "miss"
