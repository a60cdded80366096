"""What the examples' programs share: a project served until Ctrl-C, and a key to call it with."""

import argparse
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from examples.demo.prepare.__main__ import show

HEADWORKS = [sys.executable, "-m", "headworks.cli"]
STOP_WITHIN_S = 30
ASK_EVERY_S = 0.25


def read_arguments(parser: argparse.ArgumentParser, home: Path) -> argparse.Namespace:
    """What was asked for on the command line; ends the program where the port is taken."""
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--home", type=Path, default=home, help="where records and keys are kept")
    asked = parser.parse_args()
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    if is_taken(asked.port):
        again = f"{sys.executable} -m {parser.prog.split()[-1]} --port 8001"
        show(f"Port {asked.port} is taken; end what listens there, or run: {again}")
        sys.exit(1)
    return asked


def serve(project: Path, asked: argparse.Namespace, tour: Callable[[], None], environment: Mapping[str, str]) -> int:
    """Start the service and show the way around; ends with it, or ends it."""
    show("starting the service; each model answers its examples first ...")
    place = ["--home", str(asked.home), "--port", str(asked.port)]
    asked.home.parent.mkdir(parents=True, exist_ok=True)
    with log_of(asked).open("w") as log:
        # A process group of its own: Ctrl-C reaches only us, and we let it finish what it is doing.
        service = subprocess.Popen(
            [*HEADWORKS, "serve", str(project / "headworks.yaml"), *place],
            stderr=log, process_group=0, env=compiling(environment),
        )  # fmt: skip
    try:
        if not wait_until_ready(service, asked.port):
            show("The service did not start:", log_of(asked).read_text()[-2000:])
            return service.wait() or 1
        tour()
        show(f"\nIts log is {log_of(asked)}. Ctrl-C ends it.")
        return service.wait()
    except KeyboardInterrupt:
        show("\nStopping: calls under way are answered first.")
        return 0
    finally:
        end(service)


def show_access(asked: argparse.Namespace) -> None:
    """Print the base URL and a new key that is valid for a day, as settings of a shell."""
    command = [*HEADWORKS, "keys", "create", "demo", "--expires", "1d", "--home", str(asked.home), "--json"]
    key = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["key"]
    show("\nPaste into another terminal, in this folder:\n")
    show(f"URL=http://127.0.0.1:{asked.port}", f"KEY={key}")
    show('AUTH="Authorization: Bearer $KEY"', "JSON='Content-Type: application/json'", "")


def log_of(asked: argparse.Namespace) -> Path:
    """Where the service's log goes: beside its home."""
    return Path(asked.home).with_name(f"{asked.home.name}.log")


def compiling(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, but that Python keeps what it compiles: libraries come uncompiled, and a later start would wait for it again."""
    return {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}


def wait_until_ready(service: "subprocess.Popen[bytes]", port: int) -> bool:
    """Wait until every model is ready, and show each as it gets there; False when the service ended instead."""
    shown: set[str] = set()
    while service.poll() is None:
        health = ask_health(port)
        ready = {name for name, model in health.get("models", {}).items() if model["status"] == "ready"}
        show(*(f"      {name} is ready" for name in sorted(ready - shown)))
        shown |= ready
        if health.get("status") == "ready":
            return True
        time.sleep(ASK_EVERY_S)
    return False


def ask_health(port: int) -> dict[str, Any]:
    """What the service says of itself; nothing while it does not answer yet."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return dict(json.loads(connection.getresponse().read()))
    except (OSError, HTTPException, ValueError):
        return {}
    finally:
        connection.close()


def end(service: "subprocess.Popen[bytes]") -> None:
    """Let the service finish what it is doing, within bounds."""
    service.terminate()
    try:
        service.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        service.kill()


def is_taken(port: int) -> bool:
    """Whether something listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
