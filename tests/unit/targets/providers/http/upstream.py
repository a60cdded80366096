"""A scripted upstream on loopback: each connection runs the test's script, and the test can wait for what it saw."""

import asyncio
import os
import socket
import struct
from contextlib import suppress

RESET = struct.pack("ii", 1, 0)


class Gone(Exception):
    """The client closed the connection."""


class Line:
    """One connection as the script sees it."""

    def __init__(self, reader, writer, number):
        self._reader, self._writer = reader, writer
        self.number = number
        self.requests = []

    async def request(self):
        """The next whole request: its head and its body."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = 0
            for row in head.lower().split(b"\r\n"):
                if row.startswith(b"content-length:"):
                    length = int(row[15:])
            body = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Gone from None
        self.requests.append((head, body))
        return head, body

    async def part(self):
        """Whatever of a request comes next."""
        return await self._reader.read(65536)

    async def send(self, data):
        """Bytes, written through."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            raise Gone from None

    async def slowly(self, data):
        """Byte by byte, each in a packet of its own."""
        for position in range(len(data)):
            await self.send(data[position : position + 1])
            await asyncio.sleep(0)

    async def gone(self):
        """Wait until the client has closed its side; what it still sends is dropped."""
        with suppress(ConnectionError):
            while await self._reader.read(65536):
                pass

    def half_close(self):
        """Send no more, still read."""
        self._writer.write_eof()

    def half_close_now(self):
        """End the sending side at this very moment, not when the loop comes to it."""
        same = socket.socket(fileno=os.dup(self._writer.get_extra_info("socket").fileno()))
        with same:
            same.shutdown(socket.SHUT_WR)

    def reset(self):
        """Break the connection with a TCP reset."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._writer.transport.abort()

    def close(self):
        """Close it."""
        self._writer.close()


class ScriptedUpstream:
    """Listens on a free port; `script(line)` runs for each connection and ends when the client goes away."""

    def __init__(self, script, tls=None):
        self._script, self._tls = script, tls
        self._tasks = set()
        self.lines = []
        self.failures = []
        self.connected = asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc):
        self._server.close()
        async with asyncio.timeout(10):
            await asyncio.gather(*self._tasks)
        if exc[0] is None:
            assert self.failures == []

    async def _accept(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        line = Line(reader, writer, len(self.lines))
        self.lines.append(line)
        self.connected.set()
        try:
            await self._script(line)
        except (Gone, ConnectionError):
            pass
        except Exception as error:
            self.failures.append(error)
        finally:
            writer.close()
            with suppress(Exception):
                await writer.wait_closed()


def answer(body=b"fine", *, status=b"200 OK", fields=b""):
    """A whole answer of a stated length."""
    return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n%s\r\n%s" % (status, len(body), fields, body)


def chunked(*pieces, fields=b"", end=b"0\r\n\r\n"):
    """A whole answer in chunks."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n%s\r\n%s%s" % (fields, body, end)
