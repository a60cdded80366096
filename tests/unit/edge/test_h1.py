import asyncio
import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.errors import ClientGone, Internal
from headworks.pending import Pending
from headworks.values import Reply
from tests.fakes_edge import FakeApp, FakeChunks, run_edge, settle, until


def request(path="/echo", body=b"", fields="", method="POST", version="1.1"):
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/{version}\r\nHost: localhost\r\n{length}{fields}\r\n".encode() + body


def test_a_request_is_answered_with_the_fields_every_reply_carries():
    async def scenario(bench):
        client = await bench.connect()
        status, headers, body = await client.ask(request(path="/echo?a=b", body=b"hello"))

        assert status == 200
        assert json.loads(body)["body"] == "hello"
        assert json.loads(body)["query"] == "a=b"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["date"].endswith("GMT")
        assert "strict-transport-security" not in headers
        assert headers["x-request-id"] == "id1"

    run_edge(scenario)


def test_a_connection_serves_many_requests_and_pipelined_ones_in_order():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/wait/1") + request("/b", b"2") + request("/wait/3") + request("/d"))
        await until(lambda: bench.app.waits)
        assert [raw.path for raw in bench.app.seen] == ["/wait/1"]
        bench.app.waits[0].resolve(b"1")
        await until(lambda: len(bench.app.waits) == 2)
        bench.app.waits[1].resolve(b"3")
        bodies = [(await client.reply())[2] for _ in range(4)]

        assert bodies[0] == b"1"
        assert json.loads(bodies[1])["body"] == "2"
        assert bodies[2] == b"3"
        assert json.loads(bodies[3])["path"] == "/d"

    run_edge(scenario)


def test_reading_pauses_when_too_much_is_sent_ahead_and_nothing_is_lost():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/wait"))
        await until(lambda: bench.app.waits)
        sending = asyncio.ensure_future(client.send(request("/echo", b"x" * 1000) * 8000))
        await settle()
        (connection,) = bench.server.gate.live
        held = len(connection._ahead)
        bench.app.waits[0].resolve(b"{}")
        replies = [(await client.reply())[0] for _ in range(8001)]
        await sending

        assert held < 2**20
        assert replies == [200] * 8001

    run_edge(scenario)


def test_a_head_request_gets_the_head_of_the_answer():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request(method="HEAD") + request("/empty"))
        status, headers, _ = await client.reply(has_body=False)
        empty, fields, _ = await client.reply()

        assert status == 200
        assert int(headers["content-length"]) > 0
        assert empty == 204
        assert "content-length" not in fields

    run_edge(scenario)


def test_connection_close_is_honoured():
    async def scenario(bench):
        client = await bench.connect()
        status, headers, _ = await client.ask(request(fields="Connection: close\r\n"))

        assert (status, headers["connection"]) == (200, "close")
        assert await client.rest() == b""

    run_edge(scenario)


def test_http_1_0_is_kept_alive_only_when_asked():
    async def scenario(bench):
        client = await bench.connect()
        _, kept, _ = await client.ask(request(version="1.0", fields="Connection: keep-alive\r\n"))
        _, closed, _ = await client.ask(request(version="1.0"))

        assert kept["connection"] == "keep-alive"
        assert closed["connection"] == "close"
        assert await client.rest() == b""

    run_edge(scenario)


def test_a_waiting_client_is_told_to_continue():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        status, _, _ = await client.reply()
        final, _, body = await client.ask(b"hello")

        assert (status, final) == (100, 200)
        assert json.loads(body)["body"] == "hello"
        assert [head.length for head in bench.app.prechecked] == [5]

    run_edge(scenario)


def test_a_long_body_is_refused_before_it_is_sent():
    app = FakeApp()
    app.precheck_refusal = lambda head: Reply(401, (), b"no key")

    async def scenario(bench):
        client = await bench.connect()
        head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
        status, headers, body = await client.ask(head + b"x" * 1000)

        assert (status, headers["connection"], body) == (401, "close", b"no key")
        assert await client.rest() == b""
        assert app.seen == []

    run_edge(scenario, app)


