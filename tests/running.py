"""A real service for tests: `headworks serve` in a process of its own, and a small client."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

MODELS = Path(__file__).parent / "story" / "models"
COMMAND = [sys.executable, "-m", "headworks.cli"]


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Running:
    """A service that runs, its home and a key that may call everything."""

    process: subprocess.Popen
    home: Path
    port: int = 0
    admin_key: str | None = None
    key: str = ""
    log: list[str] = field(default_factory=list)

    def __post_init__(self):
        self._reader = threading.Thread(target=_keep_log, args=(self.process.stderr, self.log), daemon=True)
        self._reader.start()

    def call(self, path, document=None, *, key=None, method="POST", headers=None, body=None, timeout=20):
        """One request over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = {"Authorization": f"Bearer {self.key if key is None else key}", **(headers or {})}
        if key == "":
            del sent["Authorization"]
        if body is None and document is not None:
            body = json.dumps(document).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, sent)
            got = connection.getresponse()
            return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.call(path, method="GET", **more)

    def cli(self, *words, code=0):
        """A command on this home; gives its JSON."""
        return cli(*words, "--home", str(self.home), code=code)

    def wait_for(self, path="/health/ready", status=200, within_s=30):
        """Until a path answers so."""
        end = monotonic() + within_s
        while monotonic() < end:
            try:
                if self.call(path, method="GET", key="").status == status:
                    return
            except OSError:
                pass
            sleep(0.02)
        raise AssertionError(f"{path} did not answer {status} in {within_s} s: {self.log[-5:]}")

    def stop(self, number=signal.SIGTERM, within_s=30):
        """End it; gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(within_s)
        self._reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def workers(self):
        """Process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(child) for child in children]


def cli(*words, code=0):
    """Run the command line; gives its JSON."""
    done = subprocess.run([*COMMAND, *words, "--json"], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if done.stdout.strip() else None


def start(config, home, *words, env=None, make_key=True):
    """Start a service on a free port and wait until it says where it listens."""
    process = subprocess.Popen(
        [*COMMAND, "serve", str(config), "--home", str(home), "--port", "0", "--json", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )
    running = Running(process, Path(home))
    line = process.stdout.readline()
    told = json.loads(line) if line else {}
    if "url" not in told:
        process.wait(30)
        raise AssertionError(f"the service did not start: {line!r} {running.log[-10:]}")
    running.port = int(re.search(r":(\d+)$", told["url"])[1])
    running.admin_key = told["admin_key"]
    if make_key:
        running.key = running.cli("keys", "create", "test")["key"]
    return running


@contextmanager
def service(config, home, *words, env=None):
    """A service for the length of a block; ended with SIGTERM, which must be clean."""
    running = start(config, home, *words, env=env)
    try:
        yield running
    finally:
        was_running = running.process.poll() is None
        code = running.stop()
        assert code == 0 or not was_running, running.log[-10:]


def write_config(folder, text, models=None):
    """A configuration beside a copy of the test models."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in models or ("kinds.py",):
        (folder / name).write_text((MODELS / name).read_text())
    path = folder / "headworks.yaml"
    path.write_text(text)
    return path


def _keep_log(stream, log):
    for line in stream:
        log.append(line.decode(errors="replace").rstrip())
        del log[:-2000]
