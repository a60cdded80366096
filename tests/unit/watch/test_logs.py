import asyncio
import json
import os

import pytest

from headworks.errors import ModelError
from headworks.identity.key_text import mint, redact
from headworks.units import RequestId
from headworks.watch.ended import Ended
from headworks.watch.logs import LONGEST_TEXT, MOST_BUFFERED_BYTES, Logs
from headworks.watch.sink import ThreadSink
from tests.fakes_keys import FakeClock, FakeRandom
from tests.unit.watch.entries import make_entry

KEY = mint("hw", "live", FakeRandom())


class FakeSink:
    """Keeps what it is offered; refuses while busy."""

    def __init__(self):
        self.text = b""
        self.is_busy = False

    def offer(self, batch):
        if not self.is_busy:
            self.text += batch
        return not self.is_busy

    @property
    def lines(self):
        return [json.loads(line) for line in self.text.decode().splitlines()]


def log(logs, *entries):
    ended = Ended(lambda: None)
    for entry in entries:
        ended.add(entry)
    for kind, own in ended.take():
        logs.calls(kind, own)


@pytest.fixture
def sink():
    return FakeSink()


@pytest.fixture
def logs(sink):
    return Logs(sink, redact, FakeClock())


def test_a_call_is_one_line_with_its_request_id_and_no_content(logs, sink):
    log(logs, make_entry(input=(b"SECRET INPUT",), output=b"SECRET OUTPUT", subject="jane@example.org"))
    assert sink.text == b""
    logs.flush()

    (line,) = sink.lines
    assert (line["event"], line["request_id"], line["caller"], line["outcome"]) == (
        "call",
        "01request",
        "abcdefgh",
        "ok",
    )
    assert (line["time"], line["level"], line["total_us"]) == ("2027-01-15T08:00:00.123Z", "info", 3000)
    assert b"SECRET" not in sink.text
    assert b"jane" not in sink.text


def test_times_follow_the_second(logs, sink):
    log(logs, make_entry())
    later = make_entry()
    later.at_wall_ns += 1_000_000_000
    log(logs, later)
    logs.flush()

    assert [line["time"][17:] for line in sink.lines] == ["00.123Z", "01.123Z"]


def test_failures_of_ours_are_warnings(logs, sink):
    for status in (200, 422, 502):
        log(logs, make_entry(status=status))
    logs.flush()

    assert [line["level"] for line in sink.lines] == ["info", "info", "warning"]


def test_calls_can_be_left_out_and_probes_that_went_well_always_are(sink):
    quiet = Logs(sink, redact, FakeClock(), has_calls=False)
    log(quiet, make_entry())
    quiet.flush()
    logs = Logs(sink, redact, FakeClock())
    log(logs, make_entry(route="/health/ready"))
    log(logs, make_entry(route="/health/ready", status=503))
    logs.flush()

    assert [line["status"] for line in sink.lines] == [503]


def test_a_key_in_what_a_caller_chose_is_redacted(logs, sink):
    log(logs, make_entry(client_request_id=f"id-{KEY.reveal()}"))
    logs.event("worker_said", text=f"token={KEY.reveal()} " + "x" * 20_000, count=3)
    logs.flush()

    assert KEY.secret.encode() not in sink.text
    assert sink.lines[0]["client_request_id"] == f"id-hw_live_{KEY.key_id}_…"
    assert len(sink.lines[1]["text"]) == LONGEST_TEXT


@pytest.mark.parametrize("at", range(79_900, 80_001, 7))
def test_no_cut_leaves_a_part_of_a_key(logs, sink, at):
    text = "y" * at + KEY.reveal() + "z" * 200_000
    logs.event("said", text=text)
    logs.failure(RequestId("01r"), ValueError("z" * 200_000 + KEY.reveal() + "y" * at))
    logs.flush()

    assert KEY.secret[:12].encode() not in sink.text
    assert KEY.secret[-12:].encode() not in sink.text


def test_a_failure_is_logged_with_its_kind_and_a_bounded_trace(logs, sink):
    try:
        try:
            raise ValueError(f"with {KEY.reveal()}" + "x" * 50_000)
        except ValueError as error:
            raise ModelError(reason=f"because {KEY.reveal()}") from error
    except ModelError as error:
        logs.failure(RequestId("01r"), error)
    logs.flush()

    (line,) = sink.lines
    assert (line["event"], line["level"], line["request_id"], line["kind"]) == ("failure", "error", "01r", "ModelError")
    assert line["reason"].startswith("because hw_live_")
    assert "test_logs.py" in line["trace"]
    assert len(line["trace"]) <= LONGEST_TEXT
    assert KEY.secret.encode() not in sink.text


def test_what_nothing_caught_in_the_loop_is_a_line_like_others_and_redacted(logs, sink):
    async def scene():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(logs.unforeseen)
        loop.call_soon(int, f"with {KEY.reveal()}")
        loop.call_exception_handler({"message": f"A transport broke with {KEY.reveal()}"})
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(scene())
    logs.flush()

    assert [(line["event"], line["level"]) for line in sink.lines] == [("failure", "error")] * 2
    assert sink.lines[0]["reason"].startswith("A transport broke with ")
    assert sink.lines[1]["kind"] == "ValueError"
    assert KEY.secret.encode() not in sink.text


def test_no_text_can_forge_a_line_or_break_the_log(logs, sink):
    logs.event("said", text='a\nb"}\r{"event":"forged"}', bad="\ud800")
    log(logs, make_entry(client_request_id="a\nb\ud800"))
    logs.flush()

    assert [line["event"] for line in sink.lines] == ["said", "call"]


def test_a_busy_sink_keeps_lines_waiting_in_order(logs, sink):
    logs.event("one")
    sink.is_busy = True
    logs.flush()
    logs.event("two")
    sink.is_busy = False
    logs.flush()
    logs.flush()

    assert [line["event"] for line in sink.lines] == ["one", "two"]


def test_lines_beyond_the_bound_are_dropped_and_told(logs, sink):
    sink.is_busy = True
    size = len(json.dumps({"event": "said", "text": "x" * 5000}))
    for _ in range(MOST_BUFFERED_BYTES // size + 100):
        logs.event("said", text="x" * 5000)
    sink.is_busy = False
    dropped = logs.dropped
    logs.flush()
    logs.flush()

    assert 0 < dropped <= 100 + MOST_BUFFERED_BYTES // size // 50
    assert (sink.lines[-1]["event"], sink.lines[-1]["count"]) == ("log_lines_dropped", dropped)
    assert logs.dropped == dropped


def test_the_thread_writes_every_line_whole_and_in_order():
    reader, writer = os.pipe()
    sink = ThreadSink(writer)
    batches = [f"line {number}\n".encode() * 500 for number in range(20)]
    taken = b""
    for batch in batches:
        assert sink.offer(batch)
        while len(batch) > 0:
            part = os.read(reader, 65_536)
            taken += part
            batch = batch[len(part) :]
        assert sink.wait(5)
    sink.close(5)
    os.close(writer)
    os.close(reader)

    assert taken == b"".join(batches)


def test_a_pipe_that_nobody_reads_refuses_the_next_batch_and_stops_nobody():
    reader, writer = os.pipe()
    sink = ThreadSink(writer)

    assert sink.offer(b"x" * 200_000)
    assert not sink.offer(b"y")
    os.read(reader, 200_000)
    os.close(reader)
    assert sink.wait(5)
    assert sink.offer(b"lost\n")
    sink.close(5)
    os.close(writer)
