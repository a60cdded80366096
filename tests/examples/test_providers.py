"""The providers' project: which services are used, and, once it has run, its tour pasted as a reader would."""

import json
import os
import re
import shutil
import sys

import pytest
from examples.providers.services import FOLDER, LIBRARIES, PINS, SERVICES, is_real, settings_of

from headworks.settings import read_config
from tests.examples.started import paste, printed_lines, started_example
from tests.examples.test_demo_files import ROOT, pinned

PROJECT = ROOT / "examples" / "providers"
URLS = {"moto": "http://127.0.0.1:1", "llmock": "http://127.0.0.1:2"}
COMPREHEND, OPENAI, ANTHROPIC = SERVICES


def test_without_keys_every_service_is_an_emulator_and_the_configuration_is_valid():
    environment = {}
    for service in SERVICES:
        environment |= settings_of(service, {}, URLS)
    config = read_config(PROJECT / "headworks.yaml", environment)

    assert not any(is_real(service, {}) for service in SERVICES)
    assert {name: provider.base_url for name, provider in config.providers.items()} == {
        "aws": "http://127.0.0.1:1",
        "openai": "http://127.0.0.1:2/v1",
        "anthropic": "http://127.0.0.1:2/anthropic",
    }


@pytest.mark.parametrize(
    ("service", "environment", "expected"),
    [
        (OPENAI, {"OPENAI_API_KEY": "k"}, {"OPENAI_BASE_URL": "https://api.openai.com/v1"}),
        (OPENAI, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://mine/v1"}, {"OPENAI_BASE_URL": "https://mine/v1"}),
        (ANTHROPIC, {"ANTHROPIC_API_KEY": "k"}, {"ANTHROPIC_BASE_URL": "https://api.anthropic.com"}),
        (COMPREHEND, {"AWS_PROFILE": "p"}, {"COMPREHEND_URL": "https://comprehend.eu-west-1.amazonaws.com"}),
    ],
)
def test_with_a_key_the_service_itself_is_used_and_the_key_stays_as_it_is(service, environment, expected):
    assert is_real(service, environment)
    assert settings_of(service, environment, {}) == expected


@pytest.mark.parametrize("file", [PINS, LIBRARIES], ids=lambda file: file.name)
def test_everything_fetched_has_a_version_and_a_hash_and_names_no_index(file):
    requirements = pinned(file)

    assert len(requirements) > 5
    for requirement in requirements:
        assert re.match(r"[A-Za-z0-9-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", requirement), requirement
    assert not re.search(r"https?://|--(extra-)?index|--find-links", file.read_text())


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    if not (FOLDER / "installed").exists() or shutil.which("curl") is None:
        pytest.skip("run make demo-providers once before; needs curl")
    words = ["--home", str(tmp_path_factory.mktemp("providers") / "home")]
    real = {name for service in SERVICES for name in service.asks_for}
    environment = {name: value for name, value in os.environ.items() if name not in real}
    with started_example("examples.providers", words, environment) as printed:
        yield printed


def pasted(started, line):
    home = re.search(r"^DEMO_HOME=(.*)$", started, re.MULTILINE)[1]
    programs = {"headworks": f"{sys.executable} -m headworks.cli", "python": sys.executable}
    line = re.sub(r"\.venv/bin/(\w+)", lambda found: programs[found[1]], line.replace("$DEMO_HOME", home))
    return paste(started, line)


@pytest.mark.slow
def test_another_answers_in_the_same_shape_when_the_own_model_is_killed_or_hangs(started):
    (own,) = (line for line in printed_lines(started, "sentiment/v1") if line.startswith("curl"))
    ends = re.findall(r"^(?:OWN|kill).*$", started, re.MULTILINE)

    answered = []
    for line in (own, *ends):
        assert any("word-list" in pasted(started, own) for _ in range(300)), "the one ended before is not back"
        answered.append(pasted(started, line))
    labels = [{label["label"] for label in json.loads(answer.splitlines()[-1])} for answer in answered]
    assert [re.search(r"Headworks-Target: (\S+)", answer)[1] for answer in answered] == [
        "word-list",
        "aws/comprehend:sentiment",
        "aws/comprehend:sentiment",
    ]
    assert ["Headworks-Degraded: fallback" in answer for answer in answered] == [False, True, True]
    assert all({"positive", "neutral", "negative"} <= named for named in labels)


@pytest.mark.slow
def test_each_line_about_chat_and_what_it_cost_does_what_it_says(started):
    (openai,) = printed_lines(started, "/v1/chat/completions")
    (anthropic,) = printed_lines(started, "/v1/messages")
    usage, _, verify = printed_lines(started, ".venv/bin/headworks")

    whole, streamed = pasted(started, openai), pasted(started, anthropic)
    assert json.loads(whole)["model"] == "chat"
    assert "event: message_stop" in streamed
    assert "openai/gpt-5-mini" in pasted(started, usage)
    assert "Whole" in pasted(started, verify)


@pytest.mark.slow
@pytest.mark.parametrize(("vendor", "expected"), [("openai", "models: chat chat@v1 "), ("anthropic", "tokens read")])
def test_the_vendors_own_sdks_talk_to_it(started, vendor, expected):
    pytest.importorskip(vendor)
    (line,) = re.findall(rf"^env URL=.*ask_{vendor}$", started, re.MULTILINE)

    assert expected in pasted(started, line)
