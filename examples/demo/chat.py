"""A chat across two languages: each line is translated and its mood read, by two endpoints over ONE WebSocket.

python -m examples.demo.chat --key KEY           lines from the keyboard; begin one with "pt:" to speak as Ana
python -m examples.demo.chat --key KEY --play    a short conversation, all of its calls under way at once
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import wsproto
from wsproto.events import AcceptConnection, CloseConnection, Message, Ping, RejectConnection, Request, TextMessage

CONVERSATION = (
    "en: Hello Ana, how is the new project going?",
    "pt: Estou muito feliz, o cliente adorou a proposta!",
    "en: That is wonderful news. And the delivery date?",
    "pt: O prazo é terrível, a equipe está cansada e com raiva.",
    "en: I am sorry to hear that. I will ask for two more weeks.",
    "pt: Muito obrigada, você é um ótimo amigo.",
)
FACES = {"positive": ":)", "neutral": ":|", "negative": ":("}


class NotAnswered(Exception):
    """The service refused the connection or one call, or went away."""


class Calls:
    """One WebSocket, any number of numbered calls under way on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.socket = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self.last = 0

    def send(self, event: Any) -> None:
        """Send one event of the protocol."""
        self.writer.write(self.socket.send(event))

    async def events(self) -> AsyncIterator[Any]:
        """What the other side sends, until it closes."""
        while data := await self.reader.read(65536):
            self.socket.receive_data(data)
            for event in self.socket.events():
                yield event

    async def ask(self, endpoint: str, version: int, document: dict[str, Any]) -> Any:
        """The output of one call; any number of these may wait at once.

        Raises: NotAnswered with the title of the problem.
        """
        self.last += 1
        number = self.last
        self.waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "endpoint": endpoint, "version": version, "input": document}
        self.send(TextMessage(json.dumps(message)))
        try:
            return await self.waiting[number]
        finally:
            del self.waiting[number]

    async def listen(self) -> None:
        """Hand each answer to the call that waits for it, in whatever order they come."""
        text = ""
        async for event in self.events():
            if isinstance(event, Ping):
                self.send(event.response())
            elif isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    self.settle(json.loads(text))
                    text = ""
            elif isinstance(event, Message | CloseConnection):
                break
        for waiting in self.waiting.values():
            waiting.set_exception(NotAnswered("the connection closed"))

    def settle(self, answer: dict[str, Any]) -> None:
        """Give one answer to its call."""
        waiting = self.waiting.get(answer.get("id", 0))
        if waiting is None:
            print(f"  {answer}")
        elif answer["status"] == 200:
            waiting.set_result(answer["output"])
        else:
            waiting.set_exception(NotAnswered(answer["error"]["title"]))


@asynccontextmanager
async def connected(url: str, key: str) -> AsyncIterator[Calls]:
    """An open WebSocket for as long as the block lasts; the key goes in a header, never into the URL.

    Raises: NotAnswered if the service refuses it, OSError if there is none.
    """
    place = urlsplit(url)
    calls = Calls(*await asyncio.open_connection(place.hostname, place.port or 80))
    try:
        await greet(calls, place.netloc, key)
        listening = asyncio.create_task(calls.listen())
        yield calls
        if not listening.done():
            calls.send(CloseConnection(code=1000))
        await listening
    finally:
        calls.writer.close()
        await calls.writer.wait_closed()


async def greet(calls: Calls, host: str, key: str) -> None:
    """Ask for the WebSocket and wait until it is accepted."""
    authorization = (b"authorization", f"Bearer {key}".encode())
    calls.send(Request(host=host, target="/api/translate/v1/ws", extra_headers=[authorization]))
    async for event in calls.events():
        if isinstance(event, RejectConnection):
            raise NotAnswered(f"refused with status {event.status_code}")
        if isinstance(event, AcceptConnection):
            return
    raise NotAnswered("the connection closed")


async def say(calls: Calls, line: str) -> None:
    """Show one line with its translation and its mood; the models read English, so Ana's lines are read translated."""
    language, _, text = line.partition(": ") if line[:3] in ("en:", "pt:") else ("en", "", line)
    other = "pt" if language == "en" else "en"
    try:
        way = {"src_lang": language, "tgt_lang": other}
        translated = (await calls.ask("translate", 1, {"inputs": text, "parameters": way}))["translation_text"]
        english = text if language == "en" else translated
        best, *_ = await calls.ask("sentiment", 2, {"inputs": english, "parameters": {"top_k": 1}})
        print(
            f"{language}: {text}\n  {other}: {translated}\n  {FACES[best['label']]} {best['label']} {best['score']:.2f}"
        )
    except NotAnswered as error:
        print(f"{language}: {text}\n  not answered: {error}")


async def typed() -> AsyncIterator[str]:
    """Lines from the keyboard, while answers keep coming in."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        yield line.strip()


async def chat(words: argparse.Namespace) -> None:
    """Send every line as it is said, and wait for the last answer."""
    async with connected(words.url, words.key) as calls, asyncio.TaskGroup() as group:
        if words.play:
            for line in CONVERSATION:
                group.create_task(say(calls, line))
            return
        async for line in typed():
            if line:
                group.create_task(say(calls, line))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("URL", "http://127.0.0.1:8000"), help="where the service is")
    parser.add_argument("--key", default=os.environ.get("KEY"), help="an API key; the variable KEY unless given")
    parser.add_argument("--play", action="store_true", help="play a short conversation")
    asked = parser.parse_args()
    if not asked.key:
        parser.error("give --key, or set KEY")
    try:
        asyncio.run(chat(asked))
    except (NotAnswered, OSError) as error:
        sys.exit(f"{asked.url}: {error}")
    except KeyboardInterrupt:
        sys.exit(0)
