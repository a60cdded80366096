"""Commands that are given on the machine itself, each in the record: who gave it, what it was told, how it ended.

What changes something is in the record before it is done (a row `opened`, closed by its end before that is answered, or by
the next start as `unknown_outcome`); what only tells, before it is answered.
"""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Protocol

import msgspec
from msgspec import Struct, structs

from headworks.admin.person import Person
from headworks.commands import Command
from headworks.errors import HeadworksError, Internal
from headworks.identity.key_text import redact
from headworks.pending import Pending
from headworks.recording import Entry, Ledger
from headworks.units import Clock, RequestIds
from headworks.values import RecordMode

MOST_TOLD_CHARS = 8192
OK = 200
BEGUN = "begun"
Given = Callable[[Mapping[str, Any], Person], Coroutine[Any, Any, object]]
"""A command with its words, and who gives it."""


class Told(Struct, frozen=True):
    """What the record keeps, encrypted, of a command's words and of its result: no key, and nobody's name."""

    words: tuple[str, ...] = ()
    result: tuple[str, ...] = ()


CHANGES: Mapping[str, Told] = {
    "keys.create": Told(
        ("name", "scopes", "rate", "concurrency", "tokens", "tenant", "expires", "networks"), ("id", "expires")
    ),
    "keys.rotate": Told(("id", "overlap", "expires"), ("id", "expires")),
    "keys.revoke": Told(("id",), ("id", "name")),
    "keys.exchange": Told(("name",), ("id", "expires")),
    "models.swap": Told(("name", "to"), ("version", "was")),
    "models.reload": Told((), ("changed", "swapped", "waiting")),
    "records.erase": Told((), ("record", "data_keys")),
    "records.rekey": Told((), ("keys", "unreadable", "was_begun")),
}
"""Commands that change something."""


SETTLED = "records.settled"
READ = ("read", "request_id", "filter")
"""What is told of a reading."""


class Accessed(Protocol):
    """See records.ledger.Ledger."""

    def accessed(self, actor: str, what: dict[str, Any]) -> Pending[None]:
        """Record that somebody reads content."""

    def settled(self) -> Pending[None]:
        """Wait for what was promised."""


class Acts:
    """Makes commands into ones that are recorded; `told` hears of each change when it has ended.

    Safe under: one thread, that of the ledger's pending results.
    """

    def __init__(self, ledger: Ledger, clock: Clock, told: Callable[[Entry], None] = lambda entry: None) -> None:
        self._told = told
        self._ledger = ledger
        self._clock = clock
        self._ids = RequestIds(clock)

    def recorded(self, name: str, command: Command) -> Given:
        """The command, which is not carried out, or not answered, where that cannot be recorded.

        Raises: RecordUnavailable, and what the command raises.
        """
        told = CHANGES.get(name)

        async def tell(words: Mapping[str, Any], person: Person) -> object:
            entry = self._entry(name, person)
            try:
                result = await command(words, None)
            except HeadworksError as error:
                with suppress(HeadworksError):
                    await self._ledger.commit(self._ended(entry, error.status, error.code))
                raise
            await self._ledger.commit(self._ended(entry, OK, "ok"))
            return result

        async def change(words: Mapping[str, Any], person: Person) -> object:
            kept = told or Told()
            entry = self._entry(name, person, _shown(kept.words, words))
            number = await self._ledger.open(entry)
            end = self._ended(entry, Internal.status, Internal.code)
            try:
                result = await command(words, None)
                end = self._ended(entry, OK, "ok", _shown(kept.result, result))
            except HeadworksError as error:
                end = self._ended(entry, error.status, error.code)
                raise
            finally:
                closing = self._ledger.close(number, end)  # queued whatever happened; a refusal need not wait for it
                self._told(end)
            await closing
            return result

        return tell if told is None else change

    async def note(self, name: str, person: Person, status: int, outcome: str, result: object = None) -> None:
        """A row of its own, for what is done while the record is closed."""
        entry = self._entry(name, person, b"{}")
        await self._ledger.commit(self._ended(entry, status, outcome, _shown(CHANGES[name].result, result)))

    def _entry(self, name: str, person: Person, words: bytes = b"") -> Entry:
        entry = Entry(self._ids(), self._clock.wall_ns(), name, person.through, str(person))
        entry.input, entry.input_bytes = (words,) if words else (), len(words)
        entry.mode = RecordMode.FULL if words else RecordMode.NONE
        return entry

    def _ended(self, entry: Entry, status: int, outcome: str, result: bytes = b"") -> Entry:
        spent_us = (self._clock.wall_ns() - entry.at_wall_ns) // 1000
        return structs.replace(
            entry, status=status, outcome=outcome, total_us=max(spent_us, 0), output=result, output_bytes=len(result)
        )


def reading(ledger: Accessed) -> Given:
    """The command that makes it a record that somebody on the machine reads content, before it is shown."""

    async def read(words: Mapping[str, Any], person: Person) -> object:
        what = {name: words[name] for name in READ if name in words}
        await ledger.accessed(str(person), what)
        return {}

    return read


def settling(ledger: Accessed) -> Given:
    """The command that waits until the record's files hold all that was promised, before they are read."""

    async def settle(words: Mapping[str, Any], person: Person) -> object:
        await ledger.settled()
        return {}

    return settle


def _shown(names: tuple[str, ...], said: object) -> bytes:
    """What is kept of a mapping, as JSON: bounded, and without the secret of any key that stands in it."""
    told = {name: said[name] for name in names if name in said} if isinstance(said, Mapping) else {}
    text = redact(msgspec.json.encode(told).decode())
    if len(text) > MOST_TOLD_CHARS:
        text = msgspec.json.encode({"cut": text[:MOST_TOLD_CHARS]}).decode()
    return text.encode()
