import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from headworks.contract import tasks
from headworks.contract.lock import read_lock
from headworks.contract.version import reply_changes, request_changes
from headworks.settings import read_config

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples" / "demo"
PINS = [ROOT / "constraints-demo.txt", *(DEMO / "prepare" / f"{name}.txt" for name in ("wheels", "sources", "tools"))]


def pinned(file):
    """Each requirement of a file with its continuation lines."""
    text = "\n".join(line for line in file.read_text().splitlines() if not line.startswith("#"))
    return text.replace("\\\n", " ").split("\n")


def test_the_demo_is_a_valid_configuration():
    config = read_config(DEMO / "headworks.yaml", {})

    assert set(config.endpoints) == {
        "sentiment",
        "translate",
        "classify-image",
        "detect-faces",
        "recommend",
        "credit-risk",
        "chat",
    }
    assert set(config.endpoints["sentiment"]) == {"v1", "v2"}
    assert config.endpoints["sentiment"]["v1"].deprecated


@pytest.mark.parametrize("file", PINS, ids=lambda file: file.name)
def test_everything_fetched_has_a_version_and_a_hash_and_names_no_index(file):
    for requirement in pinned(file):
        assert re.match(r"[A-Za-z0-9-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", requirement), requirement
    assert not re.search(r"https?://|--(extra-)?index|--find-links", file.read_text())


@pytest.mark.parametrize("file", PINS, ids=lambda file: file.name)
def test_everything_fetched_is_in_the_table_of_licences_with_its_version(file):
    licences = (ROOT / "docs" / "reference" / "demo-licences.md").read_text().lower()

    for requirement in pinned(file):
        name, version = requirement.split(" ")[0].lower().split("==")
        assert re.search(rf"\| {re.escape(name)} (\(while preparing\) )?(\| )?[^|]*{re.escape(version)}", licences) or (
            f"{name} {version}" in licences
        ), requirement[:60]


def test_the_tour_calls_only_endpoints_that_are_served():
    config = read_config(DEMO / "headworks.yaml", {})
    called = re.findall(r"\$URL/api/([a-z-]+)/(v\d+)", (DEMO / "tour.txt").read_text())

    assert {name for name, _ in called} == set(config.endpoints)
    assert (DEMO / "tour.txt").read_text().count('"model": "chat"') == 2
    assert all(version in config.endpoints[name] for name, version in called)


@pytest.mark.parametrize("page", sorted((DEMO / "pages").glob("*.html")), ids=lambda page: page.name)
def test_pages_load_nothing_from_elsewhere(page):
    loaded = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attributes):
            loaded.extend(value for name, value in attributes if name in {"src", "href"})

    Links().feed(page.read_text())

    assert loaded == ["data:,"]


def test_no_task_has_changed_in_a_way_that_breaks_what_the_demo_has_locked():
    """Where one must: `headworks lock examples/demo/headworks.yaml --breaking all`, and say so in the changelog."""
    config, lock = read_config(DEMO / "headworks.yaml", {}), read_lock(DEMO / "headworks.lock")
    broken = []
    for name, versions in config.endpoints.items():
        for version, entry in versions.items():
            locked = lock.versions[f"{name}/{version}"]
            if entry.task:
                request, reply = tasks.schemas(entry.task)
                if locked.is_stream and tasks.shapes(entry.task) is None:
                    reply = tasks.event_schema(entry.task)  # of which the whole reply is an array
                broken += request_changes(locked.request, request) + reply_changes(locked.reply, reply)

    assert broken == []
