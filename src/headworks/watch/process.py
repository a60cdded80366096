"""What the machine knows of a process: memory, processor time, open files; Linux's /proc."""

import os
from pathlib import Path

from headworks.watch.metrics import Metrics

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident_bytes(pid: int) -> int:
    """Resident memory.

    Raises: OSError when there is no such process.
    """
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * PAGE_BYTES


def processor_s(pid: int) -> float:
    """Processor time spent, user and system.

    Raises: OSError when there is no such process.
    """
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def open_files(pid: int) -> int:
    """Open file descriptors.

    Raises: OSError when there is no such process.
    """
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def publish_process(metrics: Metrics, pid: int) -> None:
    """Publish a process under the names Prometheus' own clients use."""
    metrics.read("process_resident_memory_bytes", "Resident memory.", lambda: resident_bytes(pid))
    metrics.read("process_cpu_seconds_total", "Processor time.", lambda: processor_s(pid), "counter")
    metrics.read("process_open_fds", "Open file descriptors.", lambda: open_files(pid))
