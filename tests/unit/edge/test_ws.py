import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from headworks.edge.ws_message import message_of
from headworks.errors import Internal
from headworks.values import Reply
from tests.fakes_edge import FakeApp, FakeChunks, run_edge, settle, until

KEY = "Bearer right"
HEADERS = {"Authorization": KEY}


def make_app(**limits):
    app = FakeApp(**limits)
    app.key = KEY
    return app


@asynccontextmanager
async def socket(bench, path="/api/echo/v1/ws", headers=HEADERS, **options):
    url = f"ws://127.0.0.1:{bench.server.port}{path}"
    async with connect(url, additional_headers=headers, proxy=None, compression=None, **options) as one:
        yield one


async def ask(one, **message):
    await one.send(json.dumps(message))
    return json.loads(await one.recv())


async def closing(one):
    """The code the server closes with."""
    with pytest.raises(ConnectionClosed) as caught:
        async with asyncio.timeout(5):
            while True:
                await one.recv()
    return caught.value.rcvd.code


def test_each_message_is_a_call_of_its_own_through_the_whole_path():
    async def scenario(bench):
        async with socket(bench) as one:
            first = await ask(one, id=1, input={"text": "a"})
            second = await ask(one, id=2, input=[1], endpoint="other", version=3, deadline_ms=50, subject="s")
        seen = bench.app.seen

        assert (first["id"], first["status"]) == (1, 200)
        assert json.loads(first["output"]["body"]) == {"text": "a"}
        assert first["output"]["via"] == "ws"
        assert [raw.path for raw in seen] == ["/api/echo/v1", "/api/other/v3"]
        assert seen[0].headers["authorization"] == KEY
        assert seen[0].headers["content-type"] == "application/json"
        assert (seen[1].headers["x-deadline-ms"], seen[1].headers["x-subject"]) == ("50", "s")
        assert second["request_id"] == seen[1].request_id

    run_edge(scenario, make_app())


def test_calls_answer_as_they_end_and_can_be_cancelled_by_number():
    async def scenario(bench):
        async with socket(bench, "/api/slow/v1/ws") as one:
            await one.send('{"id": 1, "input": 1}')
            await one.send('{"id": 2, "input": 2}')
            await until(lambda: len(bench.app.waits) == 2)
            bench.app.waits[1].resolve(b'"two"')
            second = json.loads(await one.recv())
            cancelled = await ask(one, cancel=1)
            unknown = await ask(one, cancel=9)

        assert (second["id"], second["output"]) == (2, "two")
        assert (cancelled["id"], cancelled["status"], cancelled["error"]["status"]) == (1, 499, 499)
        assert (unknown["id"], unknown["status"]) == (9, 400)

    run_edge(scenario, make_app())


def test_a_stream_comes_event_by_event_and_says_when_it_ends():
    async def scenario(bench):
        async with socket(bench) as one:
            await one.send('{"id": 7, "input": 1, "stream": true}')
            await until(lambda: bench.app.chunks)
            stream = bench.app.chunks[0]
            for chunk in (b'data: {"a":1}\n', b"\n: keep-alive\n\ndata: 2\n\n", b"event: end\ndata: {}\n\n", None):
                stream.push(chunk)
            messages = [json.loads(await one.recv()) for _ in range(3)]

        assert messages[:2] == [{"id": 7, "event": {"a": 1}}, {"id": 7, "event": 2}]
        assert messages[2] == {"id": 7, "status": 200, "request_id": "id1", "end": True}
        assert bench.app.seen[0].headers["accept"] == "text/event-stream"

    run_edge(scenario, make_app())


@pytest.mark.parametrize(
    ("chunk", "status"),
    [(b'event: error\ndata: {"status":502,"code":"model_error"}\n\n', 502), (Internal(), 500)],
)
def test_a_stream_that_fails_ends_with_its_error(chunk, status):
    async def scenario(bench):
        async with socket(bench) as one:
            await one.send('{"id": 7, "input": 1, "stream": true}')
            await until(lambda: bench.app.chunks)
            bench.app.chunks[0].push(chunk)
            bench.app.chunks[0].push(None)
            message = json.loads(await one.recv())
            after = await ask(one, id=8, input=1)

        assert (message["id"], message["status"], message["error"]["status"]) == (7, status, status)
        assert after["id"] == 8

    run_edge(scenario, make_app())


def test_a_cancelled_stream_is_stopped_at_its_source():
    async def scenario(bench):
        async with socket(bench) as one:
            await one.send('{"id": 7, "input": 1, "stream": true}')
            await until(lambda: bench.app.chunks)
            message = await ask(one, cancel=7)

        assert (message["id"], message["status"]) == (7, 499)
        assert bench.app.chunks[0].is_abandoned

    run_edge(scenario, make_app())


