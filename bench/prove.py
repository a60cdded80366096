"""Time inclusion proofs: `python prove.py HOME SIZE TIMES` prints milliseconds as JSON, spread evenly over the record."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from headworks.records.reading import Records


def proofs_ms(home: Path, size: int, times: int) -> list[float]:
    """How long each proof took."""
    taken = []
    with Records(home) as records:
        for position in range(times):
            began = time.perf_counter()
            records.prove(size * position // times)
            taken.append(1e3 * (time.perf_counter() - began))
    return taken


if __name__ == "__main__":
    json.dump(proofs_ms(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])), sys.stdout)
