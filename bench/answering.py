"""An upstream of our own: a fixed answer at once or late, or a stream of chunks at a pace; plain, and over TLS.

python -m bench.answering '{"kind": "static", "delay_s": 0.02, "port": 9000, "tls_port": 9001, "cert": ..., "key": ...}'
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from functools import partial
from typing import Any

import uvloop

TEXT = (
    "Hello! I am doing well, thank you for asking. How can I help you today? There is much we could talk about, from "
    "the history of canals to the mathematics of queues, and I would be glad to go into whatever you have in mind."
)
ANSWER = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "any-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 15, "completion_tokens": 48, "total_tokens": 63},
    },
    separators=(",", ":"),
)
CHUNKS, FEW = 200, 25
HOST = "127.0.0.1"


def _chunk(delta: dict[str, str], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    told = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "any-model"}
    return _framed(b"data: " + json.dumps({**told, "choices": [choice]}, separators=(",", ":")).encode() + b"\n\n")


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
FIRST, WORD, LAST = _chunk({"role": "assistant", "content": ""}), _chunk({"content": " word"}), _chunk({}, "stop")
END = _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Answering(asyncio.Protocol):
    """Answers every request, whose head and body come in one piece or more."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.data[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
        if len(self.data) >= end + 4 + length:
            self.data = self.data[end + 4 + length :]
            self.answer()

    def answer(self) -> None:
        raise NotImplementedError

    def later(self, what: Any, *given: object) -> None:
        loop = asyncio.get_running_loop()
        if self.delay_s:
            loop.call_later(self.delay_s, what, *given)
        else:
            loop.call_soon(what, *given)


class Static(Answering):
    """The same answer to every request, at once or late."""

    whole = b"HTTP/1.1 200 OK\r\nServer: own\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(ANSWER),
        ANSWER.encode(),
    )

    def answer(self) -> None:
        if self.delay_s:
            self.later(self.transport.write, self.whole)
        else:
            self.transport.write(self.whole)


class Chunks(Answering):
    """A stream to every request: a chunk a turn of the loop, or at a pace."""

    count = CHUNKS

    def answer(self) -> None:
        self.transport.write(HEAD)
        self.later(self._send, 0)

    def _send(self, sent: int) -> None:
        if self.transport.is_closing():
            return
        if sent == self.count:
            self.transport.write(LAST + END)
            return
        self.transport.write(WORD if sent else FIRST + WORD)
        self.later(self._send, sent + 1)


class Short(Chunks):
    """The same, with few chunks: for many first ones."""

    count = FEW


KINDS = {"static": Static, "chunks": Chunks, "short": Short}


async def _serve(kind: str, delay_s: float, port: int, tls_port: int, cert: str, key: str) -> None:
    loop = asyncio.get_running_loop()
    make = partial(KINDS[kind], delay_s)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(cert, key)
    plain = await loop.create_server(make, HOST, port, backlog=4096)
    secure = await loop.create_server(make, HOST, tls_port, ssl=context, backlog=4096)
    await asyncio.gather(plain.serve_forever(), secure.serve_forever())


if __name__ == "__main__":
    uvloop.run(_serve(**json.loads(sys.argv[1])))
