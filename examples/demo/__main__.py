"""Prepares the demo if need be, serves it, makes a key, and prints what to try: `python -m examples.demo`."""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from http.client import HTTPConnection, HTTPException
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from examples.demo.models.places import HOME
from examples.demo.prepare.__main__ import prepare, show

HERE = Path(__file__).parent
HEADWORKS = [sys.executable, "-m", "headworks.cli"]
STOP_WITHIN_S = 30
ASK_EVERY_S = 0.25


def main() -> int:
    """Serve until Ctrl-C; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--pages-port", type=int, default=8080, help="the configuration allows pages from 8080 only")
    parser.add_argument("--home", type=Path, default=HOME, help="where records and keys are kept")
    asked = parser.parse_args()
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    if is_taken(asked.port):
        show(
            f"Port {asked.port} is taken; end what listens there, or run: {sys.executable} -m examples.demo --port 8001"
        )
        return 1
    try:
        prepare()
        return serve(asked)
    except KeyboardInterrupt:
        return 0
    except subprocess.CalledProcessError as failed:
        show(f"\nThis step failed; it can be run again: {' '.join(failed.cmd)}", failed.stderr or "")
        return 1


def serve(asked: argparse.Namespace) -> int:
    """Start the service and show the way around; ends with it, or ends it."""
    show("starting the service; each model answers its examples first ...")
    place = ["--home", str(asked.home), "--port", str(asked.port)]
    asked.home.parent.mkdir(parents=True, exist_ok=True)
    with log_of(asked).open("w") as log:
        # A process group of its own: Ctrl-C reaches only us, and we let it finish what it is doing.
        service = subprocess.Popen(
            [*HEADWORKS, "serve", str(HERE / "headworks.yaml"), *place], stderr=log, process_group=0, env=compiling()
        )
    try:
        if not wait_until_ready(service, asked.port):
            show("The service did not start:", log_of(asked).read_text()[-2000:])
            return service.wait() or 1
        show_tour(asked)
        return service.wait()
    except KeyboardInterrupt:
        show("\nStopping: calls under way are answered first.")
        return 0
    finally:
        end(service)


def compiling() -> dict[str, str]:
    """The environment, but that Python keeps what it compiles: libraries come uncompiled, and a later start would wait for it again."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def log_of(asked: argparse.Namespace) -> Path:
    """Where the service's log goes: beside its home."""
    return Path(asked.home).with_name("serve.log")


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


def show_tour(asked: argparse.Namespace) -> None:
    """Print the base URL, a new key that is valid for a day, and lines to paste."""
    url = f"http://127.0.0.1:{asked.port}"
    command = [*HEADWORKS, "keys", "create", "demo", "--expires", "1d", "--home", str(asked.home), "--json"]
    key = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["key"]
    show(f"\nPaste into another terminal, in this folder:\n\nURL={url}\nKEY={key}")
    show('AUTH="Authorization: Bearer $KEY"', "JSON='Content-Type: application/json'", "")
    show((HERE / "tour.txt").read_text().replace(".demo/home", str(asked.home)))
    show(f"In a browser: {url}/docs (any name; the key is the password)")
    if serve_pages(asked.pages_port):
        pages = f"http://localhost:{asked.pages_port}"
        show(*(f"              {pages}/{page}.html?api={url}" for page in ("dashboard", "chat", "assistant")))
    show(f"\nIts log is {log_of(asked)}. Ctrl-C ends it.")


def serve_pages(port: int) -> bool:
    """Serve the pages from an origin of their own; False when the port is taken."""

    class Quiet(SimpleHTTPRequestHandler):
        """Serves files and prints nothing."""

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    try:
        server = ThreadingHTTPServer(("localhost", port), partial(Quiet, directory=str(HERE / "pages")))
    except OSError:
        show(f"(Port {port} is taken, so the pages are not served.)")
        return False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return True


def is_taken(port: int) -> bool:
    """Whether something listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main())
