"""Prepares the demo if need be, serves it, makes a key, and prints what to try: `python -m examples.demo`."""

import argparse
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from examples.demo.models.places import HOME
from examples.demo.prepare.__main__ import prepare, show
from examples.serving import read_arguments, serve, show_access

HERE = Path(__file__).parent


def main() -> int:
    """Serve until Ctrl-C; gives the exit code."""
    parser = argparse.ArgumentParser("python -m examples.demo", description=__doc__)
    parser.add_argument("--pages-port", type=int, default=8080, help="the configuration allows pages from 8080 only")
    asked = read_arguments(parser, HOME)
    try:
        prepare()
        return serve(HERE, asked, partial(show_tour, asked), os.environ)
    except KeyboardInterrupt:
        return 0
    except subprocess.CalledProcessError as failed:
        show(f"\nThis step failed; it can be run again: {' '.join(failed.cmd)}", failed.stderr or "")
        return 1


def show_tour(asked: argparse.Namespace) -> None:
    """Print the base URL, a new key, lines to paste and pages to open."""
    url = f"http://127.0.0.1:{asked.port}"
    show_access(asked)
    show((HERE / "tour.txt").read_text().replace(".demo/home", str(asked.home)))
    show(f"In a browser: {url}/docs (any name; the key is the password)")
    if serve_pages(asked.pages_port):
        pages = f"http://localhost:{asked.pages_port}"
        show(*(f"              {pages}/{page}.html?api={url}" for page in ("dashboard", "chat", "assistant")))


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


if __name__ == "__main__":
    sys.exit(main())
