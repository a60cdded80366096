"""Every time-out, every bound on waiting, and what giving up does to a connection."""

import asyncio

import pytest

from headworks.errors import DeadlineExceeded, ProviderBusy, ProviderTimeout, ProviderUnreachable
from headworks.targets.providers.client import ClientSettings, Timeouts, Upstream
from headworks.targets.providers.wire import HttpRequest
from tests.unit.targets.providers.http.house import LOOPS, got, house, rest, run, until
from tests.unit.targets.providers.http.test_faults import FIRST_PIECES
from tests.unit.targets.providers.http.upstream import answer

TIMES = Timeouts(connect_s=1, first_byte_s=10, idle_s=5, total_s=60)
ONE = ClientSettings(upstream=Upstream(max_connections=1, max_waiting=1, queue_wait_s=3, keep_alive_s=20))
CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture(params=sorted(LOOPS))
def loop(request):
    return request.param


class Stalling:
    """A script that sends something, says so, and then waits for the client to leave."""

    def __init__(self, first=b""):
        self.first = first
        self.reached = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, line):
        await line.request()
        await line.send(self.first)
        self.reached.set()
        await line.gone()
        self.left.set()


async def taken_in(at, first):
    """Wait until the client has read what the upstream sent."""

    def is_read():
        (connection,) = at.client._pools[at.origin]._connections
        return not first or connection._head is not None or connection._ahead

    await until(is_read)


@pytest.mark.parametrize("first", sorted(FIRST_PIECES))
def test_a_stall_at_any_point_is_a_timeout_of_its_own_length(first, loop):
    async def scenario():
        script = Stalling(FIRST_PIECES[first])
        async with house(script) as at:
            call = at.send(timeouts=TIMES)
            await script.reached.wait()
            await taken_in(at, script.first)
            at.clock.advance(s=(5 if first != "nothing" else 10) - 0.001)
            at.client._sweep()
            was_early = call.is_done
            at.clock.advance(s=0.001)
            with pytest.raises(ProviderTimeout):
                await got(call)
            await script.left.wait()

            assert not was_early

    run(scenario(), loop)


def test_a_byte_a_second_keeps_an_answer_alive_until_the_total_time_is_over(loop):
    async def scenario():
        async def script(line):
            await line.request()
            await line.send(CHUNKS)
            for _ in range(60):
                await line.send(b"1\r\na\r\n")
                await taken.wait()
                taken.clear()
            await line.gone()

        taken = asyncio.Event()
        async with house(script) as at:
            stream = await at.open(timeouts=TIMES)
            pieces = []
            with pytest.raises(ProviderTimeout):
                while True:
                    pieces.append(await got(stream.next()))
                    at.clock.advance(s=1)
                    at.client._sweep()
                    taken.set()

            assert pieces == [b"a"] * 60

    run(scenario(), loop)


def test_the_calls_deadline_ends_it_and_does_not_blame_the_provider(loop):
    async def scenario():
        script = Stalling()
        async with house(script) as at:
            call = at.send(within_s=0.8)
            await script.reached.wait()
            at.clock.advance(s=0.8)
            with pytest.raises(DeadlineExceeded):
                await got(call)
            await script.left.wait()

    run(scenario(), loop)


def test_a_deadline_that_is_over_already_sends_nothing():
    async def scenario():
        async with house(Stalling()) as at:
            with pytest.raises(DeadlineExceeded):
                await at.ask(within_s=-1)

            assert not any(line.requests for line in at.upstream.lines)

    run(scenario())


def test_a_tls_handshake_that_stalls_is_unreachable_within_the_time_to_connect(loop):
    async def script(line):
        await line.gone()

    async def scenario():
        async with house(script, scheme="https") as at:
            call = at.send(timeouts=TIMES)
            await at.upstream.connected.wait()
            at.clock.advance(s=1)
            with pytest.raises(ProviderUnreachable):
                await got(call)

    run(scenario(), loop)


def test_who_waits_for_a_connection_is_refused_in_time_or_at_once_when_too_many_wait(loop):
    async def scenario():
        script = Stalling()
        async with house(script, ONE) as at:
            first = at.send()
            await script.reached.wait()
            second = at.send()
            with pytest.raises(ProviderBusy):
                await at.ask()
            at.clock.advance(s=3)
            with pytest.raises(ProviderBusy):
                await got(second)
            counts = at.client.counts(at.origin)
            first.abandon()

            assert counts == (1, 0, 0)
            assert len(at.upstream.lines) == 1

    run(scenario(), loop)


def test_a_waiting_call_that_is_abandoned_is_never_sent(loop):
    async def scenario():
        async def script(line):
            while True:
                await line.request()
                await go.wait()
                await line.send(answer())

        go = asyncio.Event()
        async with house(script, ONE) as at:
            first = at.send()
            await until(lambda: at.upstream.lines and at.upstream.lines[0].requests)
            second = at.send(HttpRequest("POST", "/second"))
            second.abandon()
            third = at.send(HttpRequest("POST", "/third"))
            go.set()
            await got(first)
            await got(third)

            assert [head.split()[1] for head, _ in at.upstream.lines[0].requests] == [b"/say", b"/third"]
            assert not second.is_done

    run(scenario(), loop)


