"""A world for targets outside, without a network: time by hand, a client that plays what it is told, an operation.

What an upstream does is said in the words below; tests/chaos_upstream.py does the same on a real socket.
"""

import heapq
from itertools import count

from msgspec import Struct, json, structs

from headworks.contract.schema import contract_from
from headworks.costs import Reservation, Settlement, Usage
from headworks.errors import (
    DeadlineExceeded,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
)
from headworks.pending import Pending
from headworks.targets.providers.attempt import Tools
from headworks.targets.providers.http.settings import Timeouts
from headworks.targets.providers.wire import Answer, Bound, HttpRequest, HttpResponse, Origin, Piece
from headworks.units import SECOND_NS
from headworks.values import Auth, Call, Caller, Endpoint, Payload, TargetChoice

CANARY = "the-upstream-said-this"
REPLY = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
CONTRACT = contract_from({"type": "string"}, REPLY, is_batch=True, is_stream=True, examples=())
GOOD = b'{"label": "fine", "tokens": 7}'
EVENTS = [
    b'data: {"role": "me"}\n\n',
    b'data: {"text": "a"}\n\n',
    b'data: {"text": "b"}\n\n',
    b'data: {"tokens": 9}\n\n',
]
DONE = b"data: [DONE]\n\n"


class Says(Struct, frozen=True):
    """Answers whole, after a while."""

    status: int = 200
    body: bytes = GOOD
    headers: tuple[tuple[str, str], ...] = ()
    after_s: float = 0.0


class Tells(Struct, frozen=True):
    """Answers piece by piece; then ends, resets the connection or falls silent."""

    pieces: tuple[bytes, ...] = (*EVENTS, DONE)
    then: str = "end"
    gap_s: float = 0.0
    status: int = 200


class Resets(Struct, frozen=True):
    """Reads the request and resets the connection."""


class Stalls(Struct, frozen=True):
    """Reads the request and says nothing."""


class Refuses(Struct, frozen=True):
    """Takes no connection."""


def busy(retry_after_s=None):
    headers = () if retry_after_s is None else (("retry-after", str(retry_after_s)),)
    return Says(429, CANARY.encode(), headers)


class Time:
    """A clock and timers moved by hand."""

    def __init__(self):
        self.now_ns = 1000 * SECOND_NS
        self._due, self._ids = [], count()

    def monotonic_ns(self):
        return self.now_ns

    def wall_ns(self):
        return self.now_ns

    def call_later(self, delay, callback):
        timer = Timer(callback)
        heapq.heappush(self._due, (self.now_ns + int(max(delay, 0) * SECOND_NS), next(self._ids), timer))
        return timer

    def waiting(self):
        return sum(timer.callback is not None for _, _, timer in self._due)

    def step(self):
        """Move to what is due next; False when nothing is."""
        while self._due:
            at_ns, _, timer = heapq.heappop(self._due)
            if timer.callback is not None:
                self.now_ns = max(self.now_ns, at_ns)
                timer.ring()
                return True
        return False

    def advance(self, s):
        until_ns = self.now_ns + int(s * SECOND_NS)
        while self._due and self._due[0][0] <= until_ns:
            self.step()
        self.now_ns = until_ns


class Timer:
    def __init__(self, callback):
        self.callback = callback

    def cancel(self):
        self.callback = None

    def ring(self):
        callback, self.callback = self.callback, None
        callback()


