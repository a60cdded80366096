"""Which endpoint a `model` means."""

import pytest
from msgspec import structs

from headworks.contract.schema import contract_from
from headworks.dialects.naming import answers_bare, endpoint_named, names_of
from headworks.errors import NotFound
from headworks.values import Endpoint

CONTRACT = contract_from({"type": "object"}, {"type": "object"}, False, False, ())


class Published:
    def __init__(self, *endpoints):
        self._endpoints = endpoints

    def versions(self):
        return self._endpoints

    def bare(self, name):
        return answers_bare([each for each in self._endpoints if each.name == name])

    def named(self, name, version):
        found = [each for each in self._endpoints if (each.name, each.version) == (name, version)]
        if not found:
            raise NotFound
        return found[0]


def made(name, version, **more):
    return structs.replace(Endpoint(name, version, CONTRACT, ()), **more)


ONLY = made("only", 3)
OLD, NEW = made("chat", 1), made("chat", 2, is_default=True)
LEFT, RIGHT = made("several", 1), made("several", 2)
PUBLISHED = Published(OLD, NEW, ONLY, LEFT, RIGHT)


@pytest.mark.parametrize(
    ("model", "endpoint"), [("only", ONLY), ("only@v3", ONLY), ("chat", NEW), ("chat@v1", OLD), ("several@v2", RIGHT)]
)
def test_a_bare_name_means_the_only_or_the_default_version(model, endpoint):
    assert endpoint_named(model, PUBLISHED) is endpoint


@pytest.mark.parametrize(
    "model",
    ["", "none", "several", "chat@v3", "chat@v01", "chat@1", "chat@", "chat/v1", "chat@v1 ", "x" * 65, "ch\nat"],
)
def test_what_names_no_endpoint_is_not_found(model):
    with pytest.raises(NotFound):
        endpoint_named(model, PUBLISHED)


def test_every_name_is_listed_and_means_what_it_is_listed_for():
    names = names_of(PUBLISHED.versions())

    assert [name for name, _ in names] == [
        "chat", "chat@v1", "chat@v2", "only", "only@v3", "several@v1", "several@v2",
    ]  # fmt: skip
    assert all(endpoint_named(name, PUBLISHED) is endpoint for name, endpoint in names)