@pytest.mark.parametrize("first", sorted(FIRST_PIECES))
def test_abandoning_a_call_closes_its_connection_and_frees_its_place(first, loop):
    async def scenario():
        script = Stalling(FIRST_PIECES[first])
        async with house(script, ONE) as at:
            call = at.send()
            await script.reached.wait()
            call.abandon()
            await script.left.wait()
            script.reached.clear()
            again = at.send()
            await script.reached.wait()

            assert not call.is_done
            assert len(at.upstream.lines) == 2
            again.abandon()

    run(scenario(), loop)


@pytest.mark.parametrize("how", ["cancel", "abandon"])
def test_leaving_a_stream_closes_its_connection_and_another_stands_ready(how, loop):
    async def scenario():
        script = Stalling(CHUNKS + b"1\r\na\r\n")
        async with house(script) as at:
            stream = await at.open()
            first = await got(stream.next())
            waiting = stream.next()
            stream.cancel() if how == "cancel" else waiting.abandon()
            await script.left.wait()
            stream.cancel()
            await until(lambda: at.client.counts(at.origin) == (1, 1, 0))

            assert first == b"a"
            assert not waiting.is_done
            assert len(at.upstream.lines) == 2

    run(scenario(), loop)


@pytest.mark.parametrize("moment", ["head", "piece", "last piece"])
def test_a_stream_may_be_left_from_within_what_it_calls_back(moment, loop):
    async def scenario():
        def on_head():
            stream = call.result()
            if moment == "head":
                stream.cancel()
                done.set()
                return
            piece = stream.next()
            piece.when_done(lambda: (stream.cancel(), done.set()))

        done = asyncio.Event()
        script = Stalling(CHUNKS + b"1\r\na\r\n" + (b"0\r\n\r\n" if moment == "last piece" else b""))
        async with house(script) as at:
            call = at.client.stream(at.origin, HttpRequest("POST", "/"), TIMES, at.clock.now_ns + 10**12)
            call.when_done(on_head)
            await done.wait()
            await script.left.wait()
            await until(lambda: at.client.counts(at.origin) == (1, 1, 0))

            assert len(at.upstream.lines) == 2

    run(scenario(), loop)


def test_a_stream_whose_consumer_lags_is_held_back_and_its_idle_time_does_not_run(loop):
    total_bytes = 64 * 2**20

    async def scenario():
        async def script(line):
            await line.request()
            await line.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total_bytes)
            for _ in range(total_bytes // 2**16):
                await line.send(bytes(2**16))
                sent.append(2**16)
            await line.gone()

        sent = []
        async with house(script) as at:
            stream = await at.open(timeouts=TIMES)
            exchange = stream._exchange
            await until(lambda: exchange._is_held)
            buffered_bytes = exchange._buffered_bytes
            at.clock.advance(s=30)
            at.client._sweep()
            await until(lambda: exchange._is_held)
            size = sum(len(piece) for piece in await rest(stream))

            assert buffered_bytes <= 2**16 + 2**18
            assert size == total_bytes
            assert at.client.counts(at.origin) == (1, 1, 0)

    run(scenario(), loop)


def test_a_long_request_that_is_still_being_read_is_not_timed_out_for_want_of_an_answer(loop):
    size_bytes = 32 * 2**20

    async def scenario():
        async def script(line):
            read_bytes = 0
            while read_bytes < size_bytes:
                read_bytes += len(await line.part())
                if read_bytes > size_bytes // 2 and not half.is_set():
                    half.set()
                    await go.wait()
            await line.send(answer())
            await line.gone()

        half, go = asyncio.Event(), asyncio.Event()
        async with house(script) as at:
            call = at.send(HttpRequest("POST", "/", body=bytes(size_bytes)), timeouts=TIMES)
            await half.wait()
            at.clock.advance(s=11)
            at.client._sweep()
            go.set()
            reply = await got(call)

            assert reply.status == 200

    run(scenario(), loop)


def test_an_idle_connection_is_closed_when_its_time_is_over(loop):
    async def script(line):
        await line.request()
        await line.send(answer())
        await line.gone()
        left.set()

    async def scenario():
        async with house(script, ONE) as at:
            await at.ask()
            at.clock.advance(s=19)
            at.client._sweep()
            before = at.client.counts(at.origin)
            at.clock.advance(s=2)
            at.client._sweep()
            await left.wait()

            assert before == (1, 1, 0)
            assert at.client.counts(at.origin) == (0, 0, 0)

    left = asyncio.Event()
    run(scenario(), loop)


def test_closing_the_client_ends_what_is_under_way(loop):
    async def scenario():
        script = Stalling()
        async with house(script, ONE) as at:
            sent, waiting = at.send(), None
            await script.reached.wait()
            waiting = at.send()
            at.client.close()
            errors = [type(await _error(call)) for call in (sent, waiting, at.send())]
            await script.left.wait()

            assert [error.__name__ for error in errors] == [
                "ProviderDown",
                "ProviderUnreachable",
                "ProviderUnreachable",
            ]

    run(scenario(), loop)


async def _error(call):
    with pytest.raises(Exception) as caught:
        await got(call)
    return caught.value
