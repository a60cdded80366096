"""LangChain against our own chats. Run with HEADWORKS_LLM=1; 60 MB are fetched at the first use."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.llm.places import python_with

pytestmark = [
    pytest.mark.llm,
    pytest.mark.skipif(not os.environ.get("HEADWORKS_LLM"), reason="HEADWORKS_LLM=1 runs it"),
]


def test_an_application_on_langchain_needs_another_address_and_key_alone(chats):
    program = [python_with("langchain-openai==1.7.4"), Path(__file__).with_name("langchain_talk.py")]
    env = {**os.environ, "LANGSMITH_TRACING": "false"}
    done = subprocess.run(
        [*program, f"http://127.0.0.1:{chats.port}/v1", chats.key],
        capture_output=True, text=True, timeout=600, check=False, env=env,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {
        "invoked": "You said: Hi there",
        "usage": 6,
        "streamed": ["You", " said:", " Hi", " there"],
        "batched": ["You said: a", "You said: b"],
        "called": {"city": "Bern", "at": 0},
        "structured": {"city": "Bern"},
        "responses": "You said: Hi",
        "embedded": [[0.5, 0.25, 0.0]],
    }
