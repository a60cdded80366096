import asyncio
import gzip
import json
import socket as sockets
from contextlib import asynccontextmanager, nullcontext

import pytest
import uvicorn
import uvloop
from django.conf import settings as django_settings
from django.core.handlers.asgi import ASGIHandler
from fastapi import FastAPI
from granian.constants import Interfaces
from granian.server.embed import Server as Granian
from starlette.applications import Starlette
from starlette.routing import Mount
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from headworks.edge.asgi import AsgiEdge
from headworks.edge.limits import Bind
from headworks.errors import ConfigurationRefused, FieldError, Internal
from headworks.units import SystemClock
from headworks.values import Reply
from tests.fakes_edge import Client, FakeApp, until
from tests.ports import reserved_port

KEY = "Bearer right"


def make_edge(app=None, **bind):
    """An edge and what happens to its service, in order."""
    told = []
    fake = app or FakeApp()

    async def start():
        told.append("start")
        await asyncio.sleep(0)
        return fake

    async def stop():
        told.append("stop")

    edge = AsgiEdge(start, stop, Bind(**bind), SystemClock())
    return edge, fake, told


class Bench:
    def __init__(self, app, port):
        self.app = app
        self.port = port
        self.clients = []

    async def connect(self, **options):
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, **options))
        self.clients.append(client)
        return client


class Uvicorn(uvicorn.Server):
    """Leaves the process's signals alone."""

    capture_signals = staticmethod(nullcontext)


@asynccontextmanager
async def by_uvicorn(edge, port):
    server = Uvicorn(uvicorn.Config(edge, port=port, log_config=None, ws="websockets-sansio", lifespan="on"))
    serving = asyncio.ensure_future(server.serve())
    await until(lambda: server.started)
    yield
    server.should_exit = True
    await serving


@asynccontextmanager
async def by_granian(edge, port):
    server = Granian(edge, port=port, interface=Interfaces.ASGI, log_enabled=False)
    serving = asyncio.ensure_future(server.serve())
    await until(lambda: _listens(port))
    yield
    server.stop()
    await serving


def _listens(port):
    with sockets.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


SERVERS = {"uvicorn": by_uvicorn, "granian": by_granian}


@pytest.fixture(params=SERVERS)
def run(request):
    """Runs a scenario with the edge under a real ASGI server."""

    def run_under(scenario, app=None, **bind):
        async def inside():
            edge, fake, told = make_edge(app, **bind)
            with reserved_port() as port:
                async with SERVERS[request.param](edge, port):
                    bench = Bench(fake, port)
                    try:
                        result = await asyncio.wait_for(scenario(bench), 20)
                    finally:
                        for client in bench.clients:
                            await client.close()
            assert told == ["start", "stop"]
            return result

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(inside())

    return run_under


def request(path="/echo", body=b"", fields="", method="POST", host="localhost"):
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode() + body


def test_requests_are_answered(run):
    async def scenario(bench):
        client = await bench.connect()
        status, headers, body = await client.ask(request("/echo?a=b", b"hello"))
        empty, _, _ = await client.ask(request("/empty"))
        await client.send(request(method="HEAD"))
        head, fields, _ = await client.reply(has_body=False)
        told = json.loads(body)

        assert (status, empty, head) == (200, 204, 200)
        assert (told["path"], told["query"], told["body"], told["peer"]) == ("/echo", "a=b", "hello", "127.0.0.1")
        assert headers["x-content-type-options"] == "nosniff"
        assert int(fields["content-length"]) > 0

    run(scenario)


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (request(host="rebound.example"), 421),
        (request("/pub/../admin"), 400),
        (request("/pub%2fadmin"), 400),
        (request("/a//b"), 400),
        (request(fields="X-API-Key: a\r\nX-API-Key: b\r\n"), 400),
        (request(fields="".join(f"X-{n}: 1\r\n" for n in range(60))), 431),
        (request("/" + "a" * 9000), 414),
        (request(body=b"abc", fields="Content-Encoding: br\r\n"), 415),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n", 413),
    ],
)
def test_the_guards_above_framing_hold(run, wire, status):
    async def scenario(bench):
        client = await bench.connect()
        answer, headers, _ = await client.ask(wire)

        assert (answer, headers["content-type"]) == (status, "application/problem+json")
        assert bench.app.seen == []

    run(scenario, FakeApp(max_fields=50))


