"""What a version's targets are bound to, and what is said of those that cannot serve it."""

import json

import pytest

from headworks.assembly.parts import work_of
from headworks.contract import tasks
from headworks.errors import ConfigurationRefused
from headworks.publishing.published import published, services
from headworks.settings.reading import parse_config
from headworks.targets.models.runner import Announcement
from headworks.targets.providers.wire import Ask

CONFIG = """
models:
  mood: {{python: "m:Mood"}}
  speaker: {{python: "m:Speaker"}}
providers:
  up: {{kind: openai, api_key: k}}
  claude: {{kind: anthropic, api_key: k}}
  aws: {{region: eu-west-1, api_key: "id:key"}}
endpoints:
  e:
    v1: {{{entry}}}
"""
OWN = {"mood": "text-classification", "speaker": "translation"}


def announced(task):
    request, reply = tasks.schemas(task)
    return Announcement(request, reply, is_batch=True, is_stream=False, is_async=False, examples=(), model_version="1")


def config_of(entry):
    return parse_config(CONFIG.format(entry=entry), "headworks.yaml", {})


def refused(entry):
    with pytest.raises(ConfigurationRefused) as caught:
        published(config_of(entry), {name: announced(task) for name, task in OWN.items()})
    return caught.value.errors


def test_one_task_is_served_by_an_own_model_a_cloud_service_and_two_chats():
    targets = '[mood, "aws/comprehend:sentiment", "up/gpt-5-mini", "claude/claude-x"]'
    config = config_of(f"task: text-classification, targets: {targets}")
    made = services(config, config.endpoints["e"]["v1"])
    endpoint = published(config, {name: announced(task) for name, task in OWN.items()})[0]

    assert [each.operation.model for each in made.values()] == ["comprehend:sentiment", "gpt-5-mini", "claude-x"]
    assert {each.operation.task for each in made.values()} == {"text-classification"}
    assert [each.added_tokens > 0 for each in made.values()] == [False, True, True]
    assert endpoint.work is None


def test_an_endpoint_words_the_prompts_of_all_its_targets_and_of_no_other_endpoint():
    targets = 'task: text-classification, targets: ["up/m", "claude/m"]'
    config = config_of(targets + ", prompt: {labels: [bill, other], about: Letters.}")
    entry = config.endpoints["e"]["v1"]
    chats = [each.operation.request(Ask(b'{"inputs":"a"}')).body for each in services(config, entry).values()]

    assert all(b"- bill\\n- other" in chat and b"Letters." in chat for chat in chats)
    assert work_of(entry) != work_of(config_of(targets).endpoints["e"]["v1"])
    assert published(config, {})[0].work == work_of(entry)


@pytest.mark.parametrize(
    ("entry", "pointer", "told"),
    [
        (
            'task: ocr, targets: ["up/m"]',
            "/targets/0",
            "up/m does not serve 'ocr'. Tasks of this provider: batches, chat",
        ),
        (
            'task: translation, targets: [speaker, "aws/comprehend:sentiment"]',
            "/targets/1",
            "For this task there are: aws/translate[/LANGUAGE], aws/sagemaker:ENDPOINT, aws/bedrock:MODEL by a prompt",
        ),
        ('task: translation, targets: ["up/m"], prompt: {threshold: 0.5}', "/targets/0", "threshold says nothing to"),
        ("task: text-classification, targets: [mood], prompt: {labels: [a]}", "/prompt", "by a prompt; remove the key"),
        (
            'task: text-classification, targets: ["aws/comprehend:sentiment"], prompt: {labels: [a]}',
            "/prompt",
            "by a prompt; remove the key",
        ),
    ],
)
def test_what_cannot_serve_a_version_is_refused_with_what_can(entry, pointer, told):
    errors = refused(entry)

    assert {error.pointer for error in errors} == {f"/endpoints/e/v1{pointer}"}
    assert told in errors[0].message


def test_a_model_of_another_task_is_refused_with_the_models_that_serve_it():
    first, *_, last = refused("task: text-classification, targets: [mood, speaker]")

    assert first.pointer == "/endpoints/e/v1/targets/speaker"
    assert "target speaker cannot serve this version" in first.message
    assert (last.pointer, last.message) == (
        "/endpoints/e/v1/targets",
        "e v1: own models that serve text-classification: mood",
    )


def test_labels_may_be_a_list_or_say_what_they_mean():
    for labels in ("[a, b]", "{a: first, b: ''}"):
        entry = f'task: text-classification, targets: ["up/m"], prompt: {{labels: {labels}}}'
        config = config_of(entry)
        (made,) = services(config, config.endpoints["e"]["v1"]).values()
        schema = json.loads(made.operation.request(Ask(b'{"inputs":"x"}')).body)["response_format"]["json_schema"]

        assert schema["schema"]["properties"]["scores"]["required"] == ["a", "b"]
