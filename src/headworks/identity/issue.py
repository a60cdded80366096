"""A key's life: made, rotated, revoked; and the one-time key that makes the first administrator."""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from headworks.errors import FieldError, Forbidden, NotFound, Overloaded, SchemaViolation
from headworks.identity.key_text import mint
from headworks.identity.pepper import Peppers
from headworks.identity.rows import KeyRow, KeyState, KeyStore
from headworks.identity.terms import ADMIN, Network, Terms, bounded, terms_of
from headworks.units import SECOND_NS, Clock, Rate
from headworks.values import Auth, Caller

MOST_LIVE_KEYS = 100_000
DAY_S = 86_400.0
LONGEST_LIFE_S = 3650 * DAY_S
ONE_TIME_LIFE_S = DAY_S
ADMIN_SCOPES = frozenset((ADMIN,))
NEVER = float("inf")


class KeyRules(Struct, frozen=True):
    """How keys of this service look and how long they live unless said otherwise (None: for ever)."""

    prefix: str = "hw"
    environment: str = "live"
    life_s: float | None = 90 * DAY_S


class KeyOrder(Struct, frozen=True):
    """A key to be made; what is not said comes from the rules, or from the key that makes it.

    Units: `life_s` in seconds, NEVER for a key that does not expire.
    """

    name: str
    scopes: frozenset[str] | None = None
    rate: Rate | None = None
    concurrency: int | None = None
    networks: tuple[Network, ...] = ()
    life_s: float | None = None
    tokens: Rate | None = None
    tenant: str = ""


class Issued(Struct, frozen=True):
    """A new key and its text, which exists nowhere else; prints as dots."""

    row: KeyRow
    key: str

    def __repr__(self) -> str:
        return f"Issued({self.row.key_id}, …)"

    __str__ = __repr__


