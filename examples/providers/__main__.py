"""Starts emulators of the services, or uses the real ones, and serves own models and them: `python -m examples.providers`."""

import argparse
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from examples.demo.models.places import CACHE
from examples.demo.prepare.__main__ import show
from examples.providers.services import SERVICES, install, is_real, running, settings_of
from examples.serving import read_arguments, serve, show_access

HERE = Path(__file__).parent


def main() -> int:
    """Serve until Ctrl-C; gives the exit code."""
    parser = argparse.ArgumentParser("python -m examples.providers", description=__doc__)
    asked = read_arguments(parser, CACHE / "providers-home")
    try:
        install()
        emulated = {service.emulator for service in SERVICES if not is_real(service, os.environ)}
        show(*(f"starting the emulator {name} ..." for name in sorted(emulated)))
        with running(emulated) as urls:
            return serve(HERE, asked, partial(show_tour, asked), environment_with(urls))
    except KeyboardInterrupt:
        return 0
    except (subprocess.CalledProcessError, RuntimeError) as failed:
        show(f"\nThis did not work; it can be tried again: {failed}")
        return 1


def environment_with(urls: dict[str, str]) -> dict[str, str]:
    """The environment with what the configuration reads; says which service each is."""
    environment = dict(os.environ)
    for service in SERVICES:
        environment |= settings_of(service, os.environ, urls)
        place = "the service itself" if is_real(service, os.environ) else f"the emulator {service.emulator}"
        show(f"      {service.name}: {place}")
    return environment


def show_tour(asked: argparse.Namespace) -> None:
    """Print the base URL, a new key and lines to paste."""
    show_access(asked)
    show(f"DEMO_HOME={asked.home}")
    show((HERE / "tour.txt").read_text())


if __name__ == "__main__":
    sys.exit(main())
