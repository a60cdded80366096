"""Money under everything at once: callers who leave, deadlines, retries, hedges, fallbacks, streams that break, kill -9.

The services outside play dice, and keep their own book of what they would bill. What the tables say is held against that
book and against itself: never overspent, never less than was billed, every budget the same, and memory as the tables.
"""

import json
import random
import signal
import sqlite3
import threading
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from time import sleep

import pytest

from tests.heavy import times
from tests.loopback import listening
from tests.running import service, start, write_config
from tests.talking import Crowd, Talk

CLIENTS = 12
ROUNDS = times(2, 8)
CALLS_A_ROUND = times(150, 600)
CAP = 10
TOKEN_MICROS = 100_000
MOST_MICROS = CAP * TOKEN_MICROS
LIMIT_USD = times(90, 900)
CONFIG = """
providers:
  up: {{kind: openai, base_url: "{url}", api_keys: [k1, k2], hedge: 0.5, resend: true, attempts: 3, total_timeout: 1s}}
  other: {{kind: openai, base_url: "{url}", api_keys: [k1, k2], hedge: 0.5, total_timeout: 1s}}
endpoints:
  one: {{v1: {{task: chat, targets: ["up/one"], timeout: 2s}}}}
  chain: {{v1: {{task: chat, targets: ["up/a", "other/b"], timeout: 2s}}}}
  heard: {{v1: {{task: chat, targets: ["up/c"], timeout: 2s, on_disconnect: finish, cache: {{fresh: 1s}}}}}}
prices:
  up/one: {{input: 0, output: 100000}}
  up/a: {{input: 0, output: 100000}}
  up/c: {{input: 0, output: 100000}}
  other/b: {{input: 0, output: 100000}}
budgets:
  all: {{limit: {limit} USD, period: total}}
  each-key: {{per: key, limit: {limit} USD, period: month}}
  each-endpoint: {{per: endpoint, limit: {limit} USD, period: day}}
logs: {{calls: false}}
"""
HEAD = "HTTP/1.1 {} X\r\ncontent-type: {}\r\n{}\r\n\r\n"


class Dice:
    """What a service outside does with each request, and its book: what it would bill, in tokens."""

    def __init__(self, seed):
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self.billed = 0
        self.asked = 0

    def thrown(self, most):
        """What to do, and with how many tokens."""
        with self._lock:
            self.asked += 1
            what = self._chance.choices(
                ("good", "slow", "stuck", "down", "busy", "garbage", "reset", "cut"), (84, 3, 1, 3, 2, 2, 3, 2)
            )[0]
            return what, self._chance.randint(0, most)

    def bill(self, tokens):
        with self._lock:
            self.billed += tokens


def chunk(delta, finish=None, **more):
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}] if delta is not None else []
    told = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}
    return b"data: " + json.dumps(told).encode() + b"\n\n"


@contextmanager
def playing(dice):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self):
            with suppress(OSError):  # many connections are cut, and the server would tell of each
                super().handle()

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            what, tokens = dice.thrown(asked["max_tokens"])
            with suppress(OSError):
                self._play(what, tokens, asked.get("stream", False))

        def _play(self, what, tokens, is_stream):
            if what in {"down", "busy"}:
                self._tell(500 if what == "down" else 429, b'{"error": {"message": "no", "type": "x", "code": null}}')
                return
            if what == "reset":
                dice.bill(tokens)
                self.close_connection = True
                self.connection.shutdown(2)
                return
            sleep({"slow": 0.3, "stuck": 1.5}.get(what, 0.003))
            dice.bill(tokens)
            if what == "garbage":
                self._tell(200, b"{nonsense")
                return
            used = {"prompt_tokens": 0, "completion_tokens": tokens, "total_tokens": tokens}
            if is_stream:
                self._stream(what, used)
                return
            choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
            told = {
                "id": "c",
                "object": "chat.completion",
                "created": 1,
                "model": "m",
                "choices": [choice],
                "usage": used,
            }
            body = json.dumps(told).encode()
            self._tell(200, body, len(body) + (5 if what == "cut" else 0))
            self.close_connection = what == "cut"

        def _tell(self, status, body, length=None):
            head = HEAD.format(status, "application/json", f"content-length: {len(body) if length is None else length}")
            self.wfile.write(head.encode() + body)

        def _stream(self, what, used):
            self.wfile.write(HEAD.format(200, "text/event-stream", "transfer-encoding: chunked").encode())
            for number in range(5):
                self._part(chunk({"content": f"{number}"}))
                sleep(0.002)
            if what == "cut":
                self.close_connection = True
                return
            self._part(chunk({}, "stop"))
            self._part(chunk(None, usage=used))
            self._part(b"data: [DONE]\n\n")
            self._part(b"")

        def _part(self, data):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

        def log_message(self, *words):
            pass

    with listening(Handler, threading.Event()) as url:
        yield url


