"""The demo as a reader meets it: started, every line of its tour pasted, ended with Ctrl-C."""

import json
import re
import shutil
import sys

import pytest

from tests.examples.started import paste, printed_lines, started_example
from tests.examples.test_demo_files import DEMO, ROOT
from tests.ports import reserved_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / ".demo" / "models" / "prepared.json").exists(), reason="run make demo once before"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl"),
]


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    home = tmp_path_factory.mktemp("demo") / "home"
    with reserved_port() as pages_port:
        words = ["--home", str(home), "--pages-port", str(pages_port)]
        with started_example("examples.demo", words) as printed:
            yield printed


def test_it_says_what_it_serves_and_shows_a_key(printed):
    assert re.search(r"^KEY=hw_live_\w+$", printed, re.MULTILINE), printed
    assert "sentiment/v1   (deprecated)" in printed


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("sentiment/v2", '"label":"positive"'),
        ("sentiment/v1", "Deprecation: @"),
        ("my parcel", "encomenda"),
        ("minha assinatura", "I want to cancel my subscription."),
        ("chelsea.png", "tiger cat"),
        ("astronaut.png", '"xmin":182'),
        ("coffee.png", "espresso"),
        ('"k": 3', '"title":"'),
        ('\'{"user": "15", "k": 5}', "event: end"),
        ('"rent"', '"label":"good"'),
        ("}, {", '"label":"bad"'),
        ("text/csv", "label,score,probabilities"),
        ("Ana", "event: end"),
        ("capital", "Paris"),
        ("fruit", "event: message_stop"),
        ("maybe", '"pointer":"/seniority"'),
    ],
)
def test_each_line_of_the_tour_does_what_it_says(printed, word, expected):
    (line,) = printed_lines(printed, word)

    assert expected in paste(printed, line)


@pytest.mark.parametrize(("vendor", "expected"), [("openai", "models: chat chat@v1 "), ("anthropic", "tokens read")])
def test_the_vendors_own_sdks_talk_to_it(printed, vendor, expected):
    pytest.importorskip(vendor)
    (line,) = re.findall(rf"^env URL=.*ask_{vendor}$", printed, re.MULTILINE)

    said = paste(printed, line.replace(".venv/bin/python", sys.executable))
    assert "Paris" in said
    assert expected in said


def test_the_chat_and_the_record_of_it(printed):
    chat, listing, verify = (line for line in printed_lines(printed, ".venv/bin") if "pip install" not in line)

    said = paste(printed, chat.replace(".venv/bin/python", sys.executable))
    records = json.loads(
        paste(printed, listing.replace(".venv/bin/headworks", f"{sys.executable} -m headworks.cli") + " --json")
    )
    proof = paste(printed, verify.replace(".venv/bin/headworks", f"{sys.executable} -m headworks.cli"))

    assert "not answered" not in said
    assert len(re.findall(r":[)|(] (positive|neutral|negative)", said)) == 6
    assert {record["endpoint"].split("/")[0] for record in records} <= {"translate", "sentiment"}
    assert "Whole" in proof


def test_pages_are_served(printed):
    for page in ("dashboard", "chat", "assistant"):
        (url,) = re.findall(rf"http://localhost:\d+/{page}\.html", printed)

        assert paste(printed, f"curl -s {url}") == (DEMO / "pages" / f"{page}.html").read_text()
