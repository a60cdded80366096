"""One task, any backend: an own model, every cloud service and every chat by a prompt give replies of one form."""

import json
from importlib import import_module

import msgspec
import pytest

from headworks.contract import tasks
from headworks.contract.schema import resolved
from headworks.targets.models.codec import codec_for
from headworks.targets.models.signature import read_signature
from headworks.targets.models.typed import Described, TypedRunner
from headworks.targets.providers.kinds import bound
from headworks.targets.providers.prompts import PROMPTS
from headworks.targets.providers.prompts.moderation import CATEGORIES
from headworks.targets.providers.proof import prove_reply
from headworks.targets.providers.wire import Ask
from headworks.values import Payload
from tests.unit.targets.providers.asks import document
from tests.unit.targets.providers.backends import ASKS, DONE, EVERY, KINDS, WORD, answer_to, ask_for
from tests.unit.targets.providers.prompted import CHATS, answered, prompted

WRITTEN = {
    "generate": "x",
    "moderation": json.dumps({"verdicts": {"text_1": dict.fromkeys(CATEGORIES, 0.5)}}),
    "summarization": '{"summary": "x"}',
    "text-classification": '{"scores": {"positive": 0, "negative": 0, "neutral": 1}}',
    "token-classification": f'{{"entities": [{{"text": "{WORD}", "group": "LOCATION", "score": 0.5}}]}}',
    "translation": '{"translation": "x"}',
}
"""What a chat model writes where it is asked by a prompt."""
JUDGE = Ask(b'{"input": "a"}')
TASKS = sorted({offer.task for _, offer in EVERY} - {"chat"})


def by_cloud(task):
    """What every operation of the cloud kinds tells of its service's own answer."""
    found = {}
    for kind, offer in EVERY:
        if offer.task == task:
            own = {"[": "", ":": ":a", "M": "org/model"}.get(offer.own[:1], "")
            operation = bound(KINDS, f"{kind}/{offer.name}{own}", task).operation
            told = prove_reply(operation, ask_for(offer), answer_to(kind, offer))
            found[f"{kind}/{offer.name}"] = document(told, task)
    return found


def by_prompt(task):
    """What every kind of chat tells of what its model wrote."""
    if task not in PROMPTS:
        return {}
    ask = ASKS.get(task, JUDGE)
    return {way: document(prove_reply(prompted(way, task), ask, answered(way, WRITTEN[task])), task) for way in CHATS}


def by_own_model(task):
    """What a team's own model of the task tells, through the worker's decoding and its checks; nothing where the input is a picture."""
    ask = ASKS.get(task, JUDGE)
    if ask.blobs or task.startswith("tabular"):
        return {}
    module = import_module(f"headworks.contract.tasks.{task.replace('-', '_')}")

    def predict(row):
        return msgspec.convert(DONE[task], module.Reply)

    predict.__annotations__ = {"row": module.Request, "return": module.Reply}
    signature = read_signature(predict, "M")
    codecs = (codec_for(signature.request), codec_for(signature.reply))
    runner = TypedRunner(predict, signature, codecs, Described((), "v1", ""))
    (told,) = runner.predict(runner.decode(Payload(ask.document)))
    return {"own model": json.loads(told)}


def form(value, schema, root):
    """The form of a reply: which fields there are, and what is in them; fields that may be left out are left out."""
    schema = resolved(schema, root)
    if isinstance(value, list):
        forms = {json.dumps(form(each, schema.get("items", {}), root), sort_keys=True) for each in value}
        assert len(forms) == 1, "the items of one list are of one form"
        return [json.loads(forms.pop())]
    if isinstance(value, dict) and "properties" in schema:
        return {name: form(value[name], schema["properties"][name], root) for name in schema["required"]}
    if isinstance(value, dict):
        return {"any name": sorted({type(each).__name__ for each in value.values()})}
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


@pytest.mark.parametrize("task", TASKS)
def test_the_reply_is_of_one_form_whoever_serves_the_task(task):
    schema = tasks.schemas(task)[1]
    replies = by_own_model(task) | by_cloud(task) | by_prompt(task)
    forms = {backend: form(reply, schema, schema) for backend, reply in replies.items()}

    assert len(forms) >= 2
    assert set(map(json.dumps, forms.values())) == {json.dumps(next(iter(forms.values())))}
    if task in PROMPTS:
        assert {"own model", "aws/sagemaker", "openai", "anthropic"} <= forms.keys()


def test_every_backend_finds_the_same_word_at_the_same_place():
    task = "token-classification"
    replies = by_own_model(task) | by_cloud(task) | by_prompt(task)
    places = {(reply[0]["word"], reply[0]["start"], reply[0]["end"]) for reply in replies.values()}

    assert len(replies) > 10
    assert len(places) == 1