def test_a_chunked_body_that_grows_is_asked_about_again():
    app = FakeApp()
    app.precheck_refusal = lambda head: Reply(413, (), b"") if head.length > 100_000 else None

    async def scenario(bench):
        client = await bench.connect()
        await client.send(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        await until(lambda: app.prechecked)
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        await client.send(chunk * 20)
        status, _, _ = await client.reply()

        assert status == 413
        assert app.prechecked[0].length == -1

    run_edge(scenario, app)


def test_a_chunked_body_that_came_with_its_head_is_asked_about_too():
    app = FakeApp()
    app.precheck_refusal = lambda head: Reply(413, (), b"") if head.length > 100_000 else None

    async def scenario(bench):
        client = await bench.connect()
        head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        status, _, _ = await client.ask(head + b"4000\r\n" + b"x" * 0x4000 + (b"\r\n4000\r\n" + b"x" * 0x4000) * 20)

        assert status == 413

    run_edge(scenario, app)


def test_a_chunked_packed_body_arrives_whole_and_unpacked():
    async def scenario(bench):
        packed = gzip.compress(b"hello" * 100)
        client = await bench.connect()
        await client.send(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
        )
        await client.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed))
        status, _, body = await client.reply()

        assert status == 200
        assert json.loads(body)["body"] == "hello" * 100
        assert "content-encoding" not in bench.app.seen[0].headers

    run_edge(scenario)


def test_large_bodies_go_in_and_out_and_are_counted_while_held():
    async def scenario(bench):
        client = await bench.connect()
        status, _, body = await client.ask(request(body=b"x" * 3_000_000))
        big, _, large = await client.ask(request("/big?3000000", method="GET"))

        assert status == big == 200
        assert json.loads(body)["body"] == 3_000_000
        assert len(large) == 3_000_000
        assert bench.server.gate.buffered_bytes == 0

    run_edge(scenario)


def test_bodies_held_in_all_are_bounded():
    async def scenario(bench):
        clients = [await bench.connect() for _ in range(4)]
        for client in clients:
            await client.send(request(body=b"x" * 1_000_000)[:-1])
        replies = [asyncio.ensure_future(client.reply()) for client in clients]
        answered, waiting = await asyncio.wait(replies, return_when=asyncio.FIRST_COMPLETED)
        for reply in waiting:
            reply.cancel()

        assert {reply.result()[0] for reply in answered} == {503}
        assert bench.server.gate.buffered_bytes <= 3_000_000

    run_edge(scenario, FakeApp(max_buffered_bytes=2_000_000))


def test_a_client_that_goes_away_cancels_its_call():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/wait"))
        await until(lambda: bench.app.waits)
        abandoned = []
        bench.app.waits[0].on_abandon = lambda: abandoned.append(True)
        await client.close()
        await until(lambda: bench.app.ended)

        assert bench.app.ended == [("/wait", "client_gone")]
        assert abandoned == [True]
        await until(lambda: not bench.server.connections)

    run_edge(scenario)


def test_a_late_answer_to_a_client_that_is_gone_is_dropped_and_its_stream_stopped():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/stream"))
        await until(lambda: bench.app.chunks)
        await client.close()
        await until(lambda: bench.app.chunks[0].is_abandoned)
        await until(lambda: not bench.server.connections)

    run_edge(scenario)


def test_a_stream_goes_out_chunk_by_chunk_and_the_connection_stays():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/stream") + request("/after"))
        await until(lambda: bench.app.chunks)
        stream = bench.app.chunks[0]
        stream.push(b"one")
        status, headers, _ = await client.reply()
        first = await client.chunk()
        stream.push(b"two")
        second = await client.chunk()
        stream.push(None)
        last = await client.chunk()
        after, _, _ = await client.reply()

        assert (status, headers["transfer-encoding"]) == (200, "chunked")
        assert (first, second, last) == (b"one", b"two", b"")
        assert after == 200

    run_edge(scenario)


def test_a_long_silence_within_a_stream_is_broken_so_that_nobody_on_the_way_closes_it():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/stream"))
        await until(lambda: bench.app.chunks)
        stream = bench.app.chunks[0]
        stream.push(b"one")
        await client.reply()
        said = [await client.chunk()]
        for wait_s in (1, 9, 1, 5):
            await bench.pass_time(wait_s)
        said.append(await client.chunk())
        stream.push(b"two")
        said.append(await client.chunk())
        for wait_s in (1, 9):
            await bench.pass_time(wait_s)
        stream.push(None)
        said.append(await client.chunk())

        assert said == [b"one", b": awake\n\n", b"two", b""]

    run_edge(scenario)


def test_a_stream_that_breaks_is_cut_off_so_that_nobody_takes_it_for_whole():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/stream"))
        await until(lambda: bench.app.chunks)
        bench.app.chunks[0].push(b"one")
        await client.reply()
        await client.chunk()
        bench.app.chunks[0].push(Internal())
        rest = await client.rest()

        assert b"0\r\n\r\n" not in rest
        assert bench.app.chunks[0].is_abandoned

    run_edge(scenario)


def test_a_stream_to_http_1_0_ends_with_the_connection():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/stream", version="1.0", fields="Connection: keep-alive\r\n"))
        await until(lambda: bench.app.chunks)
        for chunk in (b"one", b"two", None):
            bench.app.chunks[0].push(chunk)
        rest = await client.rest()

        assert rest.endswith(b"\r\n\r\nonetwo")
        assert b"transfer-encoding" not in rest

    run_edge(scenario)


