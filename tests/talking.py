"""A client for tests: one connection that stays open, and many of them at work at once."""

import json
import socket
import struct
import threading
from contextlib import suppress

from tests.running import Answer

RESET = struct.pack("ii", 1, 0)


class Talk:
    """One connection to a service; asks and answers may be apart, so that a test can do something in between."""

    def __init__(self, port, key="", timeout=30):
        self.key = key
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._data = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def send(self, data):
        """Raw bytes."""
        self._socket.sendall(data)

    def ask(self, path, document=None, *, method="POST", headers=None):
        """Send one request."""
        self.send(request(path, document, key=self.key, method=method, headers=headers))

    def answer(self):
        """Read one whole answer.

        Raises: OSError (also ConnectionError) when the connection ends before.
        """
        status, headers = self._head()
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, headers, b"".join(self._chunks()))
        return Answer(status, headers, self._exactly(int(headers.get("content-length", 0))))

    def call(self, path, document=None, **more):
        """Ask and read the answer."""
        self.ask(path, document, **more)
        return self.answer()

    def read(self):
        """Whatever comes next; nothing at the end."""
        data, self._data = self._data, b""
        return data or self._socket.recv(65536)

    def close(self):
        """Say goodbye."""
        self._socket.close()

    def reset(self):
        """Go away without a goodbye."""
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._socket.close()

    def _head(self):
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return int(first.split(" ", 2)[1]), headers

    def _chunks(self):
        while size := int(self._until(b"\r\n"), 16):
            yield self._exactly(size)
            self._exactly(2)
        self._exactly(2)

    def _until(self, mark):
        while mark not in self._data:
            self._receive()
        found, _, self._data = self._data.partition(mark)
        return found

    def _exactly(self, size):
        while len(self._data) < size:
            self._receive()
        found, self._data = self._data[:size], self._data[size:]
        return found

    def _receive(self):
        data = self._socket.recv(262_144)
        if not data:
            raise ConnectionResetError("the service closed the connection")
        self._data += data


class Crowd:
    """Clients at work in threads. `work(talk, client)` does one thing and gives what is to be kept of it.

    A client ends when told to, or, where the service may go away, when its connection breaks.
    """

    def __init__(self, port, key, work, clients=4, *, may_break=False):
        self.kept = []
        self.failures = []
        self._may_break = may_break
        self._work = work
        self._is_over = False
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._run, args=(port, key, n)) for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def until(self, count, within_s=60):
        """Wait until so many more things are kept."""
        goal = len(self.kept) + count
        with self._changed:
            is_there = self._changed.wait_for(lambda: len(self.kept) >= goal or self.failures, within_s)
        assert is_there, f"{len(self.kept)} of {goal} after {within_s} s"
        assert not self.failures, self.failures

    def stop(self):
        """Let every client finish what it does; gives all that was kept."""
        self._is_over = True
        for thread in self._threads:
            thread.join(60)
        assert not self.failures, self.failures
        return self.kept

    def _run(self, port, key, client):
        try:
            with Talk(port, key) as talk:
                while not self._is_over:
                    self._keep(self._work(talk, client))
        except OSError as error:
            if not self._may_break:
                self._fail(error)
        except Exception as error:
            self._fail(error)

    def _keep(self, thing):
        with self._changed:
            self.kept.append(thing)
            self._changed.notify_all()

    def _fail(self, error):
        with self._changed:
            self.failures.append(error)
            self._changed.notify_all()


def request(path, document=None, *, key="", method="POST", headers=None):
    """The bytes of one request."""
    body = b"" if document is None else json.dumps(document).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    if body:
        lines.append("Content-Type: application/json")
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
