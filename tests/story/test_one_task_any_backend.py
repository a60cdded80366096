"""One endpoint, four backends: an own model, two cloud services and a language model stand in for each other unseen."""

import json
import time
from contextlib import ExitStack, contextmanager

import pytest

from tests.running import service, write_config
from tests.upstreams import USAGE, upstream

CONFIG = """
models:
  mood: {{python: "moods:Mood"}}
providers:
  aws: {{region: eu-west-1, base_url: "{aws}", api_key: "id:secret", total_timeout: 500ms}}
  google: {{base_url: "{google}", api_key: k}}
  llm: {{kind: openai, base_url: "{llm}/v1", api_key: k}}
endpoints:
  sentiment:
    v1:
      task: text-classification
      targets: [mood, "aws/comprehend:sentiment", "google/language:sentiment", "llm/small"]
      timeout: 4s
      prompt: {{labels: [positive, negative, neutral, mixed]}}
"""
TIMEOUT_S = 4.0
LABELS = {"positive", "negative", "neutral", "mixed"}
COMPREHEND = {
    "Sentiment": "POSITIVE",
    "SentimentScore": {"Positive": 0.5, "Negative": 0.25, "Neutral": 0.25, "Mixed": 0.0},
}
LANGUAGE = {"documentSentiment": {"score": 0.5, "magnitude": 0.5}, "languageCode": "en", "sentences": [{}]}
THROTTLED = 400, {"__type": "ThrottlingException", "message": "secret words"}
DOWN = 503, {"error": {"code": 503, "status": "UNAVAILABLE", "message": "secret words"}}
NONSENSE = "It sounds rather good to me."
SCORED = json.dumps({"scores": {"positive": 0.75, "negative": 0.25, "neutral": 0.0, "mixed": 0.0}})


def written(text):
    """What a chat answers with."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    reply = {"id": "c", "object": "chat.completion", "created": 1, "model": "small-1", "choices": [choice]}
    return 200, {**reply, "usage": USAGE}


class House:
    """The service and what is behind it."""

    def __init__(self, running, aws, google, llm):
        self.running, self.aws, self.google, self.llm = running, aws, google, llm

    def well(self):
        self.aws.refusal, self.google.refusal = (200, COMPREHEND), (200, LANGUAGE)
        self.llm.refusal = written(SCORED)

    def ask(self, text="a good day"):
        began = time.monotonic()
        answer = self.running.call("/api/sentiment/v1", {"inputs": text})
        return answer, time.monotonic() - began


@contextmanager
def opened(folder):
    with ExitStack() as stack:
        ups, urls = zip(*(stack.enter_context(upstream()) for _ in range(3)), strict=True)
        places = dict(zip(("aws", "google", "llm"), (url.removesuffix("/v1") for url in urls), strict=True))
        config = write_config(folder, CONFIG.format(**places), ("moods.py",))
        house = House(stack.enter_context(service(config, folder / "home")), *ups)
        house.well()
        yield house


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """One whose own model is dead for good."""
    with opened(tmp_path_factory.mktemp("backends")) as house:
        house.ask("a good day to die")
        yield house


@pytest.fixture
def house(killed):
    killed.well()
    return killed


def check(answer, took_s, target):
    """A caller sees who answered in the headers alone."""
    assert answer.status == 200, answer.body
    assert took_s < TIMEOUT_S
    assert answer.headers["headworks-target"] == target
    assert answer.headers.get("headworks-degraded") == (None if target == "mood" else "fallback")
    assert answer.headers["content-type"] == "application/json"
    assert all(list(each) == ["label", "score"] for each in answer.json)
    assert all(each["label"] in LABELS and isinstance(each["score"], float) for each in answer.json)
    assert sum(each["score"] for each in answer.json) == pytest.approx(1.0)
    assert answer.json[0]["label"] == "positive"
    assert b"secret words" not in answer.body


def test_each_backend_stands_in_for_those_before_it_and_the_form_stays(tmp_path):
    with opened(tmp_path) as house:
        check(*house.ask(), "mood")
        check(*house.ask("a good day to die"), "aws/comprehend:sentiment")
        check(*house.ask(), "aws/comprehend:sentiment")
        house.aws.refusal = THROTTLED
        check(*house.ask(), "google/language:sentiment")
        house.google.refusal = DOWN
        answer, took_s = house.ask()
        record = house.running.cli("records", "show", answer.headers["x-request-id"])

        check(answer, took_s, "llm/small")
        assert (record["target"], json.loads(record["output"])) == ("llm/small", answer.json)
        assert "a good day" in house.llm.asked[-1]["messages"][1]["content"]


def test_one_that_says_nothing_costs_its_own_time_and_not_the_deadline(house):
    house.running.until(lambda: house.ask()[0].headers["headworks-target"] == "aws/comprehend:sentiment")
    house.aws.gate.clear()
    try:
        answer, took_s = house.ask()
    finally:
        house.aws.gate.set()

    check(answer, took_s, "google/language:sentiment")
    assert took_s >= 0.5


def test_a_language_model_that_rambles_is_asked_once_more(house):
    house.aws.refusal, house.google.refusal = THROTTLED, DOWN
    asked = len(house.llm.asked)
    house.llm.script = [written(NONSENSE)]
    check(*house.ask(), "llm/small")

    assert len(house.llm.asked) == asked + 2


def test_what_no_backend_can_answer_is_a_failure_without_their_words(house):
    house.aws.refusal, house.google.refusal, house.llm.refusal = THROTTLED, DOWN, written(NONSENSE)
    answer, took_s = house.ask()

    assert answer.status == 502
    assert took_s < TIMEOUT_S
    assert answer.json["code"] == "contract_violation"
    assert NONSENSE.encode() not in answer.body
    assert b"secret words" not in answer.body
