"""Every code block of the documentation runs: files are written, commands executed, services really started."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from headworks.errors import ConfigurationRefused
from headworks.settings import read_config
from tests.ports import reserved_port

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("tutorial/*.md"), *(ROOT / "docs").glob("howto/*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# file: (\S+)\n")
VARIABLE = re.compile(r"\$\{(\w+)\}")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
SHOWN_ONLY = {"json", "text"}
START = """
headworks serve {words} --port {port} > serve.log 2>&1 &
SERVE=$!
for _ in $(seq 900); do curl -fsS http://127.0.0.1:{port}/health/ready > /dev/null 2>&1 && break; sleep 0.1; done
curl -fsS http://127.0.0.1:{port}/health/ready > /dev/null || {{ cat serve.log; exit 1; }}
"""


def blocks(page):
    return BLOCK.findall(page.read_text())


def script_of(page, port):
    """The page's commands as one script; a block that only starts a service goes to the background."""
    parts = ["set -euo pipefail", "set -a", "SERVE="]
    for language, text in blocks(page):
        if language == "python" and text.startswith("# run with:"):
            parts.append(f"python3 - <<'END_OF_PROGRAM'\n{text}END_OF_PROGRAM")
        elif language == "bash" and (serve := re.fullmatch(r"headworks serve ?(.*)\n", text)):
            parts.append(START.format(words=serve[1], port=port))
        elif language == "bash":
            parts.append(text)
    parts.append('if [ -n "$SERVE" ]; then kill -TERM $SERVE; wait $SERVE; fi')
    return "\n".join(parts).replace("127.0.0.1:8000", f"127.0.0.1:{port}")


def run(command, folder, environment):
    """Exit code and output; nothing it started outlives it."""
    with (folder / "said.txt").open("w+") as said:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=said, stderr=said, start_new_session=True
        )
        try:
            code = process.wait(300)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        return code, said.read()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs(page, tmp_path):
    with reserved_port() as port:
        run_blocks(page, tmp_path, port)


def run_blocks(page, tmp_path, port):
    for language, text in blocks(page):
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        if language in {"python", "yaml"} and (file := FILE.match(text)):
            (tmp_path / file[1]).write_text(text)
            if language == "python":
                compile(text, file[1], "exec")
            else:
                read_config(tmp_path / file[1], dict.fromkeys(VARIABLE.findall(text), "set"))
    (tmp_path / "page.sh").write_text(script_of(page, port))
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HEADWORKS_HOME": str(tmp_path / "home"),
    }
    code, said = run(["bash", "page.sh"], tmp_path, environment)

    assert code == 0, said[-4000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_says_what_it_is(page):
    for language, text in blocks(page):
        is_file = language in {"python", "yaml"} and FILE.match(text)
        is_run = language == "bash" or (language == "python" and text.startswith("# run with:"))

        assert is_file or is_run or language in SHOWN_ONLY, text[:60]


@pytest.mark.parametrize("page", [*PAGES, *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))], ids=str)
def test_every_link_leads_somewhere(page):
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_a_page_with_a_wrong_configuration_would_be_found(tmp_path):
    (tmp_path / "headworks.yaml").write_text("endpoints: {a: {v1: {targets: [nobody]}}}")

    with pytest.raises(ConfigurationRefused):
        read_config(tmp_path / "headworks.yaml", {})
