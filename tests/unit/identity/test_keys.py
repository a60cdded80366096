import msgspec
import pytest

from headworks.errors import Forbidden, HeadworksError, RateLimited, RecordUnavailable, Unauthenticated
from headworks.identity.issue import KeyOrder
from headworks.identity.keys import CallerDefaults
from headworks.identity.pepper import Peppers
from headworks.identity.terms import parse_networks
from headworks.units import Rate
from tests.fakes_keys import PEPPERS, FakeRandom, Service, now

ORDER = KeyOrder("app")


@pytest.fixture
def service():
    return Service()


def test_a_revoked_key_is_refused_from_the_next_refresh_on(service):
    issued = service.create(ORDER)
    service.find(issued.key)
    now(service.issuer.revoke(issued.row.key_id))
    service.keys.refresh()

    with pytest.raises(Unauthenticated):
        service.find(issued.key)


def test_a_proved_key_of_the_same_id_and_another_secret_is_refused(service):
    issued = service.create(ORDER)
    service.find(issued.key)
    wrong = issued.key[:-20] + "A" * 13 + issued.key[-7:]

    with pytest.raises(Unauthenticated):
        service.find(wrong)
    assert service.find(issued.key).name == "app"


def test_the_prefix_and_environment_are_part_of_the_key(service):
    issued = service.create(ORDER)

    for wrong in (issued.key.replace("hw_", "hx_"), issued.key.replace("_live_", "_test_"), issued.key[1:]):
        with pytest.raises(Unauthenticated):
            service.find(wrong)


def test_a_digest_is_useless_under_another_pepper(service):
    issued = service.create(ORDER)
    thief = Service(service.store, Peppers("00000001", {"00000001": b"q" * 32}))
    thief.keys.refresh()

    with pytest.raises(Unauthenticated):
        thief.find(issued.key)


def test_keys_of_an_older_pepper_stay_valid_while_it_is_kept(service):
    issued = service.create(ORDER)
    both = Peppers("00000002", {**PEPPERS.by_id, "00000002": b"r" * 32})
    later = Service(service.store, both)
    later.keys.refresh()

    assert later.find(issued.key).key_id == issued.row.key_id
    assert later.create(KeyOrder("new")).row.pepper_id == "00000002"


def test_keys_whose_pepper_is_gone_open_nothing(service):
    issued = service.create(ORDER)
    later = Service(service.store, Peppers("00000002", {"00000002": b"r" * 32}))
    later.keys.refresh()

    with pytest.raises(Unauthenticated):
        later.find(issued.key)


def test_limits_come_from_the_key_then_from_the_defaults():
    service = Service(defaults=CallerDefaults(Rate(5, 1.0), 3))
    plain, own = service.create(ORDER), service.create(KeyOrder("own", rate=Rate(1, 1.0), concurrency=9))
    admin = service.create(KeyOrder("admin", scopes=frozenset({"admin"})))

    assert (service.find(plain.key).rate.count, service.find(plain.key).concurrency) == (5, 3)
    assert (service.find(own.key).rate.count, service.find(own.key).concurrency) == (1, 9)
    assert (service.find(admin.key).rate, service.find(admin.key).concurrency) == (None, None)


def test_networks_hold_for_ipv4_ipv6_and_mapped_addresses(service):
    key = service.create(KeyOrder("app", networks=parse_networks(["192.0.2.0/24", "2001:db8::/32"]))).key

    for peer in ("192.0.2.1", "2001:db8::5", "::ffff:192.0.2.9", "192.0.2.1", "2001:db8::5%eth0"):
        assert service.find(key, peer).name == "app"
    for peer in ("192.0.3.1", "2001:db9::5", "::ffff:192.0.3.9", "", "unix", "192.0.2.1, 8.8.8.8"):
        with pytest.raises(Forbidden):
            service.find(key, peer)


