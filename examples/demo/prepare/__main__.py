"""Prepares the demo: `python -m examples.demo.prepare`. What is already there is kept, so a second run takes no time."""

import hashlib
import json
import shutil
import sys
import time
from pathlib import Path

from examples.demo.models.places import MODELS, PACKAGES, SAMPLES
from examples.demo.prepare import libraries

STAMP = MODELS / "prepared.json"


def fingerprint() -> str:
    """Changes when the code or the pins behind the prepared files do."""
    folder = Path(__file__).parent
    shared = [folder.parent / "models" / name for name in ("credit.py", "features.py", "sentiment_v1.py")]
    files = [*sorted(folder.glob("*.*")), *shared]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def prepare() -> None:
    """Install libraries, then run every step and show what it took and measured; what was done before is not done again."""
    libraries.install()
    if STAMP.exists() and json.loads(STAMP.read_text())["of"] == fingerprint():
        return
    for folder in (PACKAGES, MODELS, SAMPLES):
        folder.mkdir(parents=True, exist_ok=True)
    libraries.borrow(PACKAGES / "tools")
    from .steps import STEPS  # heavy: all the machine learning behind the steps

    measured: dict[str, dict[str, float]] = {}
    for number, (title, step) in enumerate(STEPS, 1):
        show(f"[{number}/{len(STEPS)}] {title} ...")
        started = time.perf_counter()
        measured[title] = step() or {}
        show(f"[{number}/{len(STEPS)}] done in {time.perf_counter() - started:.1f} s", *in_words(measured[title]))
    shutil.rmtree(PACKAGES)
    STAMP.write_text(json.dumps({"of": fingerprint(), "measured": measured}, indent=2))


def in_words(figures: dict[str, float]) -> list[str]:
    """One line a figure; counts without decimals."""
    return [
        f"      {name}: {figure:,.0f}" if figure.is_integer() else f"      {name}: {figure:.3f}"
        for name, figure in figures.items()
    ]


def show(*lines: str) -> None:
    """Print at once, even into a pipe."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    prepare()
