"""The worker process: `python -m headworks.targets.models.worker DESCRIPTOR PARENT` loads one model and serves it.

It leaves when the front closes the channel, dies with the front, and holds nothing of the front but the channel.
"""

import ctypes
import faulthandler
import gc
import io
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from time import monotonic_ns
from typing import Any, Protocol

from headworks.errors import HeadworksError
from headworks.targets.models import runtimes
from headworks.targets.models.inbox import Inbox
from headworks.targets.models.messages import Load, LoadFailed, Ready
from headworks.targets.models.reporting import place, report
from headworks.targets.models.runner import HttpRunner, Runner, Source

Loader = Callable[[Source], Runner | HttpRunner]

_HERE = "headworks.targets.models"
LOOPS = {
    "call": f"{_HERE}.loop_calls:CallLoop",
    "stream": f"{_HERE}.loop_streams:StreamLoop",
    "async": f"{_HERE}.loop_async:AsyncLoop",
    "http": f"{_HERE}.loop_http:HttpLoop",
}
"""What serves each kind of model, as `module:class`; imported when needed, for asyncio alone takes 40 ms."""
COLLECT_AFTER = 20_000
LONGEST_WHY = 2000
MOST_FAULTS_TOLD = 3
_SET_PARENT_DEATH_SIGNAL = 1


class Loop(Protocol):
    """How one kind of model is served."""

    def run(self, ready: Callable[[], None]) -> None:
        """Warm up, say ready, then serve until the front leaves; raises what the warm-up raises."""


def main(load: Loader = runtimes.load) -> None:
    """Serve on the descriptor named by the first argument."""
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    _stand_apart(parent)
    with socket.socket(fileno=descriptor) as sock:
        serve(sock, load)


def serve(sock: socket.socket, load: Loader) -> None:
    """Load what the front names, then answer its calls until it leaves."""
    inbox = Inbox(sock)
    while not inbox.is_ended:
        inbox.fill(wait=True)
        if inbox.others and isinstance(message := inbox.others.popleft(), Load):
            _load_and_serve(inbox, message, load)
            return


def _load_and_serve(inbox: Inbox, message: Load, load: Loader) -> None:
    """Ready is said once, when the model has run its examples; what fails after that ends the process."""
    began_ns = monotonic_ns()
    inbox.attach_above = message.attach_above_bytes
    is_ready = False

    def ready() -> None:
        nonlocal is_ready
        is_ready = True
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
        inbox.reply(Ready(runner.announcement, monotonic_ns() - began_ns))

    try:
        runner = load(message.source)
        _loop(inbox, runner, message).run(ready)
    except BaseException as error:
        if is_ready:
            raise
        report(error, is_told_whole=True)
        inbox.reply(LoadFailed(_why(error)))


def _why(error: BaseException) -> str:
    """Why a model did not load, for its owner: no caller's content can be in it yet."""
    if isinstance(error, HeadworksError):
        fields = "; ".join(
            f"{field.pointer or 'the input'} {field.message}" for field in error.errors[:MOST_FAULTS_TOLD]
        )
        return ": ".join(filter(None, (error.detail.rstrip("."), error.reason, fields)))[:LONGEST_WHY]
    return f"{error} ({place(error)})"[:LONGEST_WHY]


def _loop(inbox: Inbox, runner: Any, message: Load) -> Loop:
    announcement = runner.announcement
    kinds = {"http": announcement.is_http, "async": announcement.is_async, "stream": announcement.is_stream}
    kind = next((kind for kind, is_so in kinds.items() if is_so), "call")
    module, _, name = LOOPS[kind].partition(":")
    loop: Loop = getattr(import_module(module), name)(inbox, runner, message)
    return loop


def _stand_apart(parent: int) -> None:
    """Leave signals to the front, die with it, write no core files, print line by line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")


if __name__ == "__main__":
    main()