def test_the_key_may_come_in_the_first_message():
    async def scenario(bench):
        async with socket(bench, headers={}) as one:
            await one.send(json.dumps({"authorization": KEY}))
            answer = await ask(one, id=1, input=1)

        assert answer["status"] == 200
        assert bench.app.seen[0].headers["authorization"] == KEY

    run_edge(scenario, make_app())


@pytest.mark.parametrize("first", [{"id": 1, "input": 1}, {"authorization": "Bearer wrong"}])
def test_without_a_right_key_the_first_message_is_refused_and_the_connection_closed(first):
    async def scenario(bench):
        async with socket(bench, headers={}) as one:
            answer = await ask(one, **first)
            code = await closing(one)

        assert (answer["status"], code) == (401, 1008)
        assert bench.app.seen == []

    run_edge(scenario, make_app())


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/echo/v1/ws", {"Authorization": "Bearer wrong"}, 401),
        ("/api/echo/v1/ws?key=right", {}, 400),
        ("/api/echo/v1", HEADERS, 404),
        ("/api/echo/v0/ws", HEADERS, 404),
        ("/api/echo/v1/ws", {**HEADERS, "Origin": "https://evil.example"}, 403),
        ("/api/echo/v1/ws", {**HEADERS, "Origin": "null"}, 403),
    ],
)
def test_a_handshake_that_may_not_be_is_refused_as_http(path, headers, status):
    async def scenario(bench):
        with pytest.raises(InvalidStatus) as caught:
            async with socket(bench, path, headers):
                pass

        assert caught.value.response.status_code == status

    run_edge(scenario, make_app(), origins=("https://good.example",))


def test_a_page_of_a_configured_origin_may_connect():
    async def scenario(bench):
        async with socket(bench, headers={**HEADERS, "Origin": "https://good.example"}) as one:
            return (await ask(one, id=1, input=1))["status"]

    assert run_edge(scenario, make_app(), origins=("https://good.example",)) == 200


@pytest.mark.parametrize(
    "fields",
    [
        "Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 1",
    ],
)
def test_a_handshake_outside_the_grammar_is_refused(fields):
    async def scenario(bench):
        client = await bench.connect()
        head = "GET /api/echo/v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        status, _, _ = await client.ask(f"{head}{fields}\r\n\r\nx".encode())

        assert status == 400

    run_edge(scenario)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("not json", 400),
        ("[]", 400),
        ('{"id": 1}', 400),
        ('{"input": 1}', 400),
        ('{"id": -1, "input": 1}', 400),
        ('{"id": "1", "input": 1}', 400),
        ('{"id": 1, "input": 1, "inptu": 2}', 400),
        ('{"id": 1, "input": 1, "endpoint": "../admin"}', 400),
        ('{"id": 1, "input": 1, "version": 0}', 400),
        ('{"id": 1, "input": 1, "subject": "a\\r\\nX: y"}', 400),
        ('{"id": 1, "input": 1, "idempotency_key": ""}', 400),
        ('{"authorization": "a\\nb"}', 400),
        (b"binary", 415),
    ],
)
def test_a_message_that_cannot_be_a_call_is_refused_and_the_connection_stays(text, status):
    async def scenario(bench):
        async with socket(bench) as one:
            await one.send(text)
            refused = json.loads(await one.recv())
            after = await ask(one, id=2, input=1)

        assert refused["status"] == refused["error"]["status"] == status
        assert after["status"] == 200
        assert len(bench.app.seen) == 1

    run_edge(scenario, make_app())


def test_an_id_in_use_and_a_call_too_many_are_refused():
    async def scenario(bench):
        async with socket(bench, "/api/slow/v1/ws") as one:
            await one.send('{"id": 1, "input": 1}')
            twice = await ask(one, id=1, input=1)
            await one.send('{"id": 2, "input": 1}')
            beyond = await ask(one, id=3, input=1)

        assert (twice["id"], twice["status"]) == (1, 400)
        assert (beyond["id"], beyond["status"]) == (3, 429)

    run_edge(scenario, make_app(ws_max_calls=2))


def test_a_message_above_the_bound_closes_with_1009():
    async def scenario(bench):
        async with socket(bench) as one:
            await one.send(json.dumps({"id": 1, "input": "x" * 2000}))

            assert await closing(one) == 1009

    run_edge(scenario, make_app(ws_max_message_bytes=1000))