def test_bodies_may_be_large_chunked_and_packed(run):
    async def scenario(bench):
        client = await bench.connect()
        _, _, large = await client.ask(request(body=b"x" * 3_000_000))
        packed = gzip.compress(b"hello" * 100)
        head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
        _, _, body = await client.ask(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed))
        _, _, out = await client.ask(request("/big?3000000", method="GET"))

        assert json.loads(large)["body"] == 3_000_000
        assert json.loads(body)["body"] == "hello" * 100
        assert len(out) == 3_000_000

    run(scenario)


def test_a_long_body_is_refused_by_its_head(run):
    app = FakeApp()
    app.precheck_refusal = lambda head: Reply(401, (), b"no key")

    async def scenario(bench):
        client = await bench.connect()
        status, _, _ = await client.ask(request(body=b"x" * 100_000)[:-90_000])

        assert status == 401
        assert app.seen == []

    run(scenario, app)


def test_a_slow_body_is_refused(run):
    async def scenario(bench):
        client = await bench.connect()
        status, _, _ = await client.ask(request(body=b"x" * 100)[:-1])

        assert status == 408

    run(scenario, FakeApp(request_timeout_s=0.2))


def test_a_client_that_goes_away_cancels_its_call_and_its_stream(run):
    async def scenario(bench):
        waiting, streaming = await bench.connect(), await bench.connect()
        await waiting.send(request("/wait"))
        await streaming.send(request("/stream"))
        await until(lambda: bench.app.waits and bench.app.chunks)
        bench.app.chunks[0].push(b"one")
        await streaming.reply()
        await waiting.close()
        await streaming.close()
        await until(lambda: bench.app.ended and bench.app.chunks[0].is_abandoned)

        assert bench.app.ended == [("/wait", "client_gone")]

    run(scenario)


def test_streams_go_out_chunk_by_chunk(run):
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/stream"))
        await until(lambda: bench.app.chunks)
        stream = bench.app.chunks[0]
        stream.push(b"one")
        await client.reply()
        chunks = [await client.chunk()]
        stream.push(b"two")
        chunks.append(await client.chunk())
        stream.push(None)
        chunks.append(await client.chunk())

        assert chunks == [b"one", b"two", b""]

    run(scenario)


def test_a_stream_that_breaks_is_cut_off(run, caplog):
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/stream"))
        await until(lambda: bench.app.chunks)
        bench.app.chunks[0].push(b"one")
        await client.reply()
        await client.chunk()
        bench.app.chunks[0].push(Internal())

        assert b"0\r\n\r\n" not in await client.rest()
        assert bench.app.chunks[0].is_abandoned

    run(scenario)


def test_a_crash_is_a_fixed_500(run):
    async def scenario(bench):
        client = await bench.connect()
        status, _, body = await client.ask(request("/crash"))

        assert status == 500
        assert b"secret text" not in body

    run(scenario)


@asynccontextmanager
async def socket(bench, path="/api/echo/v1/ws", headers=None):
    fields = {"Authorization": KEY} if headers is None else headers
    url = f"ws://127.0.0.1:{bench.port}{path}"
    async with connect(url, additional_headers=fields, proxy=None, compression=None) as one:
        yield one


async def ask(one, **message):
    await one.send(json.dumps(message))
    return json.loads(await one.recv())


def make_keyed(**limits):
    app = FakeApp(**limits)
    app.key = KEY
    return app


