"""A server's whole process tree, as /proc shows it: its CPU time, its memory, freezing and ending it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
QUIET_S = 0.1
PROC = Path("/proc")


@dataclass(frozen=True)
class Stat:
    """The fields of /proc/PID/stat that the harness uses."""

    pid: int
    parent: int
    session: int
    cpu_s: float


def parse_stat(line: str) -> Stat:
    """One line of /proc/PID/stat; the CPU time is user and system, with that of children already waited for.

    Shapes: the command's name stands in parentheses and may itself hold spaces and parentheses.
    """
    pid, rest = line.split(" (", 1)
    fields = rest.rpartition(")")[2].split()
    ticks = sum(int(value) for value in fields[11:15])
    return Stat(int(pid), int(fields[1]), int(fields[3]), ticks * TICK_S)


def members(stats: Sequence[Stat], root: int) -> list[Stat]:
    """The processes of a tree: what descends from its root and what runs in the root's session."""
    found = {stat.pid: stat for stat in stats if stat.pid == root or stat.session == root}
    grew = True
    while grew:
        more = {stat.pid: stat for stat in stats if stat.parent in found and stat.pid not in found}
        found |= more
        grew = bool(more)
    return list(found.values())


def _every_process() -> Iterator[Stat]:
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            yield parse_stat((entry / "stat").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue


def prefer(pid: int, nice: int) -> None:
    """Give the session of a process its priority among sessions, too.

    Where the kernel groups tasks by session, `nice` alone only ranks the tasks of one session among themselves.
    """
    try:
        (PROC / str(pid) / "autogroup").write_text(str(nice))
    except OSError:
        return  # no grouping on this kernel, or not allowed: `nice` alone has to do


@dataclass
class Tree:
    """A started server. It runs in a session of its own, pinned to one core with all its children."""

    root: subprocess.Popen[bytes]
    log: Path
    _last: list[int] = field(default_factory=list)

    @classmethod
    def start(cls, command: Sequence[str], env: dict[str, str], cwd: Path, log: Path, nice: int) -> Tree:
        """Start a command on cpu 0; what it prints goes to the log."""
        pinned = ["taskset", "-c", "0", "nice", "-n", str(nice), *command]
        with log.open("wb") as sink:
            root = subprocess.Popen(
                pinned, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
            )
        prefer(root.pid, nice)
        return cls(root, log)

    def stats(self) -> list[Stat]:
        """The processes alive now."""
        return members(list(_every_process()), self.root.pid)

    def prefer_all(self, nice: int) -> None:
        """Give every session in the tree its priority: some servers start their workers in sessions of their own."""
        for stat in self.stats():
            prefer(stat.pid, nice)

    def cpu_s(self) -> float:
        """CPU time of the whole tree so far."""
        return sum(stat.cpu_s for stat in self.stats())

    def alive(self) -> bool:
        """Whether the first process still runs."""
        return self.root.poll() is None

    def settle(self, limit_s: float = 15.0) -> bool:
        """Wait until the tree does (almost) nothing, so that no request of one slice runs on into the next."""
        until = time.monotonic() + limit_s
        before = self.cpu_s()
        while time.monotonic() < until:
            time.sleep(QUIET_S)
            now = self.cpu_s()
            if now - before <= 1.01 * TICK_S:
                return True
            before = now
        return False

    def freeze(self) -> None:
        """Stop every process of the tree where it stands."""
        self._last = [stat.pid for stat in self.stats()]
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let every frozen process go on."""
        self._signal(signal.SIGCONT)

    def stop(self, patience_s: float = 10.0) -> None:
        """End the tree: ask the first process, then kill what is left of the tree, by pid."""
        self._last = [stat.pid for stat in self.stats()]
        self.thaw()
        if self.alive():
            self.root.terminate()
        try:
            self.root.wait(patience_s)
        except subprocess.TimeoutExpired:
            pass
        left = {stat.pid for stat in self.stats()} | (set(self._last) & {stat.pid for stat in _every_process()})
        self._last = list(left)
        self._signal(signal.SIGKILL)
        self.root.wait()

    def memory_mb(self) -> dict[str, float]:
        """Resident and proportional memory of the first process, and proportional memory of the whole tree."""
        resident, proportional = smaps_mb(self.root.pid, "Rss"), smaps_mb(self.root.pid, "Pss")
        shared_out = sum(smaps_mb(stat.pid, "Pss") for stat in self.stats())
        return {
            "front_rss_mb": resident,
            "front_pss_mb": proportional,
            "tree_pss_mb": shared_out,
            "processes": len(self.stats()),
        }

    def _signal(self, which: signal.Signals) -> None:
        for pid in self._last:
            try:
                os.kill(pid, which)
            except ProcessLookupError:
                continue


def smaps_mb(pid: int, name: str) -> float:
    """One line of /proc/PID/smaps_rollup in MB; 0 when the process is gone."""
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    for line in text.splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0
