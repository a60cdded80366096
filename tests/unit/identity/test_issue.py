import pytest

from headworks.errors import Forbidden, NotFound, SchemaViolation, Unauthenticated
from headworks.identity.issue import NEVER, KeyOrder, KeyRules
from headworks.identity.key_text import read_key
from headworks.units import Rate
from headworks.values import Auth
from tests.fakes_keys import DAY_NS, START_WALL_NS, Service, admin_caller, now


@pytest.fixture
def service():
    return Service()


def test_a_key_lives_ninety_days_unless_said_otherwise(service):
    usual = service.create(KeyOrder("a")).row.terms
    said = service.create(KeyOrder("b", life_s=60.0)).row.terms
    never = service.create(KeyOrder("c", life_s=NEVER)).row.terms

    assert usual.expires_wall_ns == START_WALL_NS + 90 * DAY_NS
    assert said.expires_wall_ns == START_WALL_NS + 60 * 10**9
    assert never.expires_wall_ns is None


@pytest.mark.parametrize("life_s", [0.0, -1.0, 3651 * 86_400.0])
def test_a_life_out_of_bounds_is_refused(service, life_s):
    with pytest.raises(SchemaViolation):
        service.create(KeyOrder("a", life_s=life_s))


def test_prefix_and_environment_follow_the_rules_and_the_kind():
    service = Service(rules=KeyRules("acme", "test"))
    key = read_key(service.create(KeyOrder("a")).key)
    admin = read_key(service.create(KeyOrder("b", frozenset({"admin"}))).key)

    assert (key.prefix, key.environment, admin.prefix) == ("acme", "test", "acmeadmin")


def test_a_made_key_ends_with_its_maker_unless_more_is_asked_which_is_refused(service):
    maker = admin_caller(expires_wall_ns=START_WALL_NS + DAY_NS)

    assert service.create(KeyOrder("a"), maker).row.terms.expires_wall_ns == START_WALL_NS + DAY_NS
    for life_s in (2 * 86_400.0, NEVER):
        with pytest.raises(SchemaViolation) as caught:
            service.create(KeyOrder("b", life_s=life_s), maker)
        assert caught.value.errors[0].pointer == "/expires"


def test_a_rotated_key_has_the_same_terms_and_the_old_one_lives_for_the_overlap(service):
    old = service.create(KeyOrder("a", frozenset({"call:x"}), Rate(3, 1.0), life_s=30 * 86_400.0))
    service.clock.advance(10 * 86_400)
    new = now(service.issuer.rotate(old.row.key_id, 3600.0, None))
    service.keys.refresh()

    assert (new.row.terms.scopes, new.row.terms.rate, new.row.predecessor) == ({"call:x"}, Rate(3, 1.0), old.row.key_id)
    assert new.row.terms.expires_wall_ns == START_WALL_NS + 40 * DAY_NS
    assert service.find(old.key).name == service.find(new.key).name == "a"
    service.clock.advance(3600)
    service.find(new.key)
    with pytest.raises(Unauthenticated):
        service.find(old.key)


def test_an_overlap_never_prolongs_the_old_key(service):
    old = service.create(KeyOrder("a", life_s=60.0))
    now(service.issuer.rotate(old.row.key_id, 3600.0, None))

    assert service.store.find(old.row.key_id).terms.expires_wall_ns == START_WALL_NS + 60 * 10**9


def test_without_overlap_the_old_key_ends_at_once(service):
    old = service.create(KeyOrder("a"))
    now(service.issuer.rotate(old.row.key_id, 0.0, None))
    service.keys.refresh()

    with pytest.raises(Unauthenticated):
        service.find(old.key)


def test_only_live_keys_are_rotated(service):
    revoked, expired = service.create(KeyOrder("a")), service.create(KeyOrder("b", life_s=1.0))
    now(service.issuer.revoke(revoked.row.key_id))
    service.clock.advance(1)

    for key_id in (revoked.row.key_id, expired.row.key_id, "nobody00"):
        with pytest.raises(NotFound):
            now(service.issuer.rotate(key_id, 60.0, None))


def test_revoking_twice_keeps_the_first_time(service):
    key_id = service.create(KeyOrder("a")).row.key_id
    first = now(service.issuer.revoke(key_id)).revoked_wall_ns
    service.clock.advance(60)

    assert now(service.issuer.revoke(key_id)).revoked_wall_ns == first
    with pytest.raises(NotFound):
        now(service.issuer.revoke("nobody00"))


def test_a_home_without_administrator_gets_one_one_time_key_for_a_day(service):
    issued = now(service.issuer.first_admin())
    service.keys.refresh()

    assert issued.key.startswith("hwadmin_live_")
    assert service.find(issued.key).auth is Auth.ADMIN
    assert issued.row.terms.expires_wall_ns == START_WALL_NS + DAY_NS
    assert now(service.issuer.first_admin()) is None
    service.clock.advance(86_400)
    assert now(service.issuer.first_admin()) is not None


def test_a_lasting_administrator_needs_no_one_time_key(service):
    service.create(KeyOrder("ops", frozenset({"admin"})))

    assert now(service.issuer.first_admin()) is None


def test_the_one_time_key_is_exchanged_once_for_a_lasting_one(service):
    first = now(service.issuer.first_admin())
    service.keys.refresh()
    caller = service.find(first.key)
    lasting = now(service.issuer.exchange(caller, "ops"))
    service.keys.refresh()

    assert service.find(lasting.key).expires_wall_ns == START_WALL_NS + 90 * DAY_NS
    with pytest.raises(Unauthenticated):
        service.find(first.key)
    with pytest.raises(NotFound):
        now(service.issuer.exchange(caller, "thief"))
    with pytest.raises(Forbidden):
        now(service.issuer.exchange(service.find(lasting.key), "again"))


def test_a_one_time_key_cannot_be_rotated_into_a_longer_life(service):
    first = now(service.issuer.first_admin())

    with pytest.raises(Forbidden):
        now(service.issuer.rotate(first.row.key_id, 60.0, None))