def test_no_more_of_a_stream_is_pulled_than_a_slow_reader_takes():
    async def scenario(bench):
        client = await bench.connect(limit=1024)
        await client.send(request("/stream"))
        await until(lambda: bench.app.chunks)
        stream = bench.app.chunks[0]
        stream.ready = [b"x" * 65536] * 2000
        stream.push(b"first")
        await settle(50)
        pulled = stream.pulled

        assert pulled < 500

    run_edge(scenario)


def test_a_crash_is_answered_with_a_fixed_500_and_its_text_goes_nowhere(caplog):
    async def scenario(bench):
        client = await bench.connect()
        status, _, body = await client.ask(request("/crash"))
        after, _, _ = await client.ask(request())

        assert (status, after) == (500, 200)
        assert b"secret text" not in body
        assert "RuntimeError" in caplog.text
        assert "secret text" not in caplog.text

    run_edge(scenario)


@pytest.mark.parametrize("field", [("X-A", "a\r\nSet-Cookie: b"), ("X-A\n", "a"), ("X-A", "\u20ac"), ("X", "a\0b")])
def test_a_reply_can_never_be_split_by_its_own_fields(field):
    app = FakeApp()
    app.headers = (field,)

    async def scenario(bench):
        client = await bench.connect()
        status, headers, _ = await client.ask(request("/fields"))

        assert status == 500
        assert "set-cookie" not in headers

    run_edge(scenario, app)


def test_slow_clients_are_ended_by_the_phase_they_are_slow_in():
    async def scenario(bench):
        silent, head, body, idle = [await bench.connect() for _ in range(4)]
        await head.send(b"POST / HTTP/1.1\r\nHost: loc")
        await body.send(request(body=b"x" * 50_000)[:-1])
        await idle.ask(request())
        await bench.pass_time(9)
        assert bench.server.connections == 4
        await bench.pass_time(2)
        assert await silent.rest() == b""
        assert b" 408 " in await head.rest()
        await bench.pass_time(20)
        assert b" 408 " in await body.rest()
        await bench.pass_time(30)
        assert bench.server.connections >= 1
        assert (await idle.ask(request()))[0] == 200
        await bench.pass_time(80)
        assert await idle.rest() == b""
        await bench.pass_time(40)

        assert bench.server.connections == 0

    run_edge(scenario)


def test_a_body_that_drips_is_ended_before_the_whole_time_is_over():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\nx")
        await bench.pass_time(4)
        assert bench.server.connections == 1
        await bench.pass_time(2)

        assert b" 408 " in await client.rest()

    run_edge(scenario)


def test_dripping_does_not_extend_the_time_of_a_head():
    async def scenario(bench):
        client = await bench.connect()
        for byte in b"POST / HTT":
            await client.send(bytes([byte]))
            await bench.pass_time(1.1)

        assert b" 408 " in await client.rest()

    run_edge(scenario)


def test_a_client_that_does_not_read_is_cut_off():
    async def scenario(bench):
        client = await bench.connect(limit=1024)
        await client.send(request("/big?50000000", method="GET"))
        await settle(50)
        await bench.pass_time(29)
        assert bench.server.connections == 1
        await bench.pass_time(2)
        await until(lambda: not bench.server.connections)

    run_edge(scenario)


def test_a_running_call_is_not_timed_by_the_edge():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/wait"))
        await until(lambda: bench.app.waits)
        await bench.pass_time(1000)
        bench.app.waits[0].resolve(b"{}")

        assert (await client.reply())[0] == 200

    run_edge(scenario)


def test_connections_are_bounded_in_all():
    async def scenario(bench):
        kept = [await bench.connect() for _ in range(3)]
        for client in kept:
            await client.ask(request())
        refused = await bench.connect()
        answer = await refused.rest()
        await kept[0].close()
        await until(lambda: bench.server.connections == 2)
        again = await bench.connect()

        assert answer.startswith(b"HTTP/1.1 503 ")
        assert (await again.ask(request()))[0] == 200

    run_edge(scenario, FakeApp(max_connections=3))


def test_draining_finishes_what_runs_and_closes_the_rest():
    async def scenario(bench):
        idle, busy = await bench.connect(), await bench.connect()
        await idle.ask(request())
        await busy.send(request("/wait"))
        await until(lambda: bench.app.waits)
        drain = asyncio.ensure_future(bench.server.drain(10))
        assert await idle.rest() == b""
        with pytest.raises(OSError):
            await bench.connect()
        bench.app.waits[0].resolve(b"{}")
        status, headers, _ = await busy.reply()
        await drain

        assert (status, headers["connection"]) == (200, "close")

    run_edge(scenario)


