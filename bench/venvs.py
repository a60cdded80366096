"""Virtual environments under .bench/: one for each peer, pinned by the files in peers/, and one for Headworks."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / ".bench"
PEERS = ROOT / "bench" / "peers"
MODEL_PACKAGES = ("numpy", "scikit-learn")
SOURCES = ("pyproject.toml", "README.md", "LICENSE")


def python_of(name: str) -> Path:
    """The interpreter of one environment."""
    return BENCH / name / "bin" / "python"


def ensure_peer(name: str) -> Path:
    """A peer's environment, made when it is missing or when its pins have changed."""
    pins = PEERS / f"{name}.txt"
    return _ensure(name, pins.read_text(), ["-r", str(pins)])


def ensure_ours() -> Path:
    """Headworks from this checkout (editable), with what the models of the scenarios need, at the peers' versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = "\n".join([*project["dependencies"], *project["scripts"].values(), ""])
    pins = PEERS / "mosec.txt"
    return _ensure("ours", needs + pins.read_text(), ["-e", str(ROOT), "-c", str(pins), *MODEL_PACKAGES])


def ensure_clients() -> Path:
    """Headworks beside the other HTTP clients, at the versions that the bare gateway has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = PEERS / "passthrough.txt"
    stamp = "\n".join([*project["dependencies"], pins.read_text()])
    return _ensure("clients", stamp, ["-e", str(ROOT), "-r", str(pins)])


def ensure_node(name: str) -> Path:
    """A peer from npm, its packages pinned by name and version in peers/; no script of a package is run."""
    pins = (PEERS / f"{name}.txt").read_text()
    folder = BENCH / name
    made_from = folder / "made-from"
    if made_from.exists() and made_from.read_text() == pins:
        return folder
    print(f"setting up .bench/{name} ...", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text("{}")
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    subprocess.run(["npm", "install", *options, *pins.split()], cwd=folder, check=True)
    made_from.write_text(pins)
    return folder


def fresh(name: str, *packages: str) -> Path:
    """A new environment in place of any older one."""
    BENCH.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(BENCH / name)], check=True)
    if packages:
        subprocess.run([str(python_of(name)), "-m", "pip", "install", "-q", *packages], check=True)
    return python_of(name)


def copied_sources() -> Path:
    """A copy of what a build needs, so that building leaves nothing behind in the checkout."""
    copy = BENCH / "source"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in SOURCES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)
    return copy


def _ensure(name: str, stamp: str, packages: list[str]) -> Path:
    made_from = BENCH / name / "made-from"
    if made_from.exists() and made_from.read_text() == stamp:
        return python_of(name)
    print(f"setting up .bench/{name} ...", file=sys.stderr, flush=True)
    interpreter = fresh(name, *packages)
    made_from.write_text(stamp)
    return interpreter
