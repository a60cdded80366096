"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from pathlib import Path

from bench.load import generator_name
from bench.rounds import fixed_loop_ms


def describe() -> dict[str, object]:
    """The processor, memory, kernel and Python of this machine, its load, and how steady its clock is now."""
    loops = sorted(fixed_loop_ms() for _ in range(20))
    return {
        "processor": _line("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gib": round(int(_line("/proc/meminfo", "MemTotal").split()[0]) / 2**20, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "python_build": _build_flags(),
        "generator": generator_name(),
        "load_average": os.getloadavg()[0],
        "fixed_loop_ms": {"best": round(loops[0], 1), "median": round(loops[10], 1), "worst": round(loops[-1], 1)},
    }


def _build_flags() -> str:
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    known = {"--enable-optimizations": "PGO", "--with-lto": "LTO"}
    found = [short for flag, short in known.items() if flag in arguments]
    return f"{sys.implementation.name}, {' and '.join(found) if found else 'no PGO, no LTO'}"


def _line(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "0"
