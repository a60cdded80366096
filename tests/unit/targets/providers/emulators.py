"""Emulators of vendors that install from the registry, each in an environment of its own, made at the first use."""

import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from socket import create_connection

import pytest

from headworks.targets.providers.wire import HttpRequest, HttpResponse, Origin
from tests.once import alone
from tests.ports import reserved_port

CACHE = Path(__file__).parents[4] / ".bench" / "emulators"
SECONDS_TO_INSTALL = 420
SECONDS_TO_START = 120


@contextmanager
def running(package: str, program: str, *words: str, env: dict[str, str] | None = None) -> Iterator[Origin]:
    """The emulator on a free port of loopback; skips, or fails in CI, when it cannot be installed."""
    with alone(CACHE):
        folder = _installed(package)
    with reserved_port() as port:
        command = [str(folder / "bin" / program), *words, str(port)]
        server = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | (env or {})
        )
        try:
            _wait(server, port)
            yield Origin("http", "127.0.0.1", port)
        finally:
            server.terminate()
            server.wait(30)


def exchanged(request: HttpRequest, origin: Origin) -> HttpResponse:
    """One exchange over a plain connection."""
    connection = HTTPConnection(origin.host, origin.port, timeout=20)
    try:
        connection.request(request.method, origin.path + request.path, request.body, dict(request.headers))
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return HttpResponse(answer.status, headers, answer.read())
    finally:
        connection.close()


def _installed(package: str) -> Path:
    folder = CACHE / package
    if (folder / "installed").exists():
        return folder
    venv.create(folder, with_pip=True)
    command = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        package,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_TO_INSTALL, check=False)
    if done.returncode != 0:
        told = f"cannot install {package}: {done.stderr.strip()[-300:]}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
    (folder / "installed").write_text(sys.version)
    return folder


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    ends = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < ends:
        assert server.poll() is None, "the emulator ended"
        try:
            create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("the emulator did not start in time")
