"""An example as a reader meets it: started, its lines pasted into a shell, ended with Ctrl-C."""

import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

from tests.examples.test_demo_files import ROOT
from tests.ports import reserved_port

PATIENCE_S = 600
"""How long a whole example may take, or a line of its tour, before it is taken for stuck."""


@contextmanager
def started_example(name, words, environment=None):
    """All that an example printed until it was ready; at the end, Ctrl-C must end it cleanly."""
    with reserved_port() as port, subprocess.Popen(
        [sys.executable, "-m", name, "--port", str(port), *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
    ) as process:  # fmt: skip
        guard = threading.Timer(PATIENCE_S, process.kill)
        guard.start()
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C ends it" in line:
                break
        yield "".join(lines)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        guard.cancel()
    assert process.returncode == 0, rest
    assert "Traceback" not in rest


def paste(printed, line):
    """What one printed line gives when it is pasted into a shell."""
    settings = "\n".join(re.findall(r"^(?:URL|KEY|AUTH|JSON)=.*$", printed, re.MULTILINE))
    done = subprocess.run(
        ["bash", "-c", f"{settings}\n{line}"], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def printed_lines(printed, word):
    return [line for line in printed.splitlines() if re.match(r"curl|printf|\.venv", line) and word in line]