def test_a_message_in_fragments_is_one_message():
    async def scenario(bench):
        async with socket(bench) as one:
            await one.send(['{"id": 1,', ' "input": "\u00e9', '"}'])
            answer = json.loads(await one.recv())

        assert json.loads(answer["output"]["body"].encode("latin-1")) == "\u00e9"

    run_edge(scenario, make_app())


def test_an_answer_that_is_not_json_is_said_to_be_so():
    app = make_app()
    app._echo = None

    async def text(raw):
        return Reply(200, (("Content-Type", "text/plain"),), b"plain")

    app.serve = text

    async def scenario(bench):
        async with socket(bench) as one:
            return (await ask(one, id=1, input=1))["status"]

    assert run_edge(scenario, app) == 406


def test_a_client_that_goes_away_cancels_its_calls():
    async def scenario(bench):
        async with socket(bench, "/api/slow/v1/ws") as one:
            await one.send('{"id": 1, "input": 1}')
            await one.send('{"id": 2, "input": 1, "endpoint": "echo", "stream": true}')
            await until(lambda: bench.app.waits and bench.app.chunks)
            one.transport.abort()
            await until(lambda: bench.app.ended and bench.app.chunks[0].is_abandoned)

        assert bench.app.ended == [("/api/slow/v1", "client_gone")]
        await until(lambda: not bench.server.connections)

    run_edge(scenario, make_app())


def test_silence_before_the_key_idleness_and_half_a_message_are_ended():
    async def scenario(bench):
        async with socket(bench, headers={}) as silent, socket(bench) as idle, socket(bench) as half:
            half.transport.write(b"\x01\x83\x00\x00\x00\x00abc")
            await settle()
            await bench.pass_time(11)
            no_key = await closing(silent)
            await bench.pass_time(20)
            unfinished = await closing(half)
            await ask(idle, id=1, input=1)
            await bench.pass_time(299)
            assert (await ask(idle, id=2, input=1))["status"] == 200
            await bench.pass_time(301)

            assert (no_key, unfinished, await closing(idle)) == (1008, 1008, 1000)

    run_edge(scenario, make_app())


def test_a_running_call_keeps_its_connection():
    async def scenario(bench):
        async with socket(bench, "/api/slow/v1/ws") as one:
            await one.send('{"id": 1, "input": 1}')
            await until(lambda: bench.app.waits)
            await bench.pass_time(1000)
            bench.app.waits[0].resolve(b"1")

            assert json.loads(await one.recv())["output"] == 1

    run_edge(scenario, make_app())


def test_a_drain_finishes_the_calls_and_takes_no_new_ones():
    async def scenario(bench):
        async with socket(bench, "/api/slow/v1/ws") as one:
            await one.send('{"id": 1, "input": 1}')
            await until(lambda: bench.app.waits)
            drain = asyncio.ensure_future(bench.server.drain(10))
            await settle()
            refused = await ask(one, id=2, input=1)
            bench.app.waits[0].resolve(b"1")
            answered = json.loads(await one.recv())
            code = await closing(one)
            await drain

        assert (refused["status"], answered["output"], code) == (503, 1, 1001)

    run_edge(scenario, make_app())


def test_frames_outside_the_protocol_close_with_1002():
    async def scenario(bench):
        async with socket(bench) as one:
            one.transport.write(b"\x81\x03abc")

            assert await closing(one) == 1002

    run_edge(scenario, make_app())


def test_text_that_is_not_utf_8_closes_with_1007():
    async def scenario(bench):
        async with socket(bench) as one:
            one.transport.write(b"\x81\x82\x00\x00\x00\x00\xff\xfe")

            assert await closing(one) == 1007

    run_edge(scenario, make_app())


def test_pings_are_answered():
    async def scenario(bench):
        async with socket(bench) as one:
            await asyncio.wait_for(await one.ping(), 5)

    run_edge(scenario, make_app())


def test_no_more_of_a_stream_is_pulled_than_a_slow_reader_takes():
    async def scenario(bench):
        async with socket(bench, max_queue=1) as one:
            await one.send('{"id": 7, "input": 1, "stream": true}')
            await until(lambda: bench.app.chunks)
            stream = bench.app.chunks[0]
            stream.ready = [b'data: "' + b"x" * 65536 + b'"\n\n'] * 2000
            stream.push(b"data: 1\n\n")
            await settle(50)

            assert stream.pulled < 500
            one.transport.abort()

    run_edge(scenario, make_app())