def test_a_drain_is_bounded():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/wait"))
        await until(lambda: bench.app.waits)
        await bench.server.drain(0.05)

        assert bench.app.ended == [("/wait", "client_gone")]

    run_edge(scenario)


def test_forwarded_addresses_are_believed_from_proxies_only():
    fields = "X-Forwarded-For: 9.9.9.9, 8.8.8.8, 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"

    async def scenario(bench):
        client = await bench.connect()
        _, headers, body = await client.ask(request(fields=fields))
        return json.loads(body)["peer"], bench.app.seen[0].is_secure, "strict-transport-security" in headers

    assert run_edge(scenario) == ("127.0.0.1", False, False)
    assert run_edge(scenario, proxies=("127.0.0.0/8",)) == ("8.8.8.8", True, True)


STREAM = (
    request("/a", b"one")
    + request("/b", method="GET")
    + (
        b"POST /c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n2;x=y\r\n!!\r\n0\r\nX: y\r\n\r\n"
    )
    + request("/d", b"x" * 300, fields="X-Long: " + "y" * 200 + "\r\n")
)


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(1, len(STREAM) - 1), max_size=12))
def test_any_cut_of_a_pipelined_stream_gives_the_same_requests(cuts):
    async def scenario(bench):
        client = await bench.connect()
        places = [0, *sorted(cuts), len(STREAM)]
        for start, end in zip(places, places[1:], strict=False):
            await client.send(STREAM[start:end])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return [json.loads((await client.reply())[2]) for _ in range(4)]

    told = [(one["path"], one["body"]) for one in run_edge(scenario)]

    assert told == [("/a", "one"), ("/b", ""), ("/c", "two!!"), ("/d", "x" * 300)]


def test_a_pending_answer_costs_no_task():
    async def scenario(bench):
        before = len(asyncio.all_tasks())
        clients = [await bench.connect() for _ in range(5)]
        for client in clients:
            await client.send(request("/wait"))
        await until(lambda: len(bench.app.waits) == 5)

        assert len(asyncio.all_tasks()) == before
        assert isinstance(bench.app.waits[0], Pending)

    run_edge(scenario)


def test_a_slow_reader_that_catches_up_gets_the_whole_stream():
    async def scenario(bench):
        client = await bench.connect(limit=1024)
        await client.send(request("/stream") + request("/after"))
        await until(lambda: bench.app.chunks)
        stream = bench.app.chunks[0]
        stream.ready = [b"x" * 65536] * 200 + [None]
        stream.push(b"first")
        await settle()
        await client.reply()
        sizes = [len(await client.chunk()) for _ in range(202)]
        after, _, _ = await client.reply()

        assert sizes == [5, *[65536] * 200, 0]
        assert after == 200

    run_edge(scenario)


def test_a_client_that_does_not_read_its_answers_is_not_served_more():
    async def scenario(bench):
        client = await bench.connect(limit=1024)
        await client.send(request("/big?200000", method="GET") * 100)
        await settle(50)
        served = len(bench.app.seen)
        replies = [len((await client.reply())[2]) for _ in range(100)]

        assert served < 90
        assert replies == [200_000] * 100

    run_edge(scenario)


def test_a_head_request_to_a_stream_stops_it_at_once():
    async def scenario(bench):
        client = await bench.connect()
        await client.send(request("/stream", method="HEAD") + request())
        status, _, _ = await client.reply(has_body=False)
        after, _, _ = await client.reply()

        assert (status, after) == (200, 200)
        assert bench.app.chunks[0].is_abandoned

    run_edge(scenario)


def test_a_stream_whose_head_cannot_be_sent_is_stopped_and_answered_with_500():
    app = FakeApp()
    chunks = FakeChunks()

    async def serve(raw):
        return Reply(200, (("X-A", "a\r\nb"),), b"", chunks)

    app.serve = serve

    async def scenario(bench):
        client = await bench.connect()
        return (await client.ask(request()))[0]

    assert run_edge(scenario, app) == 500
    assert chunks.is_abandoned


def test_an_answer_that_comes_after_the_client_left_is_dropped_with_its_stream():
    app = FakeApp()
    chunks, gate = FakeChunks(), Pending()

    async def serve(raw):
        try:
            await Pending()
        except ClientGone:
            app.waits.append(gate)
            await gate
            return Reply(200, (), b"", chunks)

    app.serve = serve

    async def scenario(bench):
        client = await bench.connect()
        await client.send(request())
        await settle()
        await client.close()
        await until(lambda: app.waits)
        gate.resolve(None)

    run_edge(scenario, app)

    assert chunks.is_abandoned
