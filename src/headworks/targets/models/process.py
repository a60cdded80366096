"""One worker as a local process: started with nothing of ours but its channel, watched, ended, reaped."""

import os
import resource
import signal
import socket
import subprocess
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from headworks.pending import Pending
from headworks.targets.models.channel import Frame, FrameRefused, Packed, Receiver, Sender, pack
from headworks.targets.models.engine import Listener, Log
from headworks.targets.models.messages import (
    Batch,
    Cancel,
    Credit,
    Done,
    End,
    Event,
    Load,
    LoadFailed,
    Ready,
    decode_from_worker,
)
from headworks.targets.models.output import Output
from headworks.targets.models.settings import ModelSettings

COMMAND = (sys.executable, "-P", "-m", "headworks.targets.models.worker")
THREADS = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
SOCKET_BUFFER_BYTES = 2**20
PAGE_BYTES = resource.getpagesize()


class ProcessEngine:
    """Starts workers as processes of this machine.

    `environment` is what they inherit; `log` takes what they print.
    """

    def __init__(
        self, loop: AbstractEventLoop, environment: Mapping[str, str], log: Log, command: Sequence[str] = COMMAND
    ) -> None:
        self._loop = loop
        self._environment = environment
        self._log = log
        self._command = command
        self._alive: set[WorkerProcess] = set()
        self._idle: Pending[None] | None = None

    def start(self, settings: ModelSettings, listener: Listener) -> "WorkerProcess":
        """A process that waits for its model.

        Raises: OSError when none can be started.
        Cost: about 2 ms of the loop's time; the process itself is up in some 100 ms.
        """
        ours, theirs = socket.socketpair()
        reads, writes = os.pipe()
        try:
            with theirs:
                process = subprocess.Popen(
                    [*self._command, str(theirs.fileno()), str(os.getpid())],
                    stdin=subprocess.DEVNULL,
                    stdout=writes,
                    stderr=writes,
                    pass_fds=(theirs.fileno(),),
                    env={**THREADS, **self._environment, **settings.env},
                    process_group=0,
                )
        except (OSError, ValueError):
            ours.close()
            os.close(reads)
            raise
        finally:
            os.close(writes)
        worker = WorkerProcess(self._loop, process, ours, listener, settings.attach_above_bytes)
        worker.watch(Output(self._loop, reads, settings.name, self._log), self._reaped)
        self._alive.add(worker)
        return worker

    def when_idle(self) -> Pending[None]:
        """Resolves once every worker has ended and was reaped."""
        if self._idle is None:
            self._idle = Pending()
        if not self._alive:
            self._idle.resolve(None)
        return self._idle

    def _reaped(self, worker: "WorkerProcess") -> None:
        self._alive.discard(worker)
        if self._idle is not None and not self._alive:
            self._idle.resolve(None)


class WorkerProcess:
    """A running worker; implements engine.Worker.

    The end of its channel is the sign of its death; what is left of its process group is then killed and reaped.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        process: "subprocess.Popen[bytes]",
        sock: socket.socket,
        listener: Listener,
        attach_above_bytes: int,
    ) -> None:
        self.number = process.pid
        self._loop = loop
        self._process = process
        self._socket = sock
        self._listener = listener
        self._attach_above = attach_above_bytes
        self._is_open = True
        self._is_writing = False
        self._is_leaving = False
        self._is_killed = False
        sock.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
        self._receiver = Receiver(sock)
        self._sender = Sender(sock)
        self._exit = os.pidfd_open(process.pid)
        loop.add_reader(sock.fileno(), self._readable)

    def watch(self, output: Output, reaped: "Callable[[WorkerProcess], None]") -> None:
        """Follow what it prints, and its end; `reaped` is told last of all."""
        self._output = output
        self._reaped = reaped
        self._loop.add_reader(self._exit, self._exited)

    def load(self, message: Load) -> None:
        """Load a model."""
        self._send(pack(message))

    def send(self, batch: Batch, parts: Sequence[bytes]) -> None:
        """Run calls; never waits.

        Raises: FrameRefused when they are more than one frame can carry.
        """
        self._send(pack(batch, parts, self._attach_above))

    def cancel(self, call_ids: list[int]) -> None:
        """Drop calls nobody waits for."""
        self._send(pack(Cancel(call_ids)))

    def grant(self, call_id: int, events: int) -> None:
        """Let so many more events of a stream come."""
        self._send(pack(Credit(call_id, events)))

    def leave(self, grace_s: float) -> None:
        """End of file for the worker, which then ends; killed after the grace."""
        if not self._is_open or self._is_leaving:
            return
        self._is_leaving = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._loop.call_later(grace_s, self.kill)

    def kill(self) -> None:
        """End the process and whatever it started in its group."""
        self._is_killed = self._is_killed or self._is_open
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def resident_bytes(self) -> int:
        """Memory the process holds; 0 once it has ended."""
        try:
            return int(Path(f"/proc/{self.number}/statm").read_bytes().split()[1]) * PAGE_BYTES
        except (OSError, IndexError):
            return 0

    def _send(self, packed: Packed) -> None:
        if not self._is_open:
            if packed.file is not None:
                os.close(packed.file)
            return
        try:
            is_sent = self._sender.send(packed)
        except OSError:
            self._loop.call_soon(self._end, "its channel broke")
            return
        if not is_sent and not self._is_writing:
            self._is_writing = True
            self._loop.add_writer(self._socket.fileno(), self._writable)

    def poll(self) -> None:
        """See engine.Worker."""
        if self._is_open:
            self._readable()

    def _writable(self) -> None:
        try:
            if not self._sender.flush():
                return
        except OSError:
            self._end("its channel broke")
            return
        self._is_writing = False
        self._loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        try:
            frames = self._receiver.receive()
            for frame in frames:
                self._tell(frame)
        except BlockingIOError:
            return
        except ConnectionResetError:
            self._end("it ended")
            return
        except (OSError, FrameRefused, msgspec.MsgspecError) as error:
            self._end(f"its channel broke: {error}")
            return
        if self._receiver.is_ended:
            self._end("it left" if self._is_leaving else "it ended")

    def _tell(self, frame: Frame) -> None:
        message = decode_from_worker(frame.header)
        listener = self._listener
        if type(message) is Done:
            listener.done(message, frame.body)
        elif type(message) is Event:
            listener.event(message, frame.body)
        elif type(message) is End:
            listener.end(message)
        elif type(message) is Ready:
            listener.ready(message)
        elif type(message) is LoadFailed:
            listener.refused(message)

    def _exited(self) -> None:
        """The process is a zombie: hear what it still said, end its group, reap it."""
        while self._is_open and self._has_more():
            self._readable()
        self._end("it ended")
        self.kill()
        self._loop.remove_reader(self._exit)
        os.close(self._exit)
        code = self._process.wait()
        self._output.finish()
        if code != 0 and not self._is_killed:
            self._output.say(f"worker {self.number} ended: {_meaning(code)}")
        self._reaped(self)

    def _has_more(self) -> bool:
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _end(self, reason: str) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._loop.remove_reader(self._socket.fileno())
        if self._is_writing:
            self._loop.remove_writer(self._socket.fileno())
        self._receiver.close()
        self._sender.close()
        self._socket.close()
        if not self._is_leaving:
            self.kill()
        self._listener.gone(reason)


def _meaning(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
