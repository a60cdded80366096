"""An HTTP server of the test's own on loopback, in threads."""

import threading
from contextlib import contextmanager
from http.server import ThreadingHTTPServer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


@contextmanager
def listening(handler, gate):
    """The base URL under which a handler answers; at the end whatever the gate holds back is let go."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        gate.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
