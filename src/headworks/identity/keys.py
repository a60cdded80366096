"""Who presents a key: every live key in memory, fed by the changes of the store; implements ports.Keys.

A key is checked by HMAC-SHA-256 under the pepper (about 3 µs). Once proved, the SHA-256 of its text stays with its
entry and the next call is checked against that (about 0.5 µs). That is no cache: there is one proof a key, it goes
when the key goes, it is found by the key's id and compared whole, and what it digests has 256 bits of entropy, so
neither its memory nor its timing gives the key away.
"""

import hashlib
import heapq
import hmac
from ipaddress import IPv6Address, ip_address

from msgspec import Struct

from headworks.errors import Forbidden, RateLimited, Unauthenticated
from headworks.identity.key_text import ID_FROM_END, LONGEST
from headworks.identity.pepper import Peppers
from headworks.identity.rows import KeyRow, KeyStore
from headworks.identity.sources import FailedSources
from headworks.identity.terms import Network
from headworks.units import SECOND_NS, Clock, Rate
from headworks.values import Auth, Caller

NEVER_NS = 2**63
USE_EVERY_NS = 60 * SECOND_NS
FORGET_AFTER_NS = 86_400 * SECOND_NS
"""An expired key stays in memory this long, so that a wall clock that steps back finds it again."""
MOST_PEERS = 1024
REFUSED = "The API key is missing or not valid."


class CallerDefaults(Struct, frozen=True):
    """Limits of a key that names none of its own; administrators have none."""

    rate: Rate | None = None
    concurrency: int | None = None


class _Live:
    """One key that opens something."""

    __slots__ = ("caller", "digest", "expires_ns", "last_used_ns", "peers", "pepper_id", "proof")

    def __init__(self, caller: Caller, digest: bytes, pepper_id: str) -> None:
        self.caller = caller
        self.digest = digest
        self.pepper_id = pepper_id
        self.proof = b""
        self.expires_ns = NEVER_NS if caller.expires_wall_ns is None else caller.expires_wall_ns
        self.last_used_ns = 0
        self.peers: set[str] = set()


class LiveKeys:
    """The callers of presented keys.

    Bounded: as many entries as keys are live (issue.py bounds those), plus what expired within a day.
    Cost: about 1 µs a call, 4 µs for a key's first or for a wrong one; an unknown id costs what a wrong secret does.
    Safe under: one thread.
    """

    def __init__(self, store: KeyStore, peppers: Peppers, clock: Clock, defaults: CallerDefaults) -> None:
        self._store = store
        self._peppers = peppers
        self._clock = clock
        self._defaults = defaults
        self._live: dict[str, _Live] = {}
        self._expiries: list[tuple[int, str]] = []
        self._changes = 0
        self._uses: dict[str, int] = {}
        self._sources = FailedSources()
        self._nobody = _Live(Caller("", "", Auth.KEY, expires_wall_ns=0), bytes(32), peppers.current)

    def find(self, presented: str, peer: str, wall_ns: int) -> Caller:
        """The caller of this key.

        Raises: Unauthenticated (401; unknown, malformed, expired, revoked: one text for all), RateLimited (429; the
        same, from a source that failed too often), Forbidden (403; not from this network).
        """
        if len(presented) > LONGEST or not presented.isascii():
            raise self._refusal(peer)
        encoded = presented.encode()
        live = self._live.get(presented[ID_FROM_END], self._nobody)
        proof = hashlib.sha256(encoded).digest()
        if not hmac.compare_digest(proof, live.proof):
            self._prove(live, encoded, proof, peer)
        if wall_ns >= live.expires_ns:
            raise self._refusal(peer)
        caller = live.caller
        if caller.networks and peer not in live.peers:
            _check_network(live, peer)
        if not 0 <= wall_ns - live.last_used_ns < USE_EVERY_NS:
            live.last_used_ns = self._uses[caller.key_id] = wall_ns
        return caller

    def refresh(self) -> int:
        """Take in what changed in the store; how many keys did. Call it every second, and after every own change.

        Raises: RecordUnavailable (503); what was known stays.
        """
        changes = self._store.changes(self._changes)
        for row in changes.rows:
            self._take_in(row)
        self._changes = changes.number
        self._forget_expired()
        return len(changes.rows)

    def note_uses(self) -> None:
        """Hand the store the last uses, one a key and minute; call it about every minute and at the end."""
        if self._uses:
            uses, self._uses = self._uses, {}
            self._store.touch(uses)

    def __len__(self) -> int:
        return len(self._live)

    def _prove(self, live: _Live, encoded: bytes, proof: bytes, peer: str) -> None:
        """Check against what is stored; the same work whether or not the id is known."""
        digest = self._peppers.digest(live.pepper_id, encoded)
        is_right = hmac.compare_digest(digest, live.digest)
        if not is_right or live is self._nobody:
            raise self._refusal(peer)
        live.proof = proof

    def _refusal(self, peer: str) -> Unauthenticated | RateLimited:
        wait_ns = self._sources.failed(peer, self._clock.monotonic_ns())
        if wait_ns:
            text = "Too many calls from this network came without a valid API key."
            return RateLimited(text, retry_after_s=-(-wait_ns // 1000) / 1_000_000)
        return Unauthenticated(REFUSED)

    def _take_in(self, row: KeyRow) -> None:
        known = self._live.pop(row.key_id, None)
        if row.revoked_wall_ns is not None or row.pepper_id not in self._peppers.by_id:
            return
        live = _Live(_caller(row, self._defaults), row.digest, row.pepper_id)
        live.last_used_ns = row.last_used_wall_ns or 0
        if known is not None:
            live.last_used_ns = max(live.last_used_ns, known.last_used_ns)
        self._live[row.key_id] = live
        if live.expires_ns != NEVER_NS:
            heapq.heappush(self._expiries, (live.expires_ns, row.key_id))

    def _forget_expired(self) -> None:
        horizon_ns = self._clock.wall_ns() - FORGET_AFTER_NS
        while self._expiries and self._expiries[0][0] <= horizon_ns:
            _, key_id = heapq.heappop(self._expiries)
            live = self._live.get(key_id)
            if live is not None and live.expires_ns <= horizon_ns:
                del self._live[key_id]


def _caller(row: KeyRow, defaults: CallerDefaults) -> Caller:
    terms = row.terms
    if row.auth is Auth.ADMIN:
        defaults = CallerDefaults()
    return Caller(
        row.key_id,
        row.name,
        row.auth,
        terms.scopes,
        terms.rate or defaults.rate,
        terms.concurrency or defaults.concurrency,
        terms.networks,
        terms.expires_wall_ns,
        terms.tokens,
        terms.tenant,
    )


def _check_network(live: _Live, peer: str) -> None:
    """Let the peer pass, and remember that it may, or refuse it."""
    if not _is_inside(peer, live.caller.networks):
        raise Forbidden("This key may not be used from this address.")
    if len(live.peers) >= MOST_PEERS:
        live.peers.clear()
    live.peers.add(peer)


def _is_inside(peer: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