class Issuer:
    """Makes and ends keys over a store. `maker` is the key that asks, None the owner of the machine.

    Safe under: one thread.
    """

    def __init__(
        self, store: KeyStore, peppers: Peppers, clock: Clock, random: Callable[[int], bytes], rules: KeyRules
    ) -> None:
        self._store = store
        self._peppers = peppers
        self._clock = clock
        self._random = random
        self._rules = rules

    async def create(self, order: KeyOrder, maker: Caller | None) -> Issued:
        """A new key, never allowed more than its maker.

        Raises: SchemaViolation (422) naming what goes beyond; Overloaded (503) when too many keys are live.
        """
        self._expect_room()
        expires_ns = self._expiry(order.life_s, self._rules.life_s, maker)
        terms = Terms(
            order.scopes, order.rate, order.concurrency, order.networks, expires_ns, order.tokens, order.tenant
        )
        issued = self._issue(order.name, terms if maker is None else bounded(terms, terms_of(maker)), maker)
        await self._store.insert(issued.row)
        return issued

    async def rotate(self, key_id: str, overlap_s: float, maker: Caller | None, life_s: float | None = None) -> Issued:
        """A successor on the same terms; the old key stays valid for the overlap, or until it expires anyway.

        Raises: NotFound (404) when no such key is live; Forbidden (403) for a one-time key; SchemaViolation (422).
        """
        old = self._find_live(key_id)
        if old.is_one_time:
            raise Forbidden("A one-time key is not rotated; exchange it for a lasting one.")
        self._expect_room()
        expires_ns = self._expiry(life_s, _life_s(old), maker)
        terms = msgspec.structs.replace(old.terms, expires_wall_ns=expires_ns)
        if maker is not None:
            terms = bounded(terms, terms_of(maker))
        issued = self._issue(old.name, terms, maker, predecessor=old.key_id)
        await self._store.insert(issued.row, self._retired(old, overlap_s))
        return issued

    async def revoke(self, key_id: str) -> KeyRow:
        """The key, which opens nothing any more; revoking twice changes nothing.

        Raises: NotFound (404).
        """
        row = self._find(key_id)
        if row.revoked_wall_ns is None:
            row = msgspec.structs.replace(row, revoked_wall_ns=self._clock.wall_ns())
            await self._store.update(row)
        return row

    async def exchange(self, caller: Caller, name: str) -> Issued:
        """A lasting administrator's key for a one-time one, which ends with this.

        This is the one act in which a key makes something that outlives it; a thief who does it first cannot hide it,
        because the rightful owner's exchange then fails.

        Raises: Forbidden (403) for any other key; NotFound (404) when it is no longer live.
        """
        old = self._find_live(caller.key_id)
        if not old.is_one_time:
            raise Forbidden("Only the one-time administrator's key can be exchanged.")
        expires_ns = self._expiry(None, self._rules.life_s, None)
        issued = self._issue(name, Terms(ADMIN_SCOPES, expires_wall_ns=expires_ns), caller, predecessor=old.key_id)
        await self._store.insert(issued.row, self._retired(old, 0.0))
        return issued

    async def first_admin(self) -> Issued | None:
        """The one-time key of a home that no administrator's key opens; None when there is one."""
        now_ns = self._clock.wall_ns()
        rows = self._store.changes(0).rows
        if any(row.auth is Auth.ADMIN and row.state(now_ns) is KeyState.LIVE for row in rows):
            return None
        terms = Terms(ADMIN_SCOPES, expires_wall_ns=now_ns + int(ONE_TIME_LIFE_S * SECOND_NS))
        issued = self._issue("first administrator", terms, None)
        issued = msgspec.structs.replace(issued, row=msgspec.structs.replace(issued.row, is_one_time=True))
        await self._store.insert(issued.row)
        return issued

    def newest(self, most: int) -> tuple[KeyRow, ...]:
        """Keys, live or not, the youngest first."""
        return self._store.newest(most)

    def _issue(self, name: str, terms: Terms, maker: Caller | None, predecessor: str | None = None) -> Issued:
        is_admin = terms.scopes is not None and ADMIN in terms.scopes
        prefix = self._rules.prefix + ("admin" if is_admin else "")
        text = mint(prefix, self._rules.environment, self._random)
        key = text.reveal()
        pepper_id = self._peppers.current
        row = KeyRow(
            key_id=text.key_id,
            name=name,
            prefix=f"{prefix}_{self._rules.environment}",
            digest=self._peppers.digest(pepper_id, key.encode()),
            pepper_id=pepper_id,
            terms=terms,
            created_wall_ns=self._clock.wall_ns(),
            parent=None if maker is None else maker.key_id,
            predecessor=predecessor,
        )
        return Issued(row, key)

    def _expiry(self, asked_s: float | None, usual_s: float | None, maker: Caller | None) -> int | None:
        """Wall time; what was asked stands (and may go beyond the maker), the usual life ends with the maker's."""
        life_s = asked_s if asked_s is not None else usual_s
        if life_s is not None and life_s != NEVER and not 0 < life_s <= LONGEST_LIFE_S:
            text = f"a key lives more than 0 and at most {LONGEST_LIFE_S / DAY_S:.0f} days; write never for longer"
            raise SchemaViolation(errors=(FieldError("/expires", text),))
        expires_ns = None
        if life_s is not None and life_s != NEVER:
            expires_ns = self._clock.wall_ns() + int(life_s * SECOND_NS)
        if asked_s is not None or maker is None or maker.expires_wall_ns is None:
            return expires_ns
        return maker.expires_wall_ns if expires_ns is None else min(expires_ns, maker.expires_wall_ns)

    def _retired(self, old: KeyRow, overlap_s: float) -> KeyRow:
        now_ns = self._clock.wall_ns()
        if overlap_s <= 0:
            return msgspec.structs.replace(old, revoked_wall_ns=now_ns)
        ends_ns = now_ns + int(min(overlap_s, LONGEST_LIFE_S) * SECOND_NS)
        if old.terms.expires_wall_ns is not None:
            ends_ns = min(ends_ns, old.terms.expires_wall_ns)
        return msgspec.structs.replace(old, terms=msgspec.structs.replace(old.terms, expires_wall_ns=ends_ns))

    def _find(self, key_id: str) -> KeyRow:
        row = self._store.find(key_id)
        if row is None:
            raise NotFound("There is no key with this id.")
        return row

    def _find_live(self, key_id: str) -> KeyRow:
        row = self._find(key_id)
        state = row.state(self._clock.wall_ns())
        if state is not KeyState.LIVE:
            raise NotFound(f"This key is {state}; create a new one.")
        return row

    def _expect_room(self) -> None:
        if self._store.count_live(self._clock.wall_ns()) >= MOST_LIVE_KEYS:
            raise Overloaded(f"{MOST_LIVE_KEYS} keys are live, which is the most; revoke what is not used.")


def _life_s(row: KeyRow) -> float | None:
    expires_ns = row.terms.expires_wall_ns
    return None if expires_ns is None else (expires_ns - row.created_wall_ns) / SECOND_NS
