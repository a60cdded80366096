"""Starts emulators of the services, or uses the real ones, and serves own models and them: `python -m examples.providers`."""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from examples.demo.__main__ import HEADWORKS, end, is_taken, wait_until_ready
from examples.demo.models.places import CACHE
from examples.demo.prepare.__main__ import show
from examples.providers.services import SERVICES, install, is_real, running, settings_of

HERE = Path(__file__).parent


def main() -> int:
    """Serve until Ctrl-C; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--home", type=Path, default=CACHE / "providers-home", help="where records and keys are kept")
    asked = parser.parse_args()
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    if is_taken(asked.port):
        show(f"Port {asked.port} is taken; end what listens there, or add --port 8001 to: python -m examples.providers")
        return 1
    try:
        install()
        emulated = {service.emulator for service in SERVICES if not is_real(service, os.environ)}
        show(*(f"starting the emulator {name} ..." for name in sorted(emulated)))
        with running(emulated) as urls:
            return serve(asked, urls)
    except KeyboardInterrupt:
        return 0
    except (subprocess.CalledProcessError, RuntimeError) as failed:
        show(f"\nThis did not work; it can be tried again: {failed}")
        return 1


def serve(asked: argparse.Namespace, urls: dict[str, str]) -> int:
    """Start the service and show the way around; ends with it, or ends it."""
    environment = dict(os.environ)
    for service in SERVICES:
        environment |= settings_of(service, os.environ, urls)
        place = "the service itself" if is_real(service, os.environ) else f"the emulator {service.emulator}"
        show(f"      {service.name}: {place}")
    asked.home.parent.mkdir(parents=True, exist_ok=True)
    log = asked.home.with_name(f"{asked.home.name}.log")
    command = [*HEADWORKS, "serve", str(HERE / "headworks.yaml"), "--home", str(asked.home), "--port", str(asked.port)]
    with log.open("w") as written:
        process = subprocess.Popen(command, stderr=written, env=environment, process_group=0)
    try:
        if not wait_until_ready(process, asked.port):
            show("The service did not start:", log.read_text()[-2000:])
            return process.wait() or 1
        show_tour(asked)
        show(f"\nIts log is {log}. Ctrl-C ends it.")
        return process.wait()
    except KeyboardInterrupt:
        show("\nStopping: calls under way are answered first.")
        return 0
    finally:
        end(process)


def show_tour(asked: argparse.Namespace) -> None:
    """Print the base URL, a new key that is valid for a day, and lines to paste."""
    command = [*HEADWORKS, "keys", "create", "demo", "--expires", "1d", "--home", str(asked.home), "--json"]
    key = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["key"]
    show("\nPaste into another terminal, in this folder:\n")
    show(f"URL=http://127.0.0.1:{asked.port}", f"KEY={key}", f"DEMO_HOME={asked.home}")
    show('AUTH="Authorization: Bearer $KEY"', "JSON='Content-Type: application/json'", "")
    show((HERE / "tour.txt").read_text())


if __name__ == "__main__":
    sys.exit(main())
