"""Whoever serves a task, the reply has one shape: every operation the cloud kinds offer, each with an answer of its service."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.contract import tasks
from headworks.contract.schema import Schema
from headworks.errors import HeadworksError
from headworks.targets.providers.kinds import bound
from headworks.targets.providers.proof import prove_reply, prove_request
from headworks.targets.providers.wire import Ask, HttpResponse
from tests.unit.targets.providers.asks import document
from tests.unit.targets.providers.backends import AT, EVERY, KINDS, WORD, answer_to, ask_for


@pytest.mark.parametrize(("kind", "offer"), EVERY, ids=[f"{kind}/{one.reference}-{one.task}" for kind, one in EVERY])
def test_every_backend_of_a_task_answers_in_its_shape(kind, offer):
    own = {"[": "", ":": ":a", "M": "org/model"}.get(offer.own[:1], "")
    operation = bound(KINDS, f"{kind}/{offer.name}{own}", offer.task).operation
    ask = ask_for(offer)
    assert Schema(tasks.schemas(offer.task)[0]).errors(json.loads(ask.document) | _picture_text(ask)) == ()

    prove_request(operation, ask)
    found = document(prove_reply(operation, ask, answer_to(kind, offer)), offer.task)
    assert found
    if offer.task == "token-classification":
        assert (found[0]["word"], found[0]["start"]) == (WORD, AT)
    if offer.name.endswith(":sentiment"):
        assert {one["label"] for one in found} == {"positive", "negative", "neutral", "mixed"}


def _picture_text(ask: Ask) -> dict[str, str]:
    return {"inputs": "aGk="} if ask.blobs else {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """Every place in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def changed(value: Any, path: tuple, to: Any) -> Any:
    """The document with something else at one place."""
    if not path:
        return to
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], to)
    return copy


@settings(max_examples=400, deadline=None)
@given(which=st.sampled_from(EVERY), data=st.data())
def test_an_answer_that_is_wrong_anywhere_is_understood_or_refused_never_a_crash(which, data):
    kind, offer = which
    own = {"[": "", ":": ":a", "M": "org/model"}.get(offer.own[:1], "")
    operation = bound(KINDS, f"{kind}/{offer.name}{own}", offer.task).operation
    whole = answer_to(kind, offer)
    try:
        document = json.loads(whole.body)
    except ValueError:
        document = None
    at = data.draw(st.sampled_from(places(document)))
    body = json.dumps(changed(document, at, data.draw(JSON))).encode()
    response = HttpResponse(data.draw(st.sampled_from([200, 400, 429, 503])), whole.headers, body)
    told = None
    try:
        operation.reply(ask_for(offer), response) if response.status == 200 else None
    except HeadworksError as error:
        told = error

    for error in (told, operation.failure(response)):
        assert error is None or error.detail == error.title


def test_no_vendors_library_is_loaded_before_it_is_configured():
    program = (
        "import sys; from headworks.targets.providers.kinds import BUILT_IN, kind_of\n"
        "for name in ('aws', 'google', 'http', 'huggingface'): kind_of(name).tasks('x')\n"
        "print([name for name in ('botocore', 'google.auth', 'jmespath', 'requests', 'grpc') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert told.stdout.strip() == "[]"
