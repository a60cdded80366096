import msgspec
import pytest

from headworks.errors import SchemaViolation, Unauthenticated
from headworks.identity.actions import CreateKey, ExchangeKey, KeyActions, ListKeys, RevokeKey, RotateKey, read_form
from tests.fakes_keys import START_WALL_NS, Service, admin_caller, now


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def actions(service):
    return KeyActions(service.issuer, service.clock, service.keys)


def test_a_created_key_opens_at_once_and_shows_its_text_once(service, actions):
    made = now(actions.create(read_form(CreateKey, {"name": "app", "rate": "10/s", "expires": "30d"}), None))
    (listed,) = now(actions.list(ListKeys(), None))

    assert service.find(made.key).key_id == made.id
    assert (listed.id, listed.rate, listed.burst, listed.status) == (made.id, "10/s", 10, "live")
    assert made.key not in msgspec.json.encode(listed).decode()
    assert '"key":' in msgspec.json.encode(made).decode()


def test_a_revoked_key_is_refused_at_once(service, actions):
    made = now(actions.create(CreateKey("app"), None))
    shown = now(actions.revoke(RevokeKey(made.id), None))

    assert shown.status == "revoked"
    with pytest.raises(Unauthenticated):
        service.find(made.key)


def test_a_rotated_key_and_its_successor_name_each_other(service, actions):
    old = now(actions.create(CreateKey("app"), None))
    service.clock.advance(1)
    new = now(actions.rotate(read_form(RotateKey, {"id": old.id, "overlap": "1h"}), None))
    listed = {key.id: key for key in now(actions.list(ListKeys(), None))}

    assert listed[old.id].replaced_by == new.id
    assert listed[new.id].replaces == old.id
    assert service.find(new.key).name == "app"


def test_who_made_a_key_is_shown(actions):
    made = now(actions.create(CreateKey("app"), admin_caller("ops00000")))

    assert made.made_by == "ops00000"


def test_the_one_time_key_is_exchanged_through_an_action(service, actions):
    first = now(service.issuer.first_admin())
    service.keys.refresh()
    lasting = now(actions.exchange(ExchangeKey("ops"), service.find(first.key)))

    assert lasting.scopes == ("admin",)
    assert service.find(lasting.key).name == "ops"


def test_expires_never_is_said_in_so_many_words(actions):
    assert now(actions.create(CreateKey("app", expires="never"), None)).expires is None


def test_the_list_is_bounded_and_starts_with_the_youngest(service, actions):
    for name in ("a", "b", "c"):
        now(actions.create(CreateKey(name), None))
        service.clock.advance(1)

    assert [key.name for key in now(actions.list(ListKeys(limit=2), None))] == ["c", "b"]


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"name": "a", "scopes": ["call:A"]}, "/scopes"),
        ({"name": "a", "rate": "10"}, "/rate"),
        ({"name": "a", "rate": "9999999999/s"}, "/rate"),
        ({"name": "a", "rate": "0.0001/d"}, "/rate"),
        ({"name": "a", "expires": "soon"}, "/expires"),
        ({"name": "a", "expires": "0d"}, "/expires"),
        ({"name": "a", "networks": ["x"]}, "/networks"),
    ],
)
def test_a_word_that_says_nothing_is_refused_by_its_pointer(actions, document, pointer):
    with pytest.raises(SchemaViolation) as caught:
        now(actions.create(read_form(CreateKey, document), None))

    assert [error.pointer for error in caught.value.errors] == [pointer]


@pytest.mark.parametrize(
    ("form", "document", "pointer"),
    [
        (CreateKey, {"name": "a", "owner": "me"}, "/owner"),
        (CreateKey, b'{"name": "a", "admin": true}', "/admin"),
        (CreateKey, b"", "/name"),
        (CreateKey, b"{", ""),
        (CreateKey, {"name": ""}, "/name"),
        (CreateKey, {"name": "a\nb"}, "/name"),
        (CreateKey, {"name": "a", "scopes": ["ok", 5]}, "/scopes/1"),
        (CreateKey, {"name": "a", "concurrency": 0}, "/concurrency"),
        (RevokeKey, {"id": "../../etc"}, "/id"),
        (RotateKey, {}, "/id"),
        (CreateKey, b"[]", ""),
    ],
)
def test_forms_refuse_unknown_missing_and_wrong_fields(form, document, pointer):
    with pytest.raises(SchemaViolation) as caught:
        read_form(form, document)

    assert caught.value.errors[0].pointer == pointer
    assert caught.value.errors[0].message


def test_times_are_shown_as_rfc_3339(actions):
    assert now(actions.create(CreateKey("app"), None)).created == "2027-01-15T08:00:00.000Z"
    assert START_WALL_NS == 1_800_000_000 * 10**9