def test_addresses_that_were_let_in_are_remembered_within_a_bound(service):
    key = service.create(KeyOrder("app", networks=parse_networks(["10.0.0.0/8"]))).key
    for number in range(3000):
        service.find(key, f"10.0.{number // 250}.{number % 250}")

    live = next(iter(service.keys._live.values()))
    assert 0 < len(live.peers) <= 1024


def test_last_use_is_noted_once_a_minute_and_handed_over_when_asked(service):
    issued = service.create(ORDER)
    for _ in range(5):
        service.find(issued.key)
        service.clock.advance(10)
    service.keys.note_uses()
    service.keys.note_uses()
    service.clock.advance(60)
    service.find(issued.key)
    service.keys.note_uses()

    assert [list(uses) for uses in service.store.touches] == [[issued.row.key_id]] * 2


def test_a_changed_key_keeps_its_last_use_in_memory(service):
    issued = service.create(ORDER)
    service.find(issued.key)
    now(service.issuer.rotate(issued.row.key_id, 3600.0, None))
    service.keys.refresh()
    service.keys.note_uses()
    service.find(issued.key)
    service.keys.note_uses()

    assert len(service.store.touches) == 1


def test_expired_keys_leave_memory_a_day_later(service):
    service.create(KeyOrder("short", life_s=60.0))
    service.create(ORDER)
    service.clock.advance(86_400 + 61)
    service.keys.refresh()

    assert len(service.keys) == 1


def test_a_wall_clock_that_jumps_an_hour_and_back_loses_no_key(service):
    issued = service.create(KeyOrder("short", life_s=1800.0))
    service.clock.now_wall_ns += 3600 * 10**9
    service.keys.refresh()
    with pytest.raises(Unauthenticated):
        service.find(issued.key)
    service.clock.now_wall_ns -= 3600 * 10**9

    assert service.find(issued.key).name == "short"


def test_a_store_that_cannot_be_read_leaves_what_was_known(service):
    issued = service.create(ORDER)
    service.store.is_failing = True
    with pytest.raises(RecordUnavailable):
        service.keys.refresh()

    assert service.find(issued.key).name == "app"


def test_a_source_that_fails_too_often_is_slowed_and_a_right_key_beside_it_is_not(service):
    issued = service.create(ORDER)
    for _ in range(20):
        with pytest.raises(Unauthenticated):
            service.find("wrong", "203.0.113.5")
    with pytest.raises(RateLimited) as caught:
        service.find("wrong", "203.0.113.77")

    assert 0 < caught.value.retry_after_s <= 3
    assert service.find(issued.key, "203.0.113.5").name == "app"
    with pytest.raises(Unauthenticated):
        service.find("wrong", "203.0.114.5")


def test_no_error_holds_what_was_presented(service):
    issued = service.create(KeyOrder("app", networks=parse_networks(["10.0.0.0/8"])))
    wrong = issued.key[:-1] + "0"
    for presented in (issued.key, wrong, "wrong-secret-canary"):
        with pytest.raises(HeadworksError) as caught:
            service.find(presented, "8.8.8.8")
        text = f"{caught.value!r} {caught.value.detail} {caught.value.reason} {caught.value.headers}"
        assert presented not in text
        assert issued.key[17:60] not in text


def test_nothing_stored_or_printed_holds_the_secret(service):
    issued = service.create(ORDER)
    secret = issued.key[-50:-7]
    stored = service.store.rows[issued.row.key_id]

    assert secret.encode() not in msgspec.msgpack.encode(stored, enc_hook=str)
    assert secret not in f"{issued!r} {issued} {stored!r} {PEPPERS!r} {service.find(issued.key)!r}"
    assert b"p" * 32 not in repr(PEPPERS).encode()


def test_two_keys_never_share_id_or_secret():
    service = Service()
    keys = {service.create(ORDER).key for _ in range(50)}
    random = FakeRandom()

    assert len({key[8:16] for key in keys}) == len({key[17:60] for key in keys}) == 50
    assert random(16) != random(16)
