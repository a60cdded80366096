"""Installs the libraries that the demo's models run on, by version and hash, into the running environment."""

import hashlib
import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from examples.demo.models.places import CACHE, ROOT
from examples.demo.prepare import debug_info

PINS = ROOT / "constraints-demo.txt"
TOOLS = Path(__file__).with_name("tools.txt")
STAMP = CACHE / "libraries"
PIP = [sys.executable, "-m", "pip", "install", "--no-deps", "--only-binary=:all:", "--require-hashes"]
# A cache would double what the demo takes up on the disk, and it is installed once; only what runs is compiled, then.
SPARING = ["--no-cache-dir", "--no-compile", "--disable-pip-version-check"]


def install() -> None:
    """Install what is pinned, unless that was done before in this environment.

    Raises: subprocess.CalledProcessError if a library cannot be had or does not have one of the pinned hashes.
    """
    done = hashlib.sha256(PINS.read_bytes()).hexdigest() + sys.prefix
    if STAMP.exists() and STAMP.read_text() == done:
        return
    subprocess.run([*PIP, *SPARING, "--requirement", str(PINS)], check=True)
    importlib.invalidate_caches()
    for binary in files_of("xllamacpp", ".so"):
        debug_info.drop(binary)  # 80 of its 106 MB
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.write_text(done)


def borrow(folder: Path) -> None:
    """Install what only preparing needs into a folder that can be deleted, and let this process import from there.

    Raises: subprocess.CalledProcessError as `install` does.
    """
    subprocess.run([*PIP, *SPARING, "--target", str(folder), "--requirement", str(TOOLS)], check=True)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()


def files_of(package: str, suffix: str) -> list[Path]:
    """The installed files of a package with this suffix, which is not imported for it."""
    spec = find_spec(package)
    places = (spec.submodule_search_locations or []) if spec else []
    return sorted(file for place in places for file in Path(place).glob(f"*{suffix}"))
