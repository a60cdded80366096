"""Keys for tests: a dictionary of known texts, a store in memory, and what both are held to the same suite with."""

import msgspec

from headworks.errors import Forbidden, RecordUnavailable, Unauthenticated
from headworks.identity.issue import Issuer, KeyRules
from headworks.identity.keys import CallerDefaults, LiveKeys
from headworks.identity.pepper import Peppers
from headworks.identity.rows import Changes
from headworks.pending import Pending, drive
from headworks.units import SECOND_NS
from headworks.values import Auth, Caller

START_WALL_NS = 1_800_000_000 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS


class FakeClock:
    """Time that moves when told; the two clocks can be moved apart."""

    def __init__(self):
        self.mono_ns = 1_000 * SECOND_NS
        self.now_wall_ns = START_WALL_NS

    def monotonic_ns(self):
        return self.mono_ns

    def wall_ns(self):
        return self.now_wall_ns

    def advance(self, seconds):
        self.mono_ns += int(seconds * SECOND_NS)
        self.now_wall_ns += int(seconds * SECOND_NS)


class FakeRandom:
    """Bytes that never repeat and are the same in every run."""

    def __init__(self):
        self.drawn = 0

    def __call__(self, size):
        self.drawn += 1
        return (self.drawn * 0x9E3779B97F4A7C15F39CC0605CEDC8341082276BF3A27251F86C6A11D0C18E95).to_bytes(64, "big")[
            -size:
        ]


class FakeKeys:
    """Keys by their text; passes tests/contract/test_keys.py like the real thing."""

    def __init__(self):
        self.callers = {}

    def add(self, presented, caller):
        self.callers[presented] = caller

    def find(self, presented, peer, wall_ns):
        caller = self.callers.get(presented)
        if caller is None or (caller.expires_wall_ns is not None and wall_ns >= caller.expires_wall_ns):
            raise Unauthenticated("The API key is missing or not valid.")
        if caller.networks and not any(peer.startswith(str(n).rsplit(".", 1)[0]) for n in caller.networks):
            raise Forbidden("This key may not be used from this address.")
        return caller


class MemoryKeyStore:
    """A KeyStore in a dictionary."""

    def __init__(self):
        self.rows = {}
        self.numbers = {}
        self.number = 0
        self.touches = []
        self.is_failing = False

    def insert(self, row, retired=None):
        if retired is not None:
            self._change(retired)
        return self._change(row)

    def update(self, row):
        old = self.rows[row.key_id]
        if old.revoked_wall_ns is not None:
            row = msgspec.structs.replace(row, revoked_wall_ns=old.revoked_wall_ns)
        return self._change(row)

    def find(self, key_id):
        return self.rows.get(key_id)

    def changes(self, since):
        if self.is_failing:
            raise RecordUnavailable(reason="disk")
        changed = sorted((n, key_id) for key_id, n in self.numbers.items() if n > since)
        return Changes(self.number, tuple(self.rows[key_id] for _, key_id in changed))

    def newest(self, most):
        return tuple(sorted(self.rows.values(), key=lambda r: (-r.created_wall_ns, -self.numbers[r.key_id]))[:most])

    def count_live(self, wall_ns):
        return sum(row.state(wall_ns) == "live" for row in self.rows.values())

    def touch(self, uses):
        self.touches.append(dict(uses))
        for key_id, wall_ns in uses.items():
            self.rows[key_id] = msgspec.structs.replace(self.rows[key_id], last_used_wall_ns=wall_ns)
        return done()

    def _change(self, row):
        self.number += 1
        self.rows[row.key_id] = row
        self.numbers[row.key_id] = self.number
        return done()


def done(value=None):
    pending = Pending()
    pending.resolve(value)
    return pending


def now(coroutine):
    """The result of a coroutine that never has to wait."""
    results = []
    drive(coroutine, lambda value, error: results.append((value, error)))
    ((value, error),) = results
    if error is not None:
        raise error
    return value


RULES = KeyRules()
DEFAULTS = CallerDefaults()
PEPPERS = Peppers("00000001", {"00000001": b"p" * 32})


class Service:
    """Keys as a running service holds them, over a store in memory unless another is given."""

    def __init__(self, store=None, peppers=PEPPERS, rules=RULES, defaults=DEFAULTS):
        self.clock = FakeClock()
        self.store = store or MemoryKeyStore()
        self.issuer = Issuer(self.store, peppers, self.clock, FakeRandom(), rules)
        self.keys = LiveKeys(self.store, peppers, self.clock, defaults)

    def create(self, order, maker=None):
        issued = now(self.issuer.create(order, maker))
        self.keys.refresh()
        return issued

    def find(self, key, peer="192.0.2.7"):
        return self.keys.find(key, peer, self.clock.wall_ns())


def admin_caller(key_id="adminadm", expires_wall_ns=None):
    return Caller(key_id, "admin", Auth.ADMIN, frozenset(("admin",)), expires_wall_ns=expires_wall_ns)
