"""Environments of their own for what is large: each made once, from packages pinned by version."""

import os
import subprocess
import venv
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.once import alone
from tests.ports import reserved_port

CACHE = Path(__file__).parents[2] / ".bench" / "llm"
SECONDS_TO_INSTALL = 580


def python_with(*packages, words=()):
    """The interpreter of an environment that holds these packages; skips, or fails in CI, when they cannot be had."""
    with alone(CACHE):
        return str(_made(CACHE / "+".join(packages), packages, words))


@contextmanager
def serving(python, program):
    """The port of a program beside this file, from its first line, which says where it listens, to the end of the block."""
    with reserved_port() as port:
        command = [python, Path(__file__).with_name(program), str(port)]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            assert running.stdout.readline().startswith(b"http://127.0.0.1")
            yield port
        finally:
            running.terminate()
            running.wait(60)
            running.stdout.close()


def _made(folder, packages, words):
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True)
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words, *packages]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_TO_INSTALL, check=False)
        if done.returncode != 0:
            told = f"cannot install {packages}: {done.stderr.strip()[-300:]}"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
        (folder / "installed").touch()
    return python
