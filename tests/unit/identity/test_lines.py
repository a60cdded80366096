"""The first key of a line of rotations."""

from headworks.identity.issue import KeyOrder
from headworks.identity.lines import KeyLines
from tests.fakes_keys import Service, now


def test_every_key_of_a_line_has_the_same_first_one():
    service = Service()
    first = service.create(KeyOrder("a")).row
    second = now(service.issuer.rotate(first.key_id, 60.0, None)).row
    third = now(service.issuer.rotate(second.key_id, 60.0, None)).row
    other = service.create(KeyOrder("a")).row
    of = KeyLines(service.store).first

    assert {of(row.key_id) for row in (first, second, third, second)} == {first.key_id}
    assert of(other.key_id) == other.key_id
    assert of("nobody") == "nobody"


def test_lookups_are_remembered_and_a_full_memory_starts_anew():
    asked = []

    class Store:
        def find(self, key_id):
            asked.append(key_id)

    of = KeyLines(Store(), most_known=2).first
    for key_id in ("a", "a", "b", "c", "c", "a"):
        of(key_id)

    assert asked == ["a", "b", "c", "a"]