class Caller:
    """Asks this and that, and often does not wait for the answer."""

    def __init__(self, port, key, number):
        self._chance = random.Random(number)
        self._port, self._key = port, key

    def __call__(self):
        chance = self._chance
        headers = {"Accept": "text/event-stream"} if chance.random() < 0.4 else {}
        if chance.random() < 0.15:
            headers["X-Deadline-Ms"] = str(chance.randint(1, 400))
        asked = {"messages": [{"role": "user", "content": f"{chance.randint(1, 40)}"}], "max_tokens": CAP}
        with Talk(self._port, self._key) as talk:
            talk.ask(f"/api/{chance.choice(('one', 'chain', 'heard'))}/v1", asked, headers=headers)
            if chance.random() < 0.25:
                sleep(chance.random() * 0.05)
                chance.choice((talk.close, talk.reset))()
                return "left"
            return talk.answer().status


def book(home):
    """What the tables say: spent by account, held, what closed rows cost, and what usage sums to."""
    with closing(sqlite3.connect(home / "records.db")) as records:
        spent = dict(records.execute("SELECT account, sum(micros) FROM spent GROUP BY account"))
        (held,) = records.execute("SELECT coalesce(sum(micros), 0) FROM reserved").fetchone()
        closed = "FROM records WHERE kind = 'closed'"
        (cost,) = records.execute(f"SELECT coalesce(sum(cost_micros), 0) {closed}").fetchone()
        used = records.execute("SELECT sum(cost_micros) FROM used").fetchone()
    return spent, held, cost, used[0]


def under(spent, budget):
    return sum(micros for account, micros in spent.items() if account.startswith(f"{budget}|"))


def asked(tokens, words="x"):
    return {"messages": [{"role": "user", "content": words}], "max_tokens": tokens}


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(times(1, 5)))
def test_whatever_happens_no_budget_is_overspent_and_no_sum_drifts(tmp_path, seed):
    dice, home, chance, statuses = Dice(seed), tmp_path / "home", random.Random(seed), []
    keys: list[str] = []
    with playing(dice) as url:
        config = write_config(tmp_path, CONFIG.format(url=url, limit=LIMIT_USD))
        for number in range(ROUNDS):
            running = start(config, home, key=keys[0] if keys else None)
            keys = keys or [running.key, *(running.make_key(f"caller-{n}") for n in range(2))]
            callers = [Caller(running.port, keys[n % 3], 1000 * seed + 100 * number + n) for n in range(CLIENTS)]
            with Crowd(running.port, keys[0], lambda _, n, of=callers: of[n](), CLIENTS, may_break=True) as crowd:
                crowd.until(CALLS_A_ROUND)
                if chance.random() < 0.7:
                    running.stop(signal.SIGKILL)
            statuses += crowd.kept
            is_last = number + 1 == ROUNDS
            if is_last and running.process.poll() is None:
                running.until(lambda: book(home)[1] == 0)
            running.stop()
            assert under(book(home)[0], "all") <= LIMIT_USD * 1_000_000
        with service(config, home, key=keys[0]) as running:
            left = LIMIT_USD * 1_000_000 - under(book(home)[0], "all")
            verified = running.cli("records", "verify")
            too_much = running.call("/api/one/v1", asked(left // TOKEN_MICROS + 1)).status
            just_enough = running.call("/api/one/v1", asked(left // TOKEN_MICROS)).status if left else 402

    spent, held, cost, used = book(home)
    all_spent = under(spent, "all")
    told = {each: statuses.count(each) for each in sorted(set(statuses), key=str)}
    print(
        f"\n{len(statuses)} calls, {dice.asked} requests: {told}; spent {all_spent} of {LIMIT_USD} USD, billed {dice.billed}"
    )
    assert held == 0
    assert dice.billed * TOKEN_MICROS <= all_spent <= LIMIT_USD * 1_000_000
    assert all_spent == under(spent, "each-key") == under(spent, "each-endpoint")
    assert all_spent == cost == used
    assert too_much == 402
    assert just_enough != 402 or not left
    assert verified["whole"]
    assert statuses.count(200) > 50
