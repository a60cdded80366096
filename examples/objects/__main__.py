"""Prepares the detector if need be, serves it, makes a key, and prints what to try: `python -m examples.objects`."""

import argparse
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from examples.demo.models.places import CACHE
from examples.demo.prepare.__main__ import prepare as prepare_demo
from examples.demo.prepare.__main__ import show
from examples.objects.prepare import prepare
from examples.serving import read_arguments, serve, show_access

HERE = Path(__file__).parent


def main() -> int:
    """Serve until Ctrl-C; gives the exit code."""
    parser = argparse.ArgumentParser("python -m examples.objects", description=__doc__)
    asked = read_arguments(parser, CACHE / "objects-home")
    try:
        prepare_demo()  # the libraries, and pictures to send
        prepare()
        return serve(HERE, asked, partial(show_tour, asked), os.environ)
    except KeyboardInterrupt:
        return 0
    except (subprocess.CalledProcessError, RuntimeError) as failed:
        show(f"\nThis did not work; it can be tried again: {failed}")
        return 1


def show_tour(asked: argparse.Namespace) -> None:
    """Print the base URL, a new key and lines to paste."""
    show_access(asked)
    show((HERE / "tour.txt").read_text())


if __name__ == "__main__":
    sys.exit(main())
