"""Owners of what providers keep: on one connection, and on a home's own files behind the writer."""

import pytest

from headworks.belongings import Belonging, Bounds, Page, owner_of
from headworks.stores.belongings import SqliteBelongings
from headworks.stores.sqlite import Stores
from headworks.units import SECOND_NS
from headworks.values import Auth, Caller
from tests.fakes_keys import FakeClock
from tests.fakes_store import OneConnection


class Behind:
    """A home's own store, each write waited for."""

    def __init__(self, store):
        self._store = store
        self.read, self.write_now = store.read, store.write_now

    def write(self, job):
        pending = OneConnection().write(lambda _: None)
        pending._value = self._store.write_now(job)
        return pending


@pytest.fixture(params=["one connection", "a home"])
def known(request, tmp_path):
    clock = FakeClock()
    bounds = Bounds(each=6, in_all=8)
    if request.param == "one connection":
        made = SqliteBelongings(OneConnection(), clock, bounds)
        made.prepare()
        made.clock = clock
        yield made
        return
    stores = Stores.open(tmp_path, "process", lambda callback: callback(), clock)
    made = SqliteBelongings(Behind(stores.records), clock, bounds)
    made.prepare()
    made.clock = clock
    yield made
    stores.close()


def thing(name, owner="key:a", **more):
    return Belonging(more.pop("place", "up"), name, more.pop("kind", "file"), owner, **more)


def kept(known, *things, **more):
    return known.keep(things, **more).result()


def page(known, most=10, **more):
    return known.page(Page("up", "file", "key:a", most, **more))


def test_what_is_kept_is_found_with_all_that_is_known_of_it(known):
    whole = thing("file-1", purpose="batch", subject=b"p", expires_s=known.clock.wall_ns() // SECOND_NS + 10)

    assert known.is_empty
    assert kept(known, whole) is True
    assert known.find("up", "file-1") == whole
    assert known.find("down", "file-1") is None
    assert known.find("up", "file-2") is None
    assert not known.is_empty


def test_a_thing_never_changes_its_owner(known):
    kept(known, thing("file-1"))

    assert kept(known, thing("file-2", "key:b"), thing("file-1", "key:b")) is False
    assert known.find("up", "file-1").owner == "key:a"
    assert known.find("up", "file-2") is None
    assert kept(known, thing("file-1", purpose="other")) is True
    assert known.find("up", "file-1").purpose is None


def test_pages_hold_an_owners_things_of_a_kind_and_purpose_in_order(known):
    for number in range(6):
        kept(known, thing(f"file-{number}", purpose="batch" if number % 2 else None))
    kept(known, thing("batch_1", kind="batch"), thing("file-x", "key:b"), thing("file-y", place="down"))

    assert page(known, 2) == ["file-5", "file-4"]
    assert page(known, 2, after="file-4") == ["file-3", "file-2"]
    assert page(known, 2, after="file-1", is_oldest_first=True) == ["file-2", "file-3"]
    assert page(known, purpose="batch") == ["file-5", "file-3", "file-1"]
    assert page(known, after="file-x") == page(known, after="batch_1") == page(known, after="nothing") == []


def test_what_has_expired_is_gone_and_its_row_is_dropped_by_and_by(known):
    now_s = known.clock.wall_ns() // SECOND_NS
    kept(known, thing("file-1", expires_s=now_s + 5), thing("file-2"))
    known.clock.advance(5)

    assert known.find("up", "file-1") is None
    assert page(known) == ["file-2"]
    kept(known, thing("file-3"))
    known.drop("up", "file-2").result()
    known.drop("up", "file-3").result()
    assert known.is_empty


def test_foreign_is_what_another_owner_has_and_oneself_has_not(known):
    kept(known, thing("file-1", "key:b"), thing("same", "key:b", place="down"), thing("same"))
    many = [f"file-no-{number}" for number in range(1200)]

    assert known.are_foreign("key:a", [*many, "file-1"])
    assert not known.are_foreign("key:b", ["file-1"])
    assert not known.are_foreign("key:a", ["same", "unknown"])
    assert not known.are_foreign("key:a", [])


def test_there_is_room_until_an_owner_has_the_most_and_the_oldest_goes_where_that_is_allowed(known):
    for number in range(6):
        assert known.has_room("up", "file", "key:a")
        kept(known, thing(f"file-{number}"), may_drop=True)

    assert not known.has_room("up", "file", "key:a")
    assert known.has_room("up", "file", "key:b")
    assert known.has_room("up", "batch", "key:a")
    kept(known, thing("file-6"), may_drop=True)
    assert page(known) == [f"file-{number}" for number in range(6, 0, -1)]


def test_there_is_no_room_for_anybody_when_there_is_too_much_in_all(known):
    kept(known, *(thing(f"file-{number}", f"key:{number}") for number in range(8)))

    assert not known.has_room("up", "file", "key:b")
    known.drop("up", "file-1").result()
    assert known.has_room("up", "file", "key:b")


def test_all_about_a_person_is_given_up_and_named(known):
    kept(known, thing("file-1", subject=b"p"), thing("batch_1", kind="batch", subject=b"p"), thing("file-2"))

    assert sorted(known.forget_subject(b"p").result()) == ["up/batch/batch_1", "up/file/file-1"]
    assert known.forget_subject(b"p").result() == []
    assert known.find("up", "file-1") is None
    assert known.find("up", "file-2") is not None


def test_what_was_kept_is_there_after_a_restart(tmp_path):
    for expected in (None, thing("file-1")):
        stores = Stores.open(tmp_path, "process", lambda callback: callback(), FakeClock())
        known = SqliteBelongings(Behind(stores.records), FakeClock())
        known.prepare()
        assert known.find("up", "file-1") == expected
        assert known.is_empty == (expected is None)
        kept(known, thing("file-1"))
        stores.close()


@pytest.mark.parametrize(("tenant", "owner"), [("", "key:first"), ("acme", "tenant:acme")])
def test_the_owner_is_the_tenant_or_else_the_line_of_the_key(tenant, owner):
    caller = Caller("second", "x", Auth.KEY, tenant=tenant)

    assert owner_of(caller, {"second": "first"}.__getitem__) == owner


def test_what_belongs_to_an_owner_is_written_with_it_or_not_at_all(known):
    mine = Belonging("up", "file-1", "file", "key:ann")
    written = []
    kept = known.keep([mine], also=lambda connection: written.append("mine")).result()
    refused = known.keep(
        [Belonging("up", "file-1", "file", "key:bob")], also=lambda connection: written.append("bob's")
    ).result()

    assert (kept, refused, written) == (True, False, ["mine"])
