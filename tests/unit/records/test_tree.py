"""Against the well-known vectors of Certificate Transparency and against the recursive definition in RFC 9162."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.records.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_path,
    inclusion_path,
    is_consistent,
    leaf_hash,
    node_hash,
    range_root,
    root_from_inclusion,
)

INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
LEAVES = [leaf_hash(data) for data in INPUTS]


def subtree(leaves):
    def root_of(level, index):
        if level == 0:
            return leaves[index]
        return node_hash(root_of(level - 1, 2 * index), root_of(level - 1, 2 * index + 1))

    return root_of


def definition(leaves):
    """MTH, word for word as in RFC 9162 section 2.1.1."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(definition(leaves[:k]), definition(leaves[k:]))


def some_leaves(count):
    return [leaf_hash(str(n).encode()) for n in range(count)]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_root_of_each_size_is_the_published_one(size):
    frontier = Frontier()
    frontier.extend(LEAVES[:size])

    assert frontier.root().hex() == ROOTS[size - 1]
    assert range_root(0, size, subtree(LEAVES)).hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_hash_of_nothing():
    assert Frontier().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_the_published_ones(index, size):
    path = inclusion_path(index, size, subtree(LEAVES))

    assert [digest.hex() for digest in path] == INCLUSION[index, size]
    assert root_from_inclusion(LEAVES[index], index, size, path).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("first", "second"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(first, second):
    path = consistency_path(first, second, subtree(LEAVES))
    old, new = (first, bytes.fromhex(ROOTS[first - 1])), (second, bytes.fromhex(ROOTS[second - 1]))

    assert [digest.hex() for digest in path] == CONSISTENCY[first, second]
    assert is_consistent(old, new, path)


def test_every_proof_of_every_small_tree_holds_and_no_other_root_passes():
    leaves = some_leaves(33)
    roots = [definition(leaves[:size]) for size in range(34)]
    root_of = subtree(leaves)
    for size in range(1, 34):
        for index in range(size):
            path = inclusion_path(index, size, root_of)
            assert root_from_inclusion(leaves[index], index, size, path) == roots[size]
        for first in range(1, size + 1):
            path = consistency_path(first, size, root_of)
            assert is_consistent((first, roots[first]), (size, roots[size]), path)
            assert not is_consistent((first, roots[first - 1]), (size, roots[size]), path)
            assert not is_consistent((first, roots[first]), (size, EMPTY_ROOT), path)


def test_a_proof_of_the_wrong_length_is_refused():
    path = inclusion_path(5, 8, subtree(LEAVES))

    for wrong in (path[:-1], [*path, path[0]]):
        with pytest.raises(ValueError, match="too"):
            root_from_inclusion(LEAVES[5], 5, 8, wrong)
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_path(8, 8, subtree(LEAVES))
    with pytest.raises(ValueError, match="not the beginning"):
        consistency_path(9, 8, subtree(LEAVES))


@given(st.lists(st.integers(0, 40), max_size=12))
def test_growing_in_any_steps_gives_the_tree_of_the_definition(steps):
    leaves = some_leaves(sum(steps))
    frontier, at = Frontier(), 0
    for step in steps:
        frontier = Frontier.unpack(frontier.size, frontier.packed())
        frontier.extend(leaves[at : at + step])
        at += step

    assert frontier.root() == definition(leaves)


def test_complete_subtrees_of_256_leaves_are_given_for_storing():
    leaves = some_leaves(600)

    completed = Frontier().extend(leaves)

    assert completed == [(8, 0, definition(leaves[:256])), (8, 1, definition(leaves[256:512]))]


def test_an_edge_that_does_not_fit_its_size_is_refused():
    with pytest.raises(ValueError, match="edge hashes"):
        Frontier.unpack(3, b"x" * 32)
    with pytest.raises(ValueError, match="whole hashes"):
        Frontier.unpack(1, b"x" * 31)