def test_websockets_carry_calls_streams_and_cancels(run):
    async def scenario(bench):
        async with socket(bench) as one:
            answer = await ask(one, id=1, input={"text": "a"})
            await one.send('{"id": 2, "input": 1, "stream": true}')
            await until(lambda: bench.app.chunks)
            bench.app.chunks[0].push(b"data: 5\n\n")
            event = json.loads(await one.recv())
            cancelled = await ask(one, cancel=2)
            await one.send(b"binary")
            binary = json.loads(await one.recv())

        assert (answer["status"], json.loads(answer["output"]["body"])) == (200, {"text": "a"})
        assert event == {"id": 2, "event": 5}
        assert (cancelled["status"], binary["status"]) == (499, 415)
        assert bench.app.chunks[0].is_abandoned

    run(scenario, make_keyed())


def test_a_websocket_without_a_right_key_is_refused(run):
    async def scenario(bench):
        async with socket(bench, headers={}) as one:
            answer = await ask(one, authorization="Bearer wrong")
            with pytest.raises(ConnectionClosed) as caught:
                await one.recv()
        for headers, path in (
            ({"Authorization": "Bearer wrong"}, ""),
            ({"Origin": "https://evil"}, ""),
            ({}, "?key=a"),
        ):
            with pytest.raises(InvalidStatus):
                async with socket(bench, "/api/echo/v1/ws" + path, headers):
                    pass

        assert (answer["status"], caught.value.rcvd.code) == (401, 1008)

    run(scenario, make_keyed())


@pytest.mark.parametrize(
    ("limits", "headers", "text", "code"),
    [
        ({"ws_first_message_timeout_s": 0.1}, {}, None, 1008),
        ({"ws_idle_timeout_s": 0.2}, None, None, 1000),
        ({"ws_max_message_bytes": 1000}, None, "x" * 2000, 1009),
    ],
    ids=["silent", "idle", "verbose"],
)
def test_a_websocket_beyond_its_limits_is_closed(run, limits, headers, text, code):
    async def scenario(bench):
        async with socket(bench, headers=headers) as one:
            if text:
                await one.send(text)
            with pytest.raises(ConnectionClosed) as caught:
                await one.recv()

        assert caught.value.rcvd.code == code

    run(scenario, make_keyed(**limits))


async def call(app, path, method="POST", body=b"", **scope):
    """One request through an ASGI application in memory: status and body."""
    pieces = [{"type": "http.request", "body": body, "more_body": False}]
    sent = []

    async def receive():
        return pieces.pop() if pieces else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    full = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-length", b"%d" % len(body))],
        "client": ("127.0.0.1", 1),
        **scope,
    }
    await app(full, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def in_loop(scenario):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(scenario, 20))


def test_without_a_lifespan_the_service_starts_once_at_the_first_request():
    async def scenario():
        edge, fake, told = make_edge()
        answers = await asyncio.gather(*(call(edge, "/echo") for _ in range(3)))
        await edge.close()

        assert [status for status, _ in answers] == [200] * 3
        assert told == ["start", "stop"]
        assert len(fake.seen) == 3

    in_loop(scenario())


def test_a_service_that_cannot_start_says_why_to_the_server():
    async def start():
        raise ConfigurationRefused("wrong", errors=(FieldError("/models/x", "no such file"),))

    async def scenario():
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "lifespan.startup"}

        await AsgiEdge(start, start, Bind(), SystemClock())({"type": "lifespan"}, receive, send)
        return sent

    (message,) = in_loop(scenario())

    assert message == {"type": "lifespan.startup.failed", "message": "wrong /models/x: no such file"}


