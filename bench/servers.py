"""The servers that are measured: how each is started and called. Adding a peer is one entry in PEERS."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import HOST, Target
from bench.tree import Tree
from bench.venvs import BENCH, PEERS, ROOT, ensure_ours, ensure_peer, python_of

MODELS = ROOT / "bench" / "models"
RUN = BENCH / "run"
ROW = (
    17.99, 10.38, 122.8, 1001.0, 0.1184, 0.2776, 0.3001, 0.1471, 0.2419, 0.07871,
    1.095, 0.9053, 8.589, 153.4, 0.006399, 0.04904, 0.05373, 0.01587, 0.03003, 0.006193,
    25.38, 17.33, 184.6, 2019.0, 0.1622, 0.6656, 0.7119, 0.2654, 0.4601, 0.1189,
)  # fmt: skip
BODY = json.dumps({"x": ROW})
BATCH_OF_ONE = json.dumps({"x": [ROW]})
START_LIMIT_S = 90.0


@dataclass(frozen=True)
class Server:
    """A server that can be started: `command` is given the port; `prepare` makes what it needs, by default the environment of its name."""

    name: str
    command: Callable[[int], list[str]]
    path: str = "/predict"
    body: str = BODY
    headers: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False
    is_ours: bool = False
    prepare: Callable[[], object] | None = None


@dataclass(frozen=True)
class Running:
    """A started server, and where to send load."""

    server: Server
    tree: Tree
    target: Target
    start_s: float


def _script(venv: str, *arguments: str) -> Callable[[int], list[str]]:
    """A script of peers/ that takes the port as its last argument."""
    return lambda port: [str(python_of(venv)), str(PEERS / arguments[0]), *arguments[1:], str(port)]


def _mosec(script: str) -> Callable[[int], list[str]]:
    options = ["--address", HOST, "--log-level", "warning", "--timeout", "30000"]
    return lambda port: [str(python_of("mosec")), str(PEERS / script), *options, "--port", str(port)]


def _bentoml(service: str) -> Callable[[int], list[str]]:
    def command(port: int) -> list[str]:
        serve = [str(BENCH / "bentoml" / "bin" / "bentoml"), "serve", service, "--host", HOST, "--port", str(port)]
        return [*serve, "--working-dir", str(PEERS)]

    return command


def _mosec_s2(wait_ms: int) -> Server:
    return Server(f"mosec-{wait_ms}ms", _mosec("mosec_s2.py"), path="/inference", env={"PEER_WAIT_MS": str(wait_ms)})


PEERS_OF: Mapping[str, tuple[Server, ...]] = {
    "s1": (
        Server("mosec", _mosec("mosec_s1.py"), path="/inference"),
        Server("fastapi", _script("fastapi", "fastapi_app.py", "s1")),
        Server("litserve", _script("litserve", "litserve_app.py", "s1"), slow=True),
        Server("bentoml", _bentoml("bentoml_s1:Dot"), slow=True),
    ),
    "s2": (
        _mosec_s2(1),
        _mosec_s2(2),
        _mosec_s2(5),
        Server("fastapi", _script("fastapi", "fastapi_app.py", "s2")),
        Server("litserve", _script("litserve", "litserve_app.py", "s2"), slow=True),
        Server("bentoml", _bentoml("bentoml_s2:Cancer"), body=BATCH_OF_ONE, slow=True),
    ),
}


def venv_of(server: Server) -> str:
    """The environment a peer runs in."""
    return server.name.partition("-")[0]


def ours(name: str, serve: Path, endpoint: str) -> Server:
    """Headworks with every feature on: a fresh home, a key of its own, a model file or a configuration to serve."""
    ensure_ours()
    home = RUN / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    program = str(BENCH / "ours" / "bin" / "headworks")
    make_key = [program, "keys", "create", "bench", "--rate", "1000000/s", "--home", str(home), "--json"]
    made = subprocess.run(make_key, capture_output=True, text=True, check=False, env=_environment({}))
    if made.returncode:
        raise RuntimeError(f"headworks keys create failed: {made.stdout}{made.stderr}")
    key = json.loads(made.stdout)["key"]
    return Server(
        name,
        lambda port: [program, "serve", str(serve), "--port", str(port), "--home", str(home)],
        path=f"/api/{endpoint}/v1",
        headers={"Authorization": f"Bearer {key}"},
        is_ours=True,
    )


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment; one thread a library, since every server has one core."""
    fixed = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": str(MODELS),
        "BENTOML_DO_NOT_TRACK": "1",
    }
    return {**os.environ, **fixed, **more}


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def start(server: Server, nice: int) -> Running:
    """Start a server and wait for its first right answer.

    Raises: RuntimeError, with the end of the server's log, when it ends or does not answer in time.
    """
    if server.prepare is not None:
        server.prepare()
    elif not server.is_ours:
        ensure_peer(venv_of(server))
    RUN.mkdir(parents=True, exist_ok=True)
    port = free_port()
    target = Target(port, server.path, server.body, {"Content-Type": "application/json", **server.headers})
    log = RUN / f"{server.name}.log"
    began = time.perf_counter()
    tree = Tree.start(server.command(port), _environment(server.env), PEERS, log, nice)
    running = Running(server, tree, target, 0.0)
    try:
        took_s = _first_answer(running, began)
    except RuntimeError:
        tree.stop()
        raise
    tree.prefer_all(nice)
    return Running(server, tree, target, took_s)


def _first_answer(running: Running, began: float) -> float:
    said = "nothing"
    while time.perf_counter() - began < START_LIMIT_S and running.tree.alive():
        status, said = call_once(running.target)
        if status == 200:
            return time.perf_counter() - began
        time.sleep(0.005)
    tail = running.tree.log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"{running.server.name} never answered 200; last answer: {said[:500]}\n{tail}")


def call_once(target: Target) -> tuple[int, str]:
    """One call on a connection of its own; status 0 when nobody answers."""
    url = f"http://{HOST}:{target.port}{target.path}"
    request = urllib.request.Request(url, target.body.encode(), dict(target.headers))
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode(errors="replace")
    except OSError as problem:
        return 0, str(problem)
