"""Identity put together over a home's stores: the same for a running service and for the command line."""

from pathlib import Path

from msgspec import Struct

from headworks.belongings import FirstKey
from headworks.identity.actions import KeyActions
from headworks.identity.issue import Issuer, KeyRules
from headworks.identity.keys import CallerDefaults, LiveKeys
from headworks.identity.lines import KeyLines
from headworks.identity.pepper import open_peppers
from headworks.identity.store import SqliteKeyStore
from headworks.stores.sqlite import Stores
from headworks.units import Clock, random_bytes


class People(Struct, frozen=True):
    """Who may call: the live keys, what makes and ends them, and an administrator's actions on them."""

    live: LiveKeys
    issuer: Issuer
    actions: KeyActions
    first_key: FirstKey


def open_people(
    stores: Stores, folder: Path, clock: Clock, rules: KeyRules, defaults: CallerDefaults | None = None
) -> People:
    """Identity over open stores; the pepper lies in `folder`.

    Raises: HomeUnavailable.
    """
    store = SqliteKeyStore(stores.keys)
    store.prepare()
    peppers = open_peppers(folder, random_bytes, may_create=not store.count_live(clock.wall_ns()))
    live = LiveKeys(store, peppers, clock, defaults or CallerDefaults())
    live.refresh()
    issuer = Issuer(store, peppers, clock, random_bytes, rules)
    return People(live, issuer, KeyActions(issuer, clock, live), KeyLines(store).first)
