"""Commands of the command line, carried out by the running owner of a home or, without one, here."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headworks.admin.control import ask_owner
from headworks.bridge import blocking
from headworks.commands import key_commands
from headworks.errors import BadControl
from headworks.home import Home
from headworks.identity.issue import KeyRules
from headworks.people import open_people
from headworks.records.ledger import Ledger
from headworks.records.settings import RecordSettings
from headworks.stores.sqlite import Stores
from headworks.units import SystemClock


def carry_out(folder: Path, command: str, words: Mapping[str, Any], key_file: Path | None = None) -> Any:
    """The result of a command on a home, as plain data.

    Raises: BadControl when only a running service can do it, HomeUnavailable, and what the command raises.
    """
    home = Home(folder)
    if home.is_owned_elsewhere():
        return ask_owner(home.control_path(), command, words)
    if command != "records.accessed" and not command.startswith("keys."):
        raise BadControl(f"No service runs on {folder}; start one with `headworks serve --home {folder}`.")
    home.lock()
    try:
        return _accessed(folder, words, key_file) if command == "records.accessed" else _keys(folder, command, words)
    finally:
        home.unlock()


def _keys(folder: Path, command: str, words: Mapping[str, Any]) -> Any:
    clock = SystemClock()
    stores = Stores.open(folder, "process", _at_once, clock)
    try:
        people = open_people(stores, folder, clock, KeyRules())
        return blocking(key_commands(people.actions)[command](words, None))
    finally:
        stores.close()


def _accessed(folder: Path, words: Mapping[str, Any], key_file: Path | None) -> Any:
    ledger = Ledger.start(RecordSettings(home=folder, kek_file=key_file), SystemClock(), _at_once)
    try:
        ledger.accessed_now("owner", dict(words))
    finally:
        ledger.stop()
    return {}


def _at_once(callback: Callable[[], None]) -> None:
    callback()
