"""Environments of their own for what is large: each made once, from packages pinned by version."""

import os
import subprocess
import venv
from pathlib import Path

import pytest

from tests.once import alone

CACHE = Path(__file__).parents[2] / ".bench" / "llm"
SECONDS_TO_INSTALL = 580


def python_with(*packages, words=()):
    """The interpreter of an environment that holds these packages; skips, or fails in CI, when they cannot be had."""
    with alone(CACHE):
        return str(_made(CACHE / "+".join(packages), packages, words))


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