def test_mounted_in_starlette_and_fastapi_the_mount_is_not_part_of_the_path():
    async def scenario(mount):
        edge, fake, _ = make_edge()
        status, _ = await call(mount(edge), "/ai/api/x/v1", body=b"{}")
        await edge.close()
        return status, fake.seen[0].path

    def in_fastapi(edge):
        outer = FastAPI()
        outer.mount("/ai", edge)
        return outer

    for mount in (in_fastapi, lambda edge: Starlette(routes=[Mount("/ai", edge)])):
        assert in_loop(scenario(mount)) == (200, "/api/x/v1")


def test_beside_django_a_prefix_is_passed_as_root_path():
    django_settings.configure(
        ALLOWED_HOSTS=["localhost"], SECRET_KEY="x", ROOT_URLCONF=type("Urls", (), {"urlpatterns": []})
    )
    django = ASGIHandler()

    async def scenario():
        edge, fake, _ = make_edge()

        async def application(scope, receive, send):
            if scope["path"].startswith("/ai/"):
                await edge({**scope, "root_path": "/ai"}, receive, send)
            else:
                await django(scope, receive, send)

        status, _ = await call(application, "/ai/api/x/v1", body=b"{}")
        other, _ = await call(application, "/other", method="GET")
        await edge.close()
        return status, other, fake.seen[0].path

    assert in_loop(scenario()) == (200, 404, "/api/x/v1")


def test_a_body_without_announced_length_is_asked_about_as_it_grows():
    app = FakeApp()
    app.precheck_refusal = lambda head: Reply(413, (), b"") if head.length > 100_000 else None

    async def scenario():
        edge, _, _ = make_edge(app)
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"x" * 60_000, "more_body": True}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/echo",
            "headers": [(b"host", b"localhost")],
            "scheme": "http",
        }
        await edge(scope, receive, send)
        return sent[0]["status"]

    assert in_loop(scenario()) == 413


def test_a_truncated_body_is_never_served():
    async def scenario():
        edge, fake, _ = make_edge()
        with pytest.raises(IndexError):  # nothing was sent
            await call(edge, "/echo", body=b"abc", headers=[(b"host", b"localhost"), (b"content-length", b"9")])
        return fake.seen

    assert in_loop(scenario()) == []


def test_a_proxy_in_front_is_believed_when_configured():
    headers = [(b"host", b"localhost"), (b"x-forwarded-for", b"8.8.8.8"), (b"x-forwarded-proto", b"https")]

    async def scenario(**bind):
        edge, fake, _ = make_edge(**bind)
        await call(edge, "/echo", headers=headers)
        return fake.seen[0].peer, fake.seen[0].is_secure

    assert in_loop(scenario()) == ("127.0.0.1", False)
    assert in_loop(scenario(proxies=("127.0.0.1",))) == ("8.8.8.8", True)


def test_a_reply_whose_fields_cannot_be_sent_is_a_500():
    app = FakeApp()
    app.headers = (("X-A", "a\r\nb"),)

    async def scenario():
        edge, _, _ = make_edge(app)
        return (await call(edge, "/fields"))[0]

    assert in_loop(scenario()) == 500


def test_a_head_request_to_a_stream_stops_it_at_once(run):
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/stream", method="HEAD"))
        status, _, _ = await client.reply(has_body=False)

        assert status == 200
        await until(lambda: bench.app.chunks[0].is_abandoned)

    run(scenario)


def test_bodies_held_in_all_are_bounded_under_asgi():
    async def scenario():
        edge, fake, _ = make_edge(FakeApp(max_buffered_bytes=150_000))
        headers = [(b"host", b"localhost"), (b"content-length", b"100000")]
        first = asyncio.ensure_future(call(edge, "/wait", body=b"x" * 100_000, headers=headers))
        await until(lambda: fake.waits)
        second, _ = await call(edge, "/echo", body=b"x" * 100_000, headers=headers)
        fake.waits[0].resolve(b"{}")
        await first
        third, _ = await call(edge, "/echo", body=b"x" * 100_000, headers=headers)
        return second, third

    assert in_loop(scenario()) == (503, 200)
