from ipaddress import ip_network

import apsw
import msgspec
import pytest

from headworks.identity.rows import KeyRow
from headworks.identity.store import SqliteKeyStore
from headworks.identity.terms import Terms
from headworks.units import Rate
from tests.fakes_keys import MemoryKeyStore
from tests.fakes_store import OneConnection

FULL = KeyRow(
    "aaaaaaaa",
    "app",
    "hw_live",
    b"d" * 32,
    "00000001",
    Terms(frozenset({"call:x", "catalogue"}), Rate(5, 60.0, 9), 3, (ip_network("10.0.0.0/8"),), 1000),
    100,
    parent="pppppppp",
    predecessor="qqqqqqqq",
    is_one_time=True,
)
PLAIN = KeyRow("bbbbbbbb", "other", "hw_live", b"e" * 32, "00000001", Terms(), 200)


def sqlite():
    store = SqliteKeyStore(OneConnection())
    store.prepare()
    store.prepare()
    return store


@pytest.fixture(params=[sqlite, MemoryKeyStore])
def store(request):
    return request.param()


@pytest.mark.parametrize("row", [FULL, PLAIN])
def test_a_key_comes_back_as_it_was_stored(store, row):
    store.insert(row).result()

    assert msgspec.structs.asdict(store.find(row.key_id)) == msgspec.structs.asdict(row)
    assert store.find("nobody00") is None


def test_changes_are_told_once_in_order(store):
    store.insert(FULL)
    store.insert(PLAIN)
    first = store.changes(0)
    store.update(msgspec.structs.replace(FULL, revoked_wall_ns=7))
    second = store.changes(first.number)

    assert [row.key_id for row in first.rows] == ["aaaaaaaa", "bbbbbbbb"]
    assert [(row.key_id, row.revoked_wall_ns) for row in second.rows] == [("aaaaaaaa", 7)]
    assert store.changes(second.number).rows == ()


def test_a_revoked_key_stays_revoked(store):
    store.insert(FULL)
    store.update(msgspec.structs.replace(FULL, revoked_wall_ns=7))
    store.update(FULL)

    assert store.find("aaaaaaaa").revoked_wall_ns == 7


def test_a_successor_is_stored_with_what_became_of_the_old_key(store):
    store.insert(PLAIN)
    shorter = msgspec.structs.replace(PLAIN, terms=Terms(expires_wall_ns=300))
    store.insert(FULL, shorter)

    assert store.find("bbbbbbbb").terms.expires_wall_ns == 300
    assert store.find("aaaaaaaa") is not None


def test_uses_are_noted_and_are_no_changes(store):
    store.insert(FULL)
    number = store.changes(0).number
    store.touch({"aaaaaaaa": 55}).result()

    assert store.find("aaaaaaaa").last_used_wall_ns == 55
    assert store.changes(number).rows == ()


def test_the_youngest_are_listed_first(store):
    store.insert(PLAIN)
    store.insert(FULL)

    assert [row.key_id for row in store.newest(10)] == ["bbbbbbbb", "aaaaaaaa"]
    assert len(store.newest(1)) == 1


def test_live_keys_are_counted(store):
    store.insert(FULL)
    store.insert(PLAIN)

    assert store.count_live(500) == 2
    assert store.count_live(1000) == 1


def test_an_id_is_never_given_twice():
    store = sqlite()
    store.insert(FULL)

    with pytest.raises(apsw.ConstraintError):
        store.insert(FULL)
