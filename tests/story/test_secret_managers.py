"""A provider's key out of a secret manager that an installed package offers: at the start, and anew at a reload."""

import json
import os

import pytest

from tests.running import cli, service, write_config
from tests.upstreams import upstream

CONFIG = """
providers:
  up: {{kind: openai, base_url: "{url}", api_key: "secret:drawer/team/openai"}}
endpoints:
  chat: {{v1: {{task: chat, targets: ["up/m"]}}}}
"""
MANAGER = """
from pathlib import Path

def read(name):
    return Path({drawer!r}, name.replace("/", "-")).read_text()
"""
HI = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 10}


@pytest.fixture
def drawer(tmp_path, monkeypatch):
    """An installed package with a manager, and the folder where it keeps its secrets."""
    kept, packages = tmp_path / "drawer", tmp_path / "packages"
    metadata = packages / "drawer-1.0.dist-info"
    metadata.mkdir(parents=True)
    kept.mkdir()
    (packages / "drawer.py").write_text(MANAGER.format(drawer=str(kept)))
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: drawer\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[headworks.secrets]\ndrawer = drawer:read\n")
    monkeypatch.syspath_prepend(packages)
    monkeypatch.setenv("PYTHONPATH", f"{packages}:{os.environ.get('PYTHONPATH', '')}")
    return kept


def test_a_key_is_read_at_the_start_and_another_at_a_reload(drawer, tmp_path):
    (drawer / "team-openai").write_text("first-s3cret\n")
    with upstream() as (up, url):
        config = write_config(tmp_path / "project", CONFIG.format(url=url), ())
        with service(config, tmp_path / "home") as running:
            running.call("/api/chat/v1", HI)
            (drawer / "team-openai").write_text("other-s3cret")
            running.call("/api/chat/v1", HI)
            running.cli("models", "reload")
            running.call("/api/chat/v1", HI)

    assert [head["authorization"] for _, head in up.heads] == [
        "Bearer first-s3cret",
        "Bearer first-s3cret",
        "Bearer other-s3cret",
    ]
    assert "s3cret" not in json.dumps(running.log)


def test_a_reload_that_the_manager_fails_changes_nothing_and_a_check_says_where(drawer, tmp_path):
    (drawer / "team-openai").write_text("first-s3cret")
    with upstream() as (up, url):
        config = write_config(tmp_path / "project", CONFIG.format(url=url), ())
        with service(config, tmp_path / "home") as running:
            (drawer / "team-openai").unlink()
            refused = running.cli("models", "reload", code=1)
            answer = running.call("/api/chat/v1", HI)

    told = "providers.up.api_key: asks the secret manager drawer, which failed: FileNotFoundError"
    assert told in json.dumps(refused)
    assert told in json.dumps(cli("check", str(config), code=1))
    assert answer.status == 200
    assert up.heads[-1][1]["authorization"] == "Bearer first-s3cret"
