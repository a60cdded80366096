"""Where the demo keeps what it prepared."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".demo"
PACKAGES = CACHE / "packages"
MODELS = CACHE / "models"
SAMPLES = CACHE / "samples"
HOME = CACHE / "home"
