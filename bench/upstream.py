"""The service behind every gateway: a fixed chat answer at once, on the load's core, so that it costs the gateway nothing."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.answering import ANSWER
from bench.load import HOST, ROOT
from bench.servers import RUN, free_port
from bench.tree import prefer

START_LIMIT_S = 10.0
NGINX_CONF = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; tcp_nodelay on;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {rest}
}}
"""
STATIC = """
  server {{
    listen {host}:{port}; listen {host}:{tls_port} ssl;
    ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;
    location / {{ default_type application/json; return 200 '{answer}'; }}
  }}
"""


@dataclass(frozen=True)
class Upstream:
    """Where the upstream listens, plain and over TLS; `ca_file` is the authority of its certificate."""

    port: int
    tls_port: int
    ca_file: str

    def base(self, *, tls: bool) -> str:
        """Where an OpenAI-compatible provider is found."""
        return f"https://{HOST}:{self.tls_port}/v1" if tls else f"http://{HOST}:{self.port}/v1"


def upstream_name() -> str:
    """What stands behind the gateways on this machine."""
    return "nginx" if shutil.which("nginx") else "own (uvloop)"


def nginx_conf(name: str, rest: str) -> list[str]:
    """The command of an nginx with one worker and this configuration, in a folder of its own."""
    folder = RUN / name
    folder.mkdir(parents=True, exist_ok=True)
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_CONF.format(folder=folder, rest=rest))
    return ["nginx", "-p", str(folder), "-c", str(conf)]


@contextmanager
def upstream(nice: int, kind: str = "static", delay_s: float = 0.0) -> Iterator[Upstream]:
    """A started upstream: fixed answers from nginx, or where they are late, streams, or nginx is missing, our own (answering.py)."""
    RUN.mkdir(parents=True, exist_ok=True)
    cert, key = certificate(RUN / "upstream")
    made = Upstream(free_port(), free_port(), str(cert))
    where = {"port": made.port, "tls_port": made.tls_port, "cert": str(cert), "key": str(key)}
    command = [sys.executable, "-m", "bench.answering", json.dumps({"kind": kind, "delay_s": delay_s, **where})]
    if kind == "static" and not delay_s and shutil.which("nginx"):
        command = nginx_conf("upstream", STATIC.format(answer=ANSWER, host=HOST, **where))
    with (RUN / "upstream.log").open("wb") as log:
        pinned = ["taskset", "-c", "1", "nice", "-n", str(nice), *command]
        running = subprocess.Popen(pinned, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        prefer(running.pid, nice)
        _wait(made.port, kind)
        yield made
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(10)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A fresh certificate of this host that is its own authority, and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=2))
    address = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(HOST))])
    made = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return cert_file, key_file


def _wait(port: int, kind: str) -> None:
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection((HOST, port), 1):
            request = urllib.request.Request(f"http://{HOST}:{port}/v1/chat/completions", b"{}")
            with urllib.request.urlopen(request, timeout=5) as answer:
                if kind != "static" or json.load(answer) == json.loads(ANSWER):
                    return
        time.sleep(0.01)
    raise RuntimeError(f"the upstream did not start: {Path(RUN / 'upstream.log').read_text(errors='replace')[-2000:]}")