class ScriptedClient:
    """Plays one behaviour a request, the last one for ever; answers and fails as providers/client.py does."""

    def __init__(self, time):
        self.time = time
        self.script = []
        self.requests = []
        self.open_connections = 0
        self.echoes = False

    def send(self, origin, request, timeouts, deadline_ns, on_sent=None):
        plays = self._next(request, on_sent)
        pending = Pending()
        if not isinstance(plays, Tells):
            self._hold(pending)
            return self._head(self._echoed(plays, request), pending, timeouts, deadline_ns, self._answer)
        source = ScriptedSource(self, plays, timeouts, deadline_ns)
        pending.on_abandon = source.cancel
        self._collect(source, pending, plays, b"")
        return pending

    def stream(self, origin, request, timeouts, deadline_ns, on_sent=None):
        plays = self._next(request, on_sent)
        pending = Pending()
        if isinstance(plays, Tells):
            pending.resolve(ScriptedSource(self, plays, timeouts, deadline_ns))
            return pending
        self._hold(pending)
        return self._head(plays, pending, timeouts, deadline_ns, self._source_of)

    def _echoed(self, plays, request):
        if not self.echoes or not isinstance(plays, Says) or plays.status != 200:
            return plays
        return structs.replace(plays, body=b'{"label": %s, "tokens": 1}' % request.body)

    def _next(self, request, on_sent):
        self.requests.append(request)
        plays = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if on_sent is not None and not isinstance(plays, Refuses):
            on_sent()
        return plays

    def _hold(self, pending):
        self.open_connections += 1
        pending.on_abandon = lambda: self._let_go(pending)

    def _let_go(self, pending):
        """The connection that carries this call is free or closed, once."""
        if pending.on_abandon is not None:
            pending.on_abandon = None
            self.open_connections -= 1

    def _head(self, plays, pending, timeouts, deadline_ns, answer):
        def fail(error):
            if pending.on_abandon is not None:
                self._let_go(pending)
                pending.fail(error)

        def good():
            if pending.on_abandon is not None:
                self._let_go(pending)
                pending.resolve(answer(plays, timeouts, deadline_ns))

        if isinstance(plays, Refuses):
            fail(ProviderUnreachable(reason="scripted"))
        elif isinstance(plays, Resets):
            fail(ProviderDown(reason="scripted"))
        elif isinstance(plays, Says) and not plays.after_s:
            good()
        else:
            if isinstance(plays, Says):
                self.time.call_later(plays.after_s, good)
            left_s = (deadline_ns - self.time.now_ns) / SECOND_NS
            self.time.call_later(left_s, lambda: fail(DeadlineExceeded(reason="scripted")))
            self.time.call_later(
                min(timeouts.first_byte_s, timeouts.total_s), lambda: fail(ProviderTimeout(reason="scripted"))
            )
        return pending

    def _answer(self, plays, timeouts, deadline_ns):
        return HttpResponse(plays.status, dict(plays.headers), plays.body)

    def _source_of(self, plays, timeouts, deadline_ns):
        source = ScriptedSource(self, Tells((plays.body,), status=plays.status), timeouts, deadline_ns)
        source.headers = dict(plays.headers)
        return source

    def _collect(self, source, pending, plays, body):
        read = source.next()

        def came():
            if read.error is not None:
                pending.fail(read.error)
            elif read.result() is None:
                pending.resolve(HttpResponse(plays.status, {}, body))
            else:
                self._collect(source, pending, plays, body + read.result())

        read.when_done(came)


class ScriptedSource:
    def __init__(self, client, plays, timeouts, deadline_ns):
        self.status, self.headers = plays.status, {}
        self._client, self._plays, self._timeouts, self._deadline_ns = client, plays, timeouts, deadline_ns
        self._left = list(plays.pieces)
        self._is_open = True
        client.open_connections += 1

    def next(self):
        pending = Pending()
        time, plays = self._client.time, self._plays
        if not self._left and plays.then == "reset":
            self._fail(pending, ProviderDown(reason="scripted"))
        elif not self._left and plays.then == "stall":
            time.call_later(self._timeouts.idle_s, lambda: self._fail(pending, ProviderTimeout(reason="scripted")))
        elif plays.gap_s:
            time.call_later(min(plays.gap_s, self._timeouts.idle_s), lambda: self._give(pending))
        else:
            self._give(pending)
        pending.on_abandon = self.cancel
        return pending

    def cancel(self):
        self._left.clear()
        self._close()

    def _give(self, pending):
        if self._plays.gap_s > self._timeouts.idle_s:
            self._fail(pending, ProviderTimeout(reason="scripted"))
        elif self._left:
            pending.resolve(self._left.pop(0))
        else:
            self._close()
            pending.resolve(None)

    def _fail(self, pending, error):
        self._close()
        pending.fail(error)

    def _close(self):
        if self._is_open:
            self._is_open = False
            self._client.open_connections -= 1


class EchoKey:
    """A credential that names itself, and can be stale."""

    def __init__(self, name, is_stale=False, refusal=None):
        self.name, self.is_stale, self.refusal, self.refreshed = name, is_stale, refusal, 0

    def is_fresh(self, wall_ns):
        return not self.is_stale

    def refresh(self, wall_ns):
        self.refreshed += 1
        if self.refusal is not None:
            raise self.refusal
        self.is_stale = False

    def signed(self, request, origin, wall_ns):
        return HttpRequest(request.method, request.path, (*request.headers, ("x-key", self.name)), request.body)


class Echo:
    """An operation over a small protocol of its own: JSON in and out, or `data:` events that end with [DONE]."""

    task, model, can_stream = "text-classification", "echo-1", True

    def request(self, ask):
        if b"forbidden" in ask.document:
            raise ProviderRefused("No such word.")
        return HttpRequest("POST", "/echo", body=ask.document)

    def reply(self, ask, response):
        told = json.decode(response.body)
        if "error" in told:
            raise ProviderBusy(reason=str(told["error"]))
        return Answer(response.body, Usage(output_tokens=told.get("tokens")), "echo-1-june")

    def failure(self, response):
        kinds = {401: ProviderKeyRejected, 429: ProviderBusy}
        kind = kinds.get(response.status, ProviderDown if response.status >= 500 else ProviderRefused)
        said = response.headers.get("retry-after")
        return kind(retry_after_s=float(said) if said else None, reason=response.body.decode("latin-1"))

    def reader(self, ask):
        return EchoReader()


