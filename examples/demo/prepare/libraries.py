"""Installs the libraries that the demo's models run on, by version and hash, into the running environment."""

import hashlib
import importlib
import subprocess
import sys

from examples.demo.models.places import CACHE, ROOT

PINS = ROOT / "constraints-demo.txt"
STAMP = CACHE / "libraries"
PIP = [sys.executable, "-m", "pip", "install", "--no-deps", "--only-binary=:all:", "--require-hashes"]
# A cache would double what the demo takes up on the disk, and it is installed once.
SPARING = ["--no-cache-dir", "--disable-pip-version-check"]


def install() -> None:
    """Install what is pinned, unless that was done before in this environment.

    Raises: subprocess.CalledProcessError if a library cannot be had or does not have one of the pinned hashes.
    """
    done = hashlib.sha256(PINS.read_bytes()).hexdigest() + sys.prefix
    if STAMP.exists() and STAMP.read_text() == done:
        return
    subprocess.run([*PIP, *SPARING, "--requirement", str(PINS)], check=True)
    importlib.invalidate_caches()
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.write_text(done)