def test_a_slow_reader_that_catches_up_gets_every_event():
    async def scenario(bench):
        async with socket(bench, max_queue=1) as one:
            await one.send('{"id": 7, "input": 1, "stream": true}')
            await until(lambda: bench.app.chunks)
            stream = bench.app.chunks[0]
            stream.ready = [b'data: "' + b"x" * 65536 + b'"\n\n'] * 200 + [None]
            stream.push(b"data: 1\n\n")
            await settle()
            messages = [json.loads(await one.recv()) for _ in range(202)]

        assert messages[-1]["end"]

    run_edge(scenario, make_app())


def test_a_reader_that_never_catches_up_is_cut_off():
    async def scenario(bench):
        async with socket(bench, max_queue=1) as one:
            await one.send('{"id": 7, "input": 1, "stream": true}')
            await until(lambda: bench.app.chunks)
            stream = bench.app.chunks[0]
            stream.ready = [b'data: "' + b"x" * 65536 + b'"\n\n'] * 2000
            stream.push(b"data: 1\n\n")
            await settle(50)
            await bench.pass_time(31)
            await until(lambda: not bench.server.connections)
            one.transport.abort()  # it has no reply to wait for

        assert stream.is_abandoned

    run_edge(scenario, make_app())


def test_a_call_that_crashes_or_streams_something_else_ends_with_its_own_error():
    app = make_app()
    chunks = FakeChunks()

    async def serve(raw):
        if raw.path == "/api/crash/v1":
            raise RuntimeError("secret text")
        return Reply(200, (("Content-Type", "text/csv"),), b"", chunks)

    app.serve = serve

    async def scenario(bench):
        async with socket(bench) as one:
            crashed = await ask(one, id=1, input=1, endpoint="crash")
            other = await ask(one, id=2, input=1, stream=True)
        return crashed["status"], other["status"]

    assert run_edge(scenario, app) == (500, 406)
    assert chunks.is_abandoned


def test_a_handshake_sent_ahead_behind_much_else_is_still_served():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: bench.app.waits)
        ordinary = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000
        upgrade = (
            b"GET /api/echo/v1/ws HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer right\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await client.send(ordinary * 2 + upgrade)
        await settle()
        bench.app.waits[0].resolve(b"{}")
        statuses = [(await client.reply())[0] for _ in range(4)]
        await client.send(b'\x81\x95\x00\x00\x00\x00{"id": 1, "input": 1}')
        frame = await client.reader.readuntil(b"}")

        assert statuses == [200, 200, 200, 101]
        assert b'"id":1' in frame

    run_edge(scenario, make_app())


def test_connections_are_counted_by_what_they_do():
    async def scenario(bench):
        fresh, idle, half, waiting, streaming = [await bench.connect() for _ in range(5)]
        await idle.ask(b"GET /a HTTP/1.1\r\nHost: localhost\r\n" + f"Authorization: {KEY}\r\n\r\n".encode())
        await half.send(b"GET /a HT")
        await waiting.send(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await streaming.send(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with socket(bench):
            await settle()
            census = bench.server.gate.census()
            await fresh.close()

        assert census == {"idle": 2, "receiving": 1, "running": 1, "sending": 1, "closing": 0, "websocket": 1}
        bench.app.waits[0].resolve(b"{}")

    run_edge(scenario, make_app())


@pytest.mark.parametrize(
    "text",
    [
        '{"id": 1, "input": 1, "id": 2}',
        '{"id": 1, "input": {"a": 1}, "input": {"a": 1, "b": 2}}',
        '{"id": 1, "input": 1, "input": 1}',
        '{"id": 1, "input": 1, "subject": "urn:a", "subject": "urn:b"}',
        '{"id": 1, "input": "1:2", "\\u0069d": 2}',
        '{"cancel": 1, "cancel": 2}',
        '{"authorization": "Bearer right", "authorization": "Bearer right"}',
    ],
)
def test_a_key_that_stands_twice_in_a_message_is_refused(text):
    async def scenario(bench):
        async with socket(bench) as one:
            await one.send(text)
            answer = json.loads(await one.recv())

        assert (answer["id"], answer["status"]) == (None, 400)
        assert "stands twice" in answer["error"]["detail"]
        assert bench.app.seen == []

    run_edge(scenario, make_app())


@given(
    st.dictionaries(
        st.text(max_size=4),
        st.recursive(st.text(max_size=8), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)),
    ),
    st.sampled_from(["urn:a:b", "plain", 'quo"te: \\']),
    st.booleans(),
)
def test_a_message_whose_keys_differ_is_taken_whatever_stands_in_it(document, subject, escapes):
    text = json.dumps({"subject": subject, "input": document, "id": 1}, ensure_ascii=escapes).encode()
    message = message_of(text)

    assert (message.subject, json.loads(bytes(message.input))) == (subject, document)