class EchoReader:
    def __init__(self):
        self._kept, self._is_done = b"", False

    def feed(self, data):
        *lines, self._kept = (self._kept + data).split(b"\n\n")
        return [piece for line in lines for piece in self._read(line.removeprefix(b"data: "))]

    def finish(self):
        if not self._is_done:
            raise ProviderBroken(reason="no end")
        return []

    def _read(self, line):
        if line == b"[DONE]":
            self._is_done = True
            return []
        told = json.decode(line)
        if "error" in told:
            raise ProviderBusy(reason=str(told["error"]))
        if "tokens" in told:
            return [Piece(usage=Usage(output_tokens=told["tokens"]))]
        return [Piece(line, is_content="text" in told, model="echo-1-june")]


class CountedMoney:
    """Remembers what was set aside and how it was settled; an output token costs 10."""

    def __init__(self):
        self.held, self.settled, self.freed, self.refusal, self._numbers = {}, [], 0, None, count(1)
        self.output_cap, self.corrected = None, []

    def reserve(self, call, caller, service, added_tokens=0):
        if self.refusal is not None:
            raise self.refusal
        number = next(self._numbers)
        self.held[number] = (service, len(call.payload.document) + added_tokens)
        return Reservation(number, 1000, output_cap=self.output_cap)

    def hold(self, call, caller, service, needs):
        return self.reserve(call, caller, service)

    def is_sold_whole(self, service):
        return False

    def batch_micros(self, used):
        return sum(each.input_tokens + 10 * each.output_tokens for each in used.values())

    def correct(self, accounts, by_micros):
        self.corrected.append(by_micros)

    def settle(self, reservation, usage, *, is_free=False):
        del self.held[reservation.number]
        if is_free:
            self.freed += 1
            return Settlement(reservation, 0)
        self.settled.append(usage)
        tokens = None if usage is None else usage.output_tokens
        return Settlement(reservation, None if tokens is None else tokens * 10)


class Opened:
    """Remembers what was told before each sending, how many requests had been sent then, and what each came to."""

    caller = Caller("k_ann", "ann", Auth.KEY)
    at_wall_ns = 1000 * SECOND_NS

    def __init__(self, client):
        self._client, self.reservations, self.settlements, self.error = client, [], [], None

    async def open(self, reservation=None):
        if self.error is not None:
            raise self.error
        self.reservations.append((reservation.number, len(self._client.requests)))

    def settle(self, settlement, *, may_go_on=False):
        self.settlements.append((settlement.reservation.number, settlement.micros))


class FakeWorld:
    """Everything a target outside needs, on time moved by hand."""

    origin = Origin("http", "up.example", 80)

    def __init__(self):
        self.clock = self.timers = self.time = Time()
        self.client = ScriptedClient(self.time)
        self.money = CountedMoney()
        self.offloaded, self.offload_s = 0, 0.01

    def plays(self, *script):
        self.client.script = list(script)

    def tools(self):
        return Tools(self.client, self.clock, self.timers, self._offload, lambda: 0.5, self.money)

    def wait(self, pending):
        """Let time pass until it is done."""
        while not pending.is_done and self.time.step():
            pass
        return pending

    def turn(self):
        """Let a little time pass."""
        self.time.advance(0.001)

    def settle(self):
        """Let time pass until nothing is due."""
        while self.time.step():
            pass

    def close(self):
        pass

    def sent(self):
        return len(self.client.requests)

    def keys_used(self):
        return [dict(request.headers).get("x-key") for request in self.client.requests]

    def _offload(self, work):
        self.offloaded += 1
        pending = Pending()

        def run():
            try:
                pending.resolve(work())
            except Exception as error:
                pending.fail(error)

        self.time.call_later(self.offload_s, run)
        return pending


def bound(world, *keys):
    return Bound(Echo(), world.origin, keys)


def make_call(clock, document=b'"hello"', timeout_s=10.0, media="application/json", targets=("up/echo",), **payload):
    endpoint = Endpoint(
        "mood", 1, CONTRACT, tuple(TargetChoice(name) for name in targets), timeout_s=timeout_s, id="mood/v1"
    )
    deadline_ns = clock.monotonic_ns() + int(timeout_s * SECOND_NS)
    return Call(endpoint, Payload(document, **payload), media, deadline_ns)


QUICK = Timeouts(connect_s=1.0, first_byte_s=2.0, idle_s=2.0, total_s=8.0)
