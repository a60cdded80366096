"""Commands of the command line, carried out by the running owner of a home or, without one, here."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from headworks.admin.control import ask_owner
from headworks.assembly.parts import key_rules, record_settings
from headworks.assembly.people import open_people
from headworks.bridge import blocking
from headworks.commands import OWNER, EraseSubject, key_commands
from headworks.errors import BadControl, HomeUnavailable
from headworks.home import Home
from headworks.identity.actions import read_form
from headworks.identity.issue import KeyRules
from headworks.records.ledger import Ledger
from headworks.records.opening import open_to_read
from headworks.records.rekey import rekey
from headworks.records.settings import RecordSettings
from headworks.settings import Config
from headworks.stores.belongings import SqliteBelongings
from headworks.stores.sqlite import Stores
from headworks.units import SystemClock

MAKES_A_HOME = "keys.create"
"""The one command that may come before the first start of a service."""
NEEDS_A_STOP = "records.rekey"
"""The one command that no running service carries out."""

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
    home.lock()
    try:
        if command.startswith("keys."):
            return _keys(folder, command, words, key_rules(config()))
        settings = structs.replace(record_settings(config(), folder), max_disk_bytes=UNBOUNDED_BYTES)
        return _record(settings, command, words)
    finally:
        home.unlock()


def _keys(folder: Path, command: str, words: Mapping[str, Any], rules: KeyRules) -> Any:
    clock = SystemClock()
    stores = Stores.open(folder, "process", _at_once, clock)
    try:
        people = open_people(stores, folder, clock, rules)
        return blocking(key_commands(people.actions)[command](words, None))
    finally:
        stores.close()


def _record(settings: RecordSettings, command: str, words: Mapping[str, Any]) -> Any:
    if command != "records.accessed":
        open_to_read(
            settings.home
        ).close()  # a home without a record holds nothing to erase or wrap; none is made of it
    ledger = Ledger.start(settings, SystemClock(), _at_once)
    try:
        if command == "records.erase":
            return _erased(ledger, read_form(EraseSubject, words).subject)
        ledger.accessed_now(OWNER, dict(words))
    finally:
        ledger.stop()
    return msgspec.to_builtins(rekey(settings)) if command == NEEDS_A_STOP else {}


def _erased(ledger: Ledger, subject: str) -> dict[str, Any]:
    """What commands.record_commands does, without a service."""
    done = ledger.erase_now(subject, OWNER)
    belongings = SqliteBelongings(ledger.stores.records, SystemClock())
    belongings.prepare()
    gone = belongings.forget_subject_now(ledger.pseudonym(subject))
    return {**msgspec.to_builtins(done), "at_providers": gone}


def _at_once(callback: Callable[[], None]) -> None:
    callback()
