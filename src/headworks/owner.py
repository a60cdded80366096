"""Commands of the command line, carried out by the running owner of a home or, without one, here."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from headworks.acts import BEGUN, OK, SETTLED, Acts, Given, reading, settling
from headworks.admin.control import ask_owner
from headworks.admin.person import myself, user_name
from headworks.assembly.parts import key_rules, record_settings
from headworks.assembly.people import open_people
from headworks.bridge import Turns
from headworks.commands import key_commands, record_commands
from headworks.errors import BadControl, HeadworksError, HomeUnavailable
from headworks.home import Home
from headworks.identity.actions import CreateKey, order_of, read_form
from headworks.identity.issue import KeyRules
from headworks.records.journal import FILE as JOURNAL
from headworks.records.ledger import Ledger
from headworks.records.opening import open_to_read
from headworks.records.rekey import rekey
from headworks.records.settings import RecordSettings
from headworks.settings import Config
from headworks.stores.belongings import SqliteBelongings
from headworks.units import SystemClock

MAKES_A_HOME = "keys.create"
"""The one command that may come before the first start of a service."""
NEEDS_A_STOP = "records.rekey"
"""The one command that no running service carries out."""

ACCEPTED = 202
THROUGH = "command line"
"""How a command came, as the record says it."""
_OF_READING = {"records.accessed": reading, SETTLED: settling}
UNBOUNDED_BYTES = 2**62
"""Nothing is pruned for the sake of a bound that a service may have otherwise."""


def carry_out(folder: Path, command: str, words: Mapping[str, Any], config: Callable[[], Config] = Config) -> Any:
    """The result of a command on a home, as plain data; `config` is asked, for what it says of the home, when no service runs.

    Raises: BadControl when only a running service can do it, or none may run; HomeUnavailable, and what the command raises.
    """
    home = Home(folder)
    if not folder.exists() and command != MAKES_A_HOME:
        text = f"Home {folder} does not exist; name the home of the service: --home DIR, or $HEADWORKS_HOME."
        raise HomeUnavailable(text)
    if home.is_owned_elsewhere():
        if command == NEEDS_A_STOP:
            text = f"A service runs on {folder}, and the key-encryption key is changed while none does: stop it and try again."
            raise BadControl(text)
        return ask_owner(home.control_path(), command, words)
    if not command.startswith(("keys.", "records.")):
        raise BadControl(f"No service runs on {folder}; start one with `headworks serve --home {folder}`.")
    if not (folder / "keys.db").exists():
        if command != MAKES_A_HOME:
            raise HomeUnavailable(f"{folder} is not a home: no service has run on it, and no key was made for one.")
        order_of(read_form(CreateKey, words))  # words that are refused make no home
    else:
        refuse_anothers(folder, os.geteuid())
    home.lock()
    try:
        settings = structs.replace(record_settings(config(), folder), max_disk_bytes=UNBOUNDED_BYTES)
        if command.startswith("records."):
            open_to_read(folder).close()  # a home without a record holds nothing to erase or wrap; none is made of it
        if command == NEEDS_A_STOP:
            return _rekeyed(settings)
        return _done(settings, key_rules(config()), command, words)
    finally:
        home.unlock()


def refuse_anothers(folder: Path, own_uid: int) -> None:
    """Refuse to write in a home of another user, also as root: what is written there would be ours, and shut its service out.

    Raises: HomeUnavailable, naming the user.
    """
    uid = (folder / "keys.db").stat().st_uid
    if uid != own_uid:
        name = user_name(uid) or f"#{uid}"
        raise HomeUnavailable(f"{folder} is the home of user {name}: give the command as that user (sudo -u {name}).")


def settle(folder: Path, config: Callable[[], Config] = Config) -> None:
    """Let a home's files hold all that was promised, before they are read: a running service's, or what a crash left.

    What cannot be settled, since a key or the right to write is missing, can be read as it is; that it may lack something is told.
    """
    home = Home(folder)
    try:
        if home.is_owned_elsewhere():
            ask_owner(home.control_path(), SETTLED, {})
        elif (folder / JOURNAL).exists():
            carry_out(folder, SETTLED, {}, config)
    except HeadworksError as error:
        _tell(f"the newest calls may be missing: {error.detail}")


def _done(settings: RecordSettings, rules: KeyRules, command: str, words: Mapping[str, Any]) -> Any:
    """What the running service would do, with the same rows in the record."""
    turns = Turns()
    with _opened(settings, turns) as ledger:
        return turns.result_of(_given(ledger, settings.home, rules, command)(words, myself(THROUGH)))


def _given(ledger: Ledger, home: Path, rules: KeyRules, command: str) -> Given:
    clock = SystemClock()
    if command in _OF_READING:
        return _OF_READING[command](ledger)
    if command.startswith("keys."):
        commands = key_commands(open_people(ledger.stores, home, clock, rules).actions)
    else:
        belongings = SqliteBelongings(ledger.stores.records, clock)
        belongings.prepare()
        commands = record_commands(ledger, belongings, _nothing_kept)
    return Acts(ledger, clock).recorded(command, commands[command])


def _rekeyed(settings: RecordSettings) -> Any:
    """The key is changed while the record is closed; that it will be, and how it ended, is recorded before and after."""

    def note(status: int, outcome: str, result: object = None) -> None:
        turns = Turns()
        with _opened(settings, turns) as ledger:
            turns.result_of(Acts(ledger, SystemClock()).note(NEEDS_A_STOP, myself(THROUGH), status, outcome, result))

    note(ACCEPTED, BEGUN)
    try:
        done = msgspec.to_builtins(rekey(settings))
    except HeadworksError as error:
        with suppress(HeadworksError):
            note(error.status, error.code)
        raise
    note(OK, "ok", done)
    return done


@contextmanager
def _opened(settings: RecordSettings, turns: Turns) -> Iterator[Ledger]:
    ledger = Ledger.start(settings, SystemClock(), turns.post)
    try:
        for error in ledger.lost:  # told here or never: the journal is gone
            reason = error.reason or error.detail if isinstance(error, HeadworksError) else repr(error)
            _tell(f"lost of what a killed service promised: {reason}")
        yield ledger
    finally:
        ledger.stop()


def _tell(what: str) -> None:
    """One line on standard error, beside whatever the command prints."""
    sys.stderr.write(f"headworks: {' '.join(what.split())}\n")


def _nothing_kept(subject: str) -> None:
    """No answers are kept where no service runs."""
