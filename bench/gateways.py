"""The gateways that are measured, each in front of the same upstream: how each is started and called."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace

from bench.load import HOST
from bench.servers import MODELS, Server, ours
from bench.upstream import nginx_conf
from bench.venvs import BENCH, PEERS, ensure_node, ensure_peer, python_of

OURS = "headworks-gateway"
MASTER_KEY = "sk-bench-of-gateways"
PATH = "/v1/chat/completions"
BODY = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "Hello there, how are you today?"}]})
PROXY = """
  upstream up {{ server {host}:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen {host}:{port};
    location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
"""


def gateways(upstream: int, peers: frozenset[str]) -> list[Server]:
    """Headworks with everything on, and the chosen peers; what this machine lacks is left out."""
    base = f"http://{HOST}:{upstream}/v1"
    mine = ours(OURS, MODELS / "gateway.yaml", "chat")
    mine = replace(mine, path=PATH, body=BODY, env={"BENCH_UPSTREAM": base})
    made = {
        "nginx": lambda: _nginx(upstream),
        "passthrough": lambda: _passthrough(base),
        "portkey": lambda: _portkey(base),
        "litellm": lambda: _litellm(base),
    }
    return [mine, *(make() for name, make in made.items() if name in peers and name not in missing())]


def missing() -> Sequence[str]:
    """The peers whose programs are not on this machine."""
    needs = {"nginx": "nginx", "portkey": "npm"}
    return [name for name, program in needs.items() if shutil.which(program) is None]


def _nginx(upstream: int) -> Server:
    def command(port: int) -> list[str]:
        return nginx_conf("nginx", PROXY.format(host=HOST, port=port, upstream=upstream))

    return Server("nginx", command, path=PATH, body=BODY, prepare=lambda: None)


def _passthrough(base: str) -> Server:
    def command(port: int) -> list[str]:
        return [str(python_of("passthrough")), str(PEERS / "passthrough_app.py"), str(port)]

    return Server("passthrough", command, path=PATH, body=BODY, env={"BENCH_UPSTREAM": base})


def _portkey(base: str) -> Server:
    start = BENCH / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": base, "Authorization": "Bearer sk-upstream"}
    return Server(
        "portkey",
        lambda port: ["node", str(start), "--headless", f"--port={port}"],
        path=PATH,
        body=BODY,
        headers=headers,
        env={"NODE_ENV": "production"},
        slow=True,
        prepare=lambda: ensure_node("portkey"),
    )


def _litellm(base: str) -> Server:
    program, config = BENCH / "litellm" / "bin" / "litellm", PEERS / "litellm.yaml"
    return Server(
        "litellm",
        lambda port: [str(program), "--config", str(config), "--host", HOST, "--port", str(port), "--num_workers", "1"],
        path=PATH,
        body=BODY,
        headers={"Authorization": f"Bearer {MASTER_KEY}"},
        env={"BENCH_UPSTREAM": base, "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR", "PATH": os.environ["PATH"]},
        slow=True,
        prepare=lambda: ensure_peer("litellm"),
    )
