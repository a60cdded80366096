"""The operations behind the routes that call no model: catalogue, pages, health, metrics, administration.

Each passes the whole story: known caller, admitted, and recorded where it reads or changes something of weight.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from headworks.acts import CHANGES
from headworks.commands import Command
from headworks.errors import Malformed, NotBuilt
from headworks.ports import Action, Answer, Ask
from headworks.routes import NOT_BUILT
from headworks.watch.health import Health
from headworks.watch.metrics import MEDIA
from headworks.watch.watch import LoggedWatch

MOST_QUERY_FIELDS = 16
_NO_STORE = (("Cache-Control", "no-store"),)

_json = msgspec.json.Encoder().encode
Run = Callable[[Ask], Coroutine[Any, Any, Answer]]


class Operation:
    """An Action made of a coroutine function; see ports.Action."""

    def __init__(self, run: Run, *, is_recorded: bool, is_change: bool = False) -> None:
        self.run = run
        self.is_recorded = is_recorded
        self.is_change = is_change


def health_operations(health: Health, watch: LoggedWatch) -> dict[str, Action]:
    """What an orchestrator and a scraper ask; never recorded."""

    async def live(ask: Ask) -> Answer:
        return Answer(_json(health.live()), headers=_NO_STORE)

    async def ready(ask: Ask) -> Answer:
        status, document = health.ready()
        return Answer(_json(document), status=status, headers=_NO_STORE)

    async def page(ask: Ask) -> Answer:
        return Answer(watch.page(), MEDIA, headers=_NO_STORE)

    return {
        "health.live": Operation(live, is_recorded=False),
        "health.ready": Operation(ready, is_recorded=False),
        "metrics": Operation(page, is_recorded=False),
    }


def command_operations(commands: Mapping[str, Command]) -> dict[str, Action]:
    """An administrator's commands over HTTP: the words are the JSON body, or the query of a GET; all are recorded."""

    def operation(command: Command, *, is_change: bool) -> Operation:
        async def run(ask: Ask) -> Answer:
            words = ask.raw.body if ask.raw.method == "POST" else query_words(ask.raw.query)
            return Answer(_json(await command(words, ask.caller)), headers=_NO_STORE)

        return Operation(run, is_recorded=True, is_change=is_change)

    return {name: operation(command, is_change=name in CHANGES) for name, command in commands.items()}


def not_built() -> dict[str, Action]:
    """The answer of paths that are planned."""

    async def run(ask: Ask) -> Answer:
        raise NotBuilt(f"{ask.raw.path} is not available in this version.")

    return {NOT_BUILT: Operation(run, is_recorded=False)}


def query_words(query: str) -> dict[str, object]:
    """The words of a query string; whole numbers become numbers.

    Raises: Malformed.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_QUERY_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise Malformed(f"The query string is not UTF-8 or has more than {MOST_QUERY_FIELDS} fields.") from None
    return {
        name: int(value) if value.isascii() and value.isdigit() and len(value) < 10 else value for name, value in pairs
    }
