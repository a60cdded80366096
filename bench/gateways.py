"""The gateways that are measured, each in front of the same upstream: how each is started and called."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace

from bench.load import HOST
from bench.servers import MODELS, Server, ours
from bench.upstream import Upstream, nginx_conf
from bench.venvs import BENCH, PEERS, ensure_node, ensure_peer, python_of

OURS = "headworks-gateway"
OURS_TLS = "headworks-gateway-tls"
WAYS = (False, True)
"""Whether TLS is spoken to the upstream."""
MASTER_KEY = "sk-bench-of-gateways"
PATH = "/v1/chat/completions"
BODY = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "Hello there, how are you today?"}]})
PROXY_TLS = (
    "proxy_ssl_verify on; proxy_ssl_trusted_certificate {ca}; proxy_ssl_name localhost; proxy_ssl_protocols TLSv1.3;"
)
PROXY = """
  upstream up {{ server {host}:{up_port}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen {host}:{port};
    location / {{ proxy_pass {scheme}://up; {more} proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
"""


def gateways(service: Upstream, peers: frozenset[str]) -> list[Server]:
    """Headworks with everything on, and the chosen peers; what this machine lacks is left out. "-tls": to the upstream."""
    base = service.base(tls=False)
    made: dict[str, Callable[[], list[Server]]] = {
        "nginx": lambda: [nginx_of(service, tls=tls) for tls in WAYS],
        "passthrough": lambda: [_passthrough(base)],
        "portkey": lambda: [_portkey(base)],
        "litellm": lambda: [_litellm(base)],
    }
    servers = [ours_of(service, tls=tls) for tls in WAYS]
    for name, make in made.items():
        if name in peers and name not in missing():
            servers += make()
    return servers


def ours_of(service: Upstream, *, tls: bool) -> Server:
    """Headworks with everything on."""
    mine = ours(OURS_TLS if tls else OURS, MODELS / "gateway.yaml", "chat")
    env = {"BENCH_UPSTREAM": service.base(tls=tls), "BENCH_CA": service.ca_file}
    return replace(mine, path=PATH, body=BODY, env=env)


def missing() -> Sequence[str]:
    """The peers whose programs are not on this machine."""
    needs = {"nginx": "nginx", "portkey": "npm"}
    return [name for name, program in needs.items() if shutil.which(program) is None]


def nginx_of(service: Upstream, *, tls: bool, is_buffered: bool = True) -> Server:
    """nginx `proxy_pass`; for streams it hands on what comes as it comes."""
    name = "nginx-tls" if tls else "nginx"
    where = {
        "host": HOST,
        "up_port": service.tls_port if tls else service.port,
        "scheme": "https" if tls else "http",
        "more": PROXY_TLS.format(ca=service.ca_file) if tls else "",
    }
    if not is_buffered:
        where["more"] += " proxy_buffering off;"

    def command(port: int) -> list[str]:
        return nginx_conf(name, PROXY.format(port=port, **where))

    return Server(name, command, path=PATH, body=BODY, prepare=lambda: None)


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
