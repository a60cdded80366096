import argparse
import asyncio
import json

import pytest
import wsproto
from examples.demo.chat import CONVERSATION, NotAnswered, chat, connected
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, Request, TextMessage

KEY = "hw_test_key"


class Service:
    """Answers the chat's two endpoints over a WebSocket; `held` calls are answered together, the last one first."""

    def __init__(self, hold=1):
        self.hold = hold
        self.asked = []
        self.connections = 0

    async def serve(self, reader, writer):
        self.connections += 1
        socket, held = wsproto.WSConnection(wsproto.ConnectionType.SERVER), []
        while data := await reader.read(65536):
            socket.receive_data(data)
            for event in socket.events():
                if isinstance(event, Request):
                    is_known = (b"authorization", f"Bearer {KEY}".encode()) in event.extra_headers
                    writer.write(socket.send(AcceptConnection() if is_known else RejectConnection(status_code=401)))
                elif isinstance(event, TextMessage):
                    held.append(json.loads(event.data))
                elif isinstance(event, CloseConnection):
                    writer.write(socket.send(event.response()))
            if len(held) >= self.hold:
                for call in reversed(held):
                    writer.write(socket.send(TextMessage(json.dumps(self.answer(call)))))
                held = []
        writer.close()
        await writer.wait_closed()

    def answer(self, call):
        self.asked.append((call["endpoint"], call["version"]))
        if call["input"]["inputs"] == "?":
            return {"id": call["id"], "status": 503, "error": {"title": "Overloaded"}}
        if call["endpoint"] == "translate":
            return {"id": call["id"], "status": 200, "output": {"translation_text": call["input"]["inputs"].upper()}}
        return {"id": call["id"], "status": 200, "output": [{"label": "positive", "score": 0.9}]}


def with_service(service, client):
    async def run():
        server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
        async with server:
            return await asyncio.wait_for(client(server.sockets[0].getsockname()[1]), timeout=10)

    return asyncio.run(run())


def words(port):
    return argparse.Namespace(url=f"http://127.0.0.1:{port}", key=KEY, play=True)


def test_a_conversation_uses_two_endpoints_over_one_connection(capsys):
    service = Service(hold=6)

    with_service(service, lambda port: chat(words(port)))

    shown = capsys.readouterr().out
    assert service.connections == 1
    assert sorted(service.asked) == [("sentiment", 2)] * 6 + [("translate", 1)] * 6
    for line in CONVERSATION:
        assert f"{line[:2]}: {line[4:]}\n  {'pt' if line[:2] == 'en' else 'en'}: {line[4:].upper()}\n" in shown


def test_answers_find_their_calls_in_whatever_order_they_come():
    async def client(port):
        async with connected(f"http://127.0.0.1:{port}", KEY) as calls:
            asked = [calls.ask("translate", 1, {"inputs": text}) for text in ("one", "two", "three")]
            answers = await asyncio.gather(*asked)
        return [answer["translation_text"] for answer in answers]

    assert with_service(Service(hold=3), client) == ["ONE", "TWO", "THREE"]


def test_a_refused_call_is_that_calls_alone():
    async def client(port):
        async with connected(f"http://127.0.0.1:{port}", KEY) as calls:
            asked = [calls.ask("translate", 1, {"inputs": text}) for text in ("?", "two")]
            return await asyncio.gather(*asked, return_exceptions=True)

    refused, answered = with_service(Service(hold=2), client)
    assert str(refused) == "Overloaded"
    assert answered == {"translation_text": "TWO"}


def test_a_wrong_key_is_refused_before_any_call():
    service = Service()

    async def client(port):
        async with connected(f"http://127.0.0.1:{port}", "wrong"):
            pass

    with pytest.raises(NotAnswered, match="401"):
        with_service(service, client)
    assert service.asked == []
