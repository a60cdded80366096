"""Which services answer: the real ones where the environment holds their keys, else emulators of them on this machine."""

import hashlib
import os
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from examples.demo.models.places import CACHE
from examples.demo.prepare.__main__ import show

FOLDER = CACHE / "emulators"
PINS = Path(__file__).with_name("emulators.txt")
LIBRARIES = Path(__file__).with_name("libraries.txt")
PIP = ["-m", "pip", "install", "--no-deps", "--only-binary=:all:", "--require-hashes", "--no-cache-dir", "--quiet"]
STARTS_WITHIN_S = 60
ASK_EVERY_S = 0.1
REGION = "eu-west-1"


class Service(NamedTuple):
    """A service, the variables that lead to the real one, and what stands in for it without them."""

    name: str
    asks_for: tuple[str, ...]
    real: Mapping[str, str]
    emulator: str
    emulated: Mapping[str, str]


SERVICES = (
    Service(
        "Amazon Comprehend",
        ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"),
        {"COMPREHEND_URL": f"https://comprehend.{REGION}.amazonaws.com"},
        "moto",
        {"COMPREHEND_URL": "{url}", "AWS_ACCESS_KEY_ID": "emulated", "AWS_SECRET_ACCESS_KEY": "emulated"},
    ),
    Service(
        "OpenAI",
        ("OPENAI_API_KEY",),
        {"OPENAI_BASE_URL": "https://api.openai.com/v1"},
        "llmock",
        {"OPENAI_BASE_URL": "{url}/v1", "OPENAI_API_KEY": "emulated"},
    ),
    Service(
        "Anthropic",
        ("ANTHROPIC_API_KEY",),
        {"ANTHROPIC_BASE_URL": "https://api.anthropic.com"},
        "llmock",
        {"ANTHROPIC_BASE_URL": "{url}/anthropic", "ANTHROPIC_API_KEY": "emulated"},
    ),
)
COMMANDS: dict[str, tuple[str, ...]] = {
    "moto": ("moto_server", "--host", "127.0.0.1", "--port"),
    "llmock": ("llmock", "serve", "--host", "127.0.0.1", "--port"),
}


def is_real(service: Service, environment: Mapping[str, str]) -> bool:
    """Whether the environment leads to the service itself."""
    return any(environment.get(name) for name in service.asks_for)


def settings_of(service: Service, environment: Mapping[str, str], urls: Mapping[str, str]) -> dict[str, str]:
    """The variables that the configuration reads; what the environment says of a real service stands."""
    if is_real(service, environment):
        return {name: environment.get(name) or value for name, value in service.real.items()}
    return {name: value.format(url=urls[service.emulator]) for name, value in service.emulated.items()}


def install() -> None:
    """What signing needs into this environment, the emulators into one of their own; nothing when it was done before.

    Raises: subprocess.CalledProcessError if a package cannot be had or does not have one of the pinned hashes.
    """
    stamp = FOLDER / "installed"
    done = hashlib.sha256(PINS.read_bytes() + LIBRARIES.read_bytes()).hexdigest() + sys.prefix
    if stamp.exists() and stamp.read_text() == done:
        return
    show("installing the emulators (50 packages, 50 MB) and what signs for AWS (15 MB) ...")
    venv.create(FOLDER, with_pip=True)
    for python, pins in ((sys.executable, LIBRARIES), (str(FOLDER / "bin" / "python"), PINS)):
        subprocess.run([python, *PIP, "--disable-pip-version-check", "--requirement", str(pins)], check=True)
    stamp.write_text(done)


@contextmanager
def running(names: set[str]) -> Iterator[dict[str, str]]:
    """The emulators' addresses, as long as the block lasts.

    Raises: RuntimeError if one does not start.
    """
    with ExitStack() as stack:
        yield {name: stack.enter_context(_emulator(name)) for name in sorted(names)}


@contextmanager
def _emulator(name: str) -> Iterator[str]:
    port = free_port()
    program, *words = COMMANDS[name]
    with (FOLDER / f"{name}.log").open("w") as log:
        # Without the caller's environment: an emulator must never see a real key. And a group of its own: Ctrl-C is for us.
        process = subprocess.Popen(
            [str(FOLDER / "bin" / program), *words, str(port)],
            stdout=log, stderr=log, env={"PATH": os.environ.get("PATH", "")}, process_group=0,
        )  # fmt: skip
    try:
        _wait_until_open(name, process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_until_open(name: str, process: "subprocess.Popen[bytes]", port: int) -> None:
    for _ in range(int(STARTS_WITHIN_S / ASK_EVERY_S)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(ASK_EVERY_S)
    raise RuntimeError(f"{name} did not start; {FOLDER / f'{name}.log'} says why")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
