"""A real service for tests: `headworks serve` in a process of its own, and a small client."""

import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from headworks.cli.__main__ import main
from tests.ports import reserved_port

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

    def call(self, path, document=None, *, key=None, method="POST", headers=None, body=None, **connected):
        """One request over a connection of its own, from an address of this machine."""
        connection = self._connection(**connected)
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

    def _connection(self, source="127.0.0.1", timeout_s=20):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s, source_address=(source, 0))

    def get(self, path, **more):
        return self.call(path, method="GET", **more)

    def cli(self, *words, code=0):
        """A command on this home; gives its JSON."""
        return cli(*words, "--home", str(self.home), code=code)

    def make_key(self, name, **words):
        """A new key; by the one-time key where there is one, which spares a process."""
        if self.admin_key is None:
            return self.cli("keys", "create", name)["key"]
        made = self.call("/admin/keys", {"name": name, **words}, key=self.admin_key)
        assert made.status == 200, made.body
        return made.json["key"]

    def metric(self, name, **labels):
        """The value of one metric, summed over the lines that carry these labels."""
        lines = self.get("/metrics", key="").body.decode().splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        found = [line for line in lines if re.match(rf"{name}(\{{|\s)", line) and all(each in line for each in wanted)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

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

    def until(self, is_so, within_s=30):
        """Until something has become so."""
        end = monotonic() + within_s
        while not is_so():
            assert monotonic() < end, f"it did not come so far in {within_s} s: {self.log[-5:]}"
            sleep(0.02)

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
    """A command line, carried out in this process, which spares its start; gives its JSON."""
    out, told = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with redirect_stdout(out), redirect_stderr(told):
        try:
            got = main([*words, "--json"])
        except SystemExit as wrong_words:
            got = wrong_words.code
    printed = out.buffer.getvalue().decode()
    assert got == code, (got, printed, told.getvalue())
    return json.loads(printed) if printed.strip() else None


def shell(*words, inside=()):
    """The same in a process of its own, as a person does it; gives exit code, output and errors."""
    done = subprocess.run([*inside, *COMMAND, *words], check=False, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def start(config, home, *words, env=None, key=None, inside=()):
    """Start a service on a free port and wait until it says where it listens; `inside` are the words of a wrapper."""
    process = subprocess.Popen(
        [*inside, *COMMAND, "serve", str(config), "--home", str(home), "--port", "0", "--json", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )
    running = Running(process, Path(home))
    line = process.stdout.readline()
    told = json.loads(line) if line else {}
    if "url" not in told:
        running.stop(signal.SIGKILL)
        raise AssertionError(f"the service did not start: {line!r} {running.log[-10:]}")
    running.port = int(re.search(r":(\d+)$", told["url"])[1])
    running.admin_key = told["admin_key"]
    running.key = running.make_key("test") if key is None else key
    return running


def refused(config, home, *words, env=None):
    """The exit code and the refusal of a service that must not start."""
    command = [*COMMAND, "serve", str(config), "--home", str(home), "--port", "0", "--json", *words]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})}
    )
    return done.returncode, json.loads(done.stdout)


@contextmanager
def service(config, home, *words, **more):
    """A service for the length of a block; ended with SIGTERM, which must be clean."""
    running = start(config, home, *words, **more)
    try:
        yield running
    finally:
        was_running = running.process.poll() is None
        code = running.stop()
        assert code == 0 or not was_running, running.log[-10:]


MOUNTED = {
    "uvicorn": ["-m", "uvicorn", "app:app", "--log-level", "warning", "--port"],
    "granian": ["-m", "granian", "--interface", "asgi", "--log-level", "warning", "app:app", "--port"],
}


@contextmanager
def mounted(folder, server):
    """The configuration in `folder` as an ASGI application, run by another server."""
    (folder / "app.py").write_text('import headworks\n\napp = headworks.asgi("headworks.yaml", home="home")\n')
    with reserved_port() as port:
        process = subprocess.Popen(
            [sys.executable, *MOUNTED[server], str(port)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        running = Running(process, folder / "home", port)
        try:
            running.wait_for(within_s=60)
            running.key = running.cli("keys", "create", "test")["key"]
            yield running
        finally:
            running.stop()


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
