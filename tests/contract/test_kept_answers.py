"""What every kept answer promises, whether it is given to the same call or to a similar one."""

import pytest
from msgspec import structs

from tests.unit.cache.test_similar import POLICY, House

AGAIN = {"the same": "cancel?", "a similar": "how to cancel?"}
GIVEN = {"the same": "hit", "a similar": "semantic"}


@pytest.fixture(params=sorted(AGAIN))
def kind(request):
    return request.param


@pytest.fixture
def house():
    return House()


def test_it_is_given_again_to_its_owner(house, kind):
    house.ask("cancel?")

    assert house.how(AGAIN[kind]) == GIVEN[kind]


@pytest.mark.parametrize("owner", ["key:k2", "tenant:k1", "tenant:other", "key:k1 "])
def test_nobody_is_given_anothers(house, kind, owner):
    house.ask("cancel?", owner="tenant:one")

    assert house.how(AGAIN[kind], owner=owner) == "miss"


def test_nobody_can_put_an_answer_in_anothers_way(house, kind):
    for owner in ("key:k2", "tenant:two"):
        for text in ("cancel?", "how to cancel?"):
            house.ask(text, owner=owner)

    assert house.ask(AGAIN[kind]).body == b'{"answer":"%s"}' % AGAIN[kind].encode()


def test_an_answer_about_one_person_is_not_given_about_another(house, kind):
    house.ask("cancel?", subject="ada")

    assert [house.how(AGAIN[kind], subject=subject) for subject in ("bob", None, "ada")] == [
        "miss",
        "miss",
        GIVEN[kind],
    ]


@pytest.mark.parametrize("changes", [{"system": "Be rude."}])
def test_what_else_was_said_counts(house, kind, changes):
    house.ask("cancel?")

    assert house.how(AGAIN[kind], **changes) == "miss"


def test_another_version_answers_for_itself(house, kind):
    house.ask("cancel?")
    call = house.call(AGAIN[kind])
    later = structs.replace(call, endpoint=structs.replace(call.endpoint, version=2, id="mood/v2"))

    assert dict(house.start(later).result().headers)["Headworks-Cache"] == "miss"


def test_it_is_fresh_for_as_long_as_the_endpoint_says(house, kind):
    house.ask("cancel?")
    house.time.advance(POLICY.fresh_s + 1)

    assert house.how(AGAIN[kind]) == "miss"


@pytest.mark.parametrize("wishes", ["no-store", "no-cache", "max-age=3"])
def test_the_callers_word_counts(house, kind, wishes):
    house.ask("cancel?")
    house.time.advance(4)
    asked = house.ask(AGAIN[kind], wishes=wishes)

    assert asked.body == b'{"answer":"%s"}' % AGAIN[kind].encode()
    assert house.how("cancel?", wishes="max-age=5") == "hit" or wishes == "max-age=3"


def test_what_must_not_be_kept_is_not_given_again(house, kind):
    house.ask("cancel?", wishes="no-store")

    assert house.how(AGAIN[kind]) == "miss"


def test_a_person_who_is_forgotten_is_forgotten_here_too(house, kind):
    house.ask("cancel?", subject="ada")
    house.answers.forget_subject("ada")

    assert house.how(AGAIN[kind], subject="ada") == "miss"
    assert len(house.answers.similar.nearest) <= 1


def test_when_what_answers_changes_everything_is_forgotten(house, kind):
    house.ask("cancel?")
    house.answers.clear()

    assert house.how(AGAIN[kind]) == "miss"
