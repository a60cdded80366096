"""Prepares the demo if need be, serves it, makes a key, and prints what to try: `python -m examples.demo`."""

import argparse
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from examples.demo.models.places import CACHE, HOME
from examples.demo.prepare.__main__ import prepare

HERE = Path(__file__).parent
LOG = CACHE / "serve.log"
HEADWORKS = [sys.executable, "-m", "headworks.cli"]
STOP_WITHIN_S = 30


def main() -> int:
    """Serve until Ctrl-C; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--pages-port", type=int, default=8080, help="the configuration allows pages from 8080 only")
    asked = parser.parse_args()
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    if is_taken(asked.port):
        print(
            f"Something already listens on port {asked.port}; end it, or run: {sys.executable} -m examples.demo --port 8001"
        )
        return 1
    try:
        prepare()
        return serve(asked.port, asked.pages_port)
    except KeyboardInterrupt:
        return 0
    except subprocess.CalledProcessError as failed:
        print(f"\nThis step failed; it can be run again: {' '.join(failed.cmd)}\n{failed.stderr or ''}")
        return 1


def serve(port: int, pages_port: int) -> int:
    """Start the service and show the way around; ends with it, or ends it."""
    command = [*HEADWORKS, "serve", str(HERE / "headworks.yaml"), "--home", str(HOME), "--port", str(port)]
    with LOG.open("w") as log:
        # A process group of its own: Ctrl-C reaches only us, and we let it finish what it is doing.
        service = subprocess.Popen(command, stderr=log, process_group=0)
    try:
        if not wait_until_ready(service, port):
            print(f"\nThe service did not start:\n{LOG.read_text()[-2000:]}")
            return service.wait() or 1
        show_tour(port, pages_port if serve_pages(pages_port) else None)
        return service.wait()
    except KeyboardInterrupt:
        print("\nStopping: calls under way are answered first.", flush=True)
        return 0
    finally:
        service.terminate()
        service.wait(STOP_WITHIN_S)


def wait_until_ready(service: "subprocess.Popen[bytes]", port: int) -> bool:
    """Wait, with a dot for each half second, until every model has answered its examples."""
    print("starting the service and warming up seven models ", end="", flush=True)
    while service.poll() is None:
        if is_ready(port):
            print(" ready.\n")
            return True
        print(".", end="", flush=True)
        time.sleep(0.5)
    return False


def is_taken(port: int) -> bool:
    """Whether something listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_ready(port: int) -> bool:
    """Whether the service says that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def show_tour(port: int, pages_port: int | None) -> None:
    """Print the base URL, a new key that is valid for a day, and lines to paste."""
    command = [*HEADWORKS, "keys", "create", "demo", "--expires", "1d", "--home", str(HOME), "--json"]
    key = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["key"]
    print(f"Paste into another terminal, in this folder:\n\nURL=http://127.0.0.1:{port}\nKEY={key}")
    print("AUTH=\"Authorization: Bearer $KEY\"\nJSON='Content-Type: application/json'\n")
    print((HERE / "tour.txt").read_text())
    print(f"In a browser: http://127.0.0.1:{port}/docs (any name; the key is the password)")
    if pages_port is not None:
        for page in ("dashboard", "chat"):
            print(f"              http://localhost:{pages_port}/{page}.html?api=http://127.0.0.1:{port}")
    print(f"\nIts log is {LOG.relative_to(CACHE.parent)}. Ctrl-C ends it.", flush=True)


def serve_pages(port: int) -> bool:
    """Serve the two pages from an origin of their own; False when the port is taken."""

    class Quiet(SimpleHTTPRequestHandler):
        """Serves files and prints nothing."""

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    try:
        server = ThreadingHTTPServer(("localhost", port), partial(Quiet, directory=str(HERE / "pages")))
    except OSError:
        print(f"(Port {port} is taken, so the dashboard and the chat page are not served.)")
        return False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return True


if __name__ == "__main__":
    sys.exit(main())
