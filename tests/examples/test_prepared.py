"""The demo's models on real input, through the runtime that serves them; skipped until the demo has been prepared."""

import base64
import sys

import msgspec
import pytest

from headworks.settings import read_config
from headworks.targets.models.runner import Source
from headworks.targets.models.runtimes.python import load
from headworks.values import Payload
from tests.examples.test_demo_files import DEMO, ROOT

SAMPLES = ROOT / ".demo" / "samples"
if not (ROOT / ".demo" / "models" / "prepared.json").exists():
    pytest.skip("the demo has not been prepared", allow_module_level=True)

CONFIG = read_config(DEMO / "headworks.yaml", {})


@pytest.fixture(scope="module")
def demo_first():
    """`models` is the demo's package here, whatever other tests have imported by that name, and no longer."""
    aside = {name: sys.modules.pop(name) for name in named_models()}
    sys.path.insert(0, str(DEMO))
    yield
    sys.path.remove(str(DEMO))
    for name in named_models():
        del sys.modules[name]
    sys.modules.update(aside)


def named_models():
    return [name for name in sys.modules if name.partition(".")[0] == "models"]


@pytest.fixture(scope="module")
def answer(demo_first):
    """Asks one of the demo's models, loaded once, as its worker would."""
    runners = {}

    def ask(model, document):
        if model not in runners:
            runners[model] = load(Source("python", CONFIG.models[model].python, str(DEMO)))
        runner = runners[model]
        rows = runner.decode(Payload(msgspec.json.encode(document)))
        replies = list(runner.stream(rows[0])) if runner.announcement.is_stream else runner.predict(rows)
        decoded = [msgspec.json.decode(reply) for reply in replies]
        return decoded if runner.announcement.is_stream else decoded[0]

    return ask


def picture(name):
    return base64.b64encode((SAMPLES / name).read_bytes()).decode()


@pytest.mark.parametrize("model", ["word-list", "trained"])
def test_both_versions_of_sentiment_tell_praise_from_complaint(answer, model):
    praise = answer(model, {"inputs": "The support agent was great, I love it!"})
    complaint = answer(model, {"inputs": "It broke after a day. Worst purchase ever.", "parameters": {"top_k": 1}})

    assert praise[0]["label"] == "positive"
    assert len(praise) == 3
    assert [label["label"] for label in complaint] == ["negative"]


def test_a_sentence_is_translated_both_ways(answer):
    there = answer("translate", {"inputs": "Where is my parcel?"})
    back = answer("translate", {"inputs": "Quero cancelar minha assinatura.", "parameters": {"src_lang": "pt"}})

    assert there == {"translation_text": "Onde está a minha encomenda?"}
    assert back == {"translation_text": "I want to cancel my subscription."}


def test_a_cat_and_a_cup_are_named(answer):
    cat = answer("image-labels", {"inputs": picture("chelsea.png")})
    cup = answer("image-labels", {"inputs": picture("coffee.png"), "parameters": {"top_k": 1}})

    assert {label["label"] for label in cat[:3]} == {"tiger cat", "Egyptian cat", "tabby"}
    assert [label["label"] for label in cup] == ["espresso"]


def test_the_face_is_found_where_it_is_and_a_cat_has_none(answer):
    (face,) = answer("faces", {"inputs": picture("astronaut.png")})
    no_face = answer("faces", {"inputs": picture("chelsea.png")})

    assert face["score"] > 0.9
    assert face["box"] == {"xmin": 182, "ymin": 58, "xmax": 270, "ymax": 178}
    assert no_face == []


def test_films_come_best_first_without_those_seen_or_excluded(answer):
    films = answer("films", {"user": "15", "k": 5})
    others = answer("films", {"user": "15", "k": 5, "exclude": [films[0]["item"]]})
    newcomer = answer("films", {"user": "nobody yet", "k": 3})

    assert len(films) == 5
    assert [film["score"] for film in films] == sorted((film["score"] for film in films), reverse=True)
    assert [film["item"] for film in others[:4]] == [film["item"] for film in films[1:]]
    assert newcomer[0]["title"] == "Forrest Gump (1994)"


def test_a_risky_application_is_told_from_a_safe_one(answer):
    safe = {"seniority": 20, "time": 24, "age": 45, "expenses": 35, "amount": 500, "price": 1500, "records": "no"}
    risky = {"seniority": 0, "time": 60, "age": 20, "expenses": 35, "amount": 5000, "price": 5200, "records": "yes"}

    good, bad = answer("scorecard", safe | {"income": 250}), answer("scorecard", risky | {"income": 40})

    assert (good["label"], bad["label"]) == ("good", "bad")
    assert good["probabilities"]["bad"] < 0.1 < 0.9 < bad["probabilities"]["bad"]
