"""Responses that a provider stores, asked for again with OpenAI's own client: each caller's own alone."""

import openai
import pytest

from tests.keeping import KEY, account
from tests.running import service, write_config
from tests.story.test_keeping import client_of

CONFIG = """
providers:
  up: {{kind: openai, base_url: "{url}", api_key: {key}}}
endpoints:
  responding: {{v1: {{task: responses, targets: ["up/gpt-5-mini"]}}}}
  stored: {{v1: {{task: stored-responses, targets: ["up/stored-responses"]}}}}
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    with account() as (kept, url):
        with service(write_config(folder, CONFIG.format(url=url, key=KEY)), folder / "home") as running:
            keys = [running.make_key(name) for name in ("ada", "bob")]
            with client_of(running, keys[0]) as ada, client_of(running, keys[1]) as bob:
                yield kept, ada, bob


def said(client, **more):
    return client.responses.create(**{"model": "responding", "input": "Hi", "store": True, **more})


def streamed(client):
    return list(client.responses.create(model="responding", input="Hi", store=True, stream=True))[-1].response


@pytest.mark.parametrize("make", [said, streamed])
def test_a_response_is_looked_at_and_deleted_by_who_made_it(house, make):
    kept, ada, _ = house
    made = make(ada)
    shown = ada.responses.retrieve(made.id)
    items = ada.responses.input_items.list(made.id, order="asc", limit=3)
    ada.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        ada.responses.retrieve(made.id)

    assert (made.model, shown.model) == ("responding", "gpt-5-mini")
    assert shown.output_text == made.output_text == "You said: Hi"
    assert items.data[0].content[0].text == '{"limit": "3", "order": "asc"}'
    assert made.id not in kept.responses


@pytest.mark.parametrize("make", [said, streamed])
def test_somebody_elses_response_is_not_found_and_cannot_be_gone_on_from(house, make):
    kept, ada, bob = house
    made = make(ada)
    asked = len(kept.asked)
    ways = (
        bob.responses.retrieve,
        bob.responses.delete,
        bob.responses.cancel,
        lambda each: list(bob.responses.input_items.list(each)),
    )
    for way in ways:
        with pytest.raises(openai.NotFoundError):
            way(made.id)
    with pytest.raises(openai.BadRequestError):
        said(bob, previous_response_id=made.id)

    assert len(kept.asked) == asked
    assert said(ada, previous_response_id=made.id).output_text == "You said: Hi"


@pytest.mark.parametrize("store", [False, openai.omit])
def test_what_is_not_asked_to_be_stored_is_not_there(house, store):
    kept, ada, _ = house
    made = said(ada, store=store)
    asked = len(kept.asked)

    with pytest.raises(openai.NotFoundError):
        ada.responses.retrieve(made.id)
    assert len(kept.asked) == asked
