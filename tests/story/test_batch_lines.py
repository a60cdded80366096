"""The lines of a batch name endpoints, or models of endpoints, that the caller may call: seen before anything is sent."""

import base64
import json

import openai
import pytest

from tests.keeping import KEY, account
from tests.running import service, write_config
from tests.story.test_keeping import client_of, sent

CONFIG = """
providers:
  up: {{kind: openai, base_url: "{url}", api_key: {key}}}
  aside: {{kind: openai, base_url: "{url}/", api_key: {key}}}
endpoints:
  files: {{v1: {{task: files, targets: ["up/files"]}}}}
  batches: {{v1: {{task: batches, targets: ["up/batches"]}}}}
  talk:
    v1: {{task: chat, targets: ["up/gpt-5-mini"], default: true}}
    v2: {{task: chat, targets: ["aside/far", "up/gpt-5", "up/gpt-5-nano"]}}
  secret: {{v1: {{task: chat, targets: ["up/dear"]}}}}
  far: {{v1: {{task: chat, targets: ["aside/far"]}}}}
  summaries: {{v1: {{task: summarization, targets: ["up/short"]}}}}
"""


def line(model, **more):
    body = {"model": model, "messages": [{"role": "user", "content": "né \u2028 1e400 \\"}], "seed": 1}
    return json.dumps(
        {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body, **more}
    ).encode()


class House:
    def __init__(self, running, kept):
        self.running, self.kept = running, kept
        self.narrow = running.make_key("narrow", scopes=["call:files", "call:batches", "call:talk/v1"])

    def send(self, content, key=None):
        """What the vendor has of a file."""
        with client_of(self.running, key or self.running.key) as client:
            return self.kept.contents[sent(client, content).id]

    def refusal(self, content, key=None):
        asked = len(self.kept.asked)
        with pytest.raises(openai.UnprocessableEntityError) as caught:
            self.send(content, key)
        assert len(self.kept.asked) == asked
        return caught.value


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch-lines")
    with account() as (kept, url):
        config = write_config(folder, CONFIG.format(url=url, key=KEY))
        with service(config, folder / "home") as running:
            yield House(running, kept)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("talk", "gpt-5-mini"),
        ("talk@v1", "gpt-5-mini"),
        ("talk@v2", "gpt-5"),
        ("summaries", "short"),
        ("gpt-5-mini", "gpt-5-mini"),
        ("gpt-5-nano", "gpt-5-nano"),
    ],
)
def test_a_line_names_an_endpoint_or_a_model_that_one_asks(house, name, model):
    there = [json.loads(each) for each in house.send(line(name)).splitlines()]

    assert there == [json.loads(line(model))]


def test_lines_that_name_a_model_stay_as_they_came_beside_others(house):
    own = b' {"custom_id":"b","url":"/v1/responses","body":{"model" : "gpt-5-mini","input":"\\u0041","x":1.50}}\r'
    content = b"\n".join([own, b"", line("talk"), own, b""])
    there = house.send(content).split(b"\n")

    assert [there[0], there[1], there[3], there[4]] == [own, b"", own, b""]
    assert json.loads(there[2])["body"]["model"] == "gpt-5-mini"
    assert house.send(own + b"\n" + own) == own + b"\n" + own


@pytest.mark.parametrize(
    "name", ["gpt-6", "talk@v3", "far", "files", "up/gpt-5-mini", "", "gpt-5-mini ", "batches", "ft:gpt-5-mini:o::1"]
)
def test_a_line_that_names_another_model_is_refused_with_its_number_and_nothing_is_sent(house, name):
    refused = house.refusal(b"\n".join([line("talk"), b"", line(name)]))

    assert "line 3 names a model that is none of this key's" in refused.message
    assert refused.param == "file"


@pytest.mark.parametrize("name", ["secret", "dear", "talk@v2", "gpt-5", "gpt-5-nano", "summaries", "short"])
def test_a_key_names_no_endpoint_and_no_model_beyond_its_scopes(house, name):
    assert house.send(line("talk"), house.narrow)
    assert house.send(line("gpt-5-mini"), house.narrow)
    assert "line 1 names a model" in house.refusal(line(name), house.narrow).message


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (line("talk").replace(b'"model": "talk"', b'"model": "talk", "model": "dear"'), "stands twice"),
        (line("talk").replace(b'"body"', b'"body": {"model": "dear"}, "body"'), "stands twice"),
        (line("talk", body=7), "must name a model"),
        (line(7), "must name a model"),
        (line(None), "must name a model"),
        (b"[1]", "must be a JSON object"),
        (b"{", "cannot be read"),
    ],
)
def test_a_line_that_two_readers_could_read_differently_or_that_names_none_is_refused(house, content, told):
    refused = house.refusal(line("talk") + b"\n" + content)

    assert "line 2" in refused.message
    assert told in refused.message


def test_natively_sent_lines_are_held_to_the_same(house):
    asked = {"action": "create", "purpose": "batch", "file": _base64(line("talk"))}
    made = house.running.call("/api/files/v1", asked)
    refused = house.running.call("/api/files/v1", {**asked, "file": _base64(line("dearer"))})

    assert json.loads(house.kept.contents[made.json["id"]])["body"]["model"] == "gpt-5-mini"
    assert refused.status == 422


def _base64(content):
    return base64.b64encode(content).decode()


def test_files_for_anything_else_are_not_read(house):
    with client_of(house.running, house.running.key) as client:
        assert sent(client, b"no line", purpose="user_data").purpose == "user_data"
