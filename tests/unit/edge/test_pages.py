"""Refusals that a browser's page can read, where its origin is a configured one."""

import pytest

from headworks.edge.pages import Pages, origin_in
from headworks.values import Reply
from tests.fakes_edge import FakeApp, run_edge

GET = b"GET /a HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
ORIGIN = b"Origin: https://good.example\r\n"


@pytest.mark.parametrize(
    ("head", "origin"),
    [
        (GET + HOST + ORIGIN + b"\r\n", "https://good.example"),
        (GET + b"oRiGiN:https://good.example", "https://good.example"),
        (GET + HOST + b"\r\n" + ORIGIN + b"\r\n", ""),
        (GET + ORIGIN + ORIGIN + b"\r\n", ""),
        (GET + b"X-Origin: https://good.example\r\n\r\n", ""),
        (GET + b"Origin: https://good.example, https://evil.example\r\n\r\n", ""),
        (GET + b"Origin: \xff\r\n\r\n", ""),
        (b"", ""),
    ],
)
def test_the_origin_of_a_head_that_was_not_understood_is_found_or_left(head, origin):
    assert origin_in(head) == origin


@pytest.mark.parametrize("origin", [None, "", "null", "https://evil.example", "https://good.example.evil.example"])
def test_other_pages_are_told_nothing(origin):
    reply = Reply(400, ())

    assert Pages(("https://good.example",), 60).readable(reply, origin) is reply


@pytest.mark.parametrize(
    "request_bytes",
    [
        GET + b"Host: evil.example\r\n" + ORIGIN + b"\r\n",
        GET + HOST + ORIGIN + b"X: a\x00b\r\n\r\n",
        b"POST /a HTTP/1.1\r\n" + HOST + ORIGIN + b"Content-Length: 99999999999\r\n\r\n",
        b"POST /a HTTP/1.1\r\n" + HOST + ORIGIN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        GET + HOST + ORIGIN + b"X: " + b"x" * 40_000,
    ],
    ids=["host", "value", "length", "chunk", "size"],
)
def test_whoever_asks_is_named_to_the_application_when_a_request_is_refused(request_bytes):
    app = FakeApp()

    async def scenario(bench):
        client = await bench.connect()
        return await client.ask(request_bytes)

    assert run_edge(scenario, app)[0] >= 400
    assert app.refused_pages == ["https://good.example"]


def test_a_head_that_did_not_come_whole_in_time_is_refused_by_name():
    app = FakeApp()

    async def scenario(bench):
        client = await bench.connect()
        await client.send(GET + HOST + ORIGIN)
        await bench.pass_time(60)
        return await client.reply()

    assert run_edge(scenario, app)[0] == 408
    assert app.refused_pages == ["https://good.example"]
