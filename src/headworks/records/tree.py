"""The Merkle tree over the records: hashes, the growing edge, proofs and their checks. Pure; nothing is stored here.

Source: RFC 9162 section 2.1 (SHA-256; the same tree as RFC 6962).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
HASH_BYTES = 32
STORED_EVERY = 8
"""Complete subtrees of 2^8, 2^16, 2^24 ... leaves are stored; everything between is recomputed when asked."""

RootOf = Callable[[int, int], bytes]
"""Gives the hash of the complete subtree at (level, index); level 0 is a leaf."""
Node = tuple[int, int, bytes]


def leaf_hash(data: bytes) -> bytes:
    """The hash of one entry."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, largest first.

    Cost: one hash an appended leaf, on average.
    """

    __slots__ = ("_roots", "size")

    def __init__(self, size: int = 0, roots: Sequence[bytes] = ()) -> None:
        if size < 0 or len(roots) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} edge hashes, not {len(roots)}")
        self.size = size
        self._roots = list(roots)

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> Frontier:
        """The edge that `packed` gave.

        Raises: ValueError when the two do not fit.
        """
        if len(packed) % HASH_BYTES:
            raise ValueError("an edge is whole hashes")
        return cls(size, [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)])

    def packed(self) -> bytes:
        """The edge as bytes, largest subtree first."""
        return b"".join(self._roots)

    def copy(self) -> Frontier:
        """An edge that grows on its own from here."""
        return Frontier(self.size, self._roots)

    def extend(self, leaves: Iterable[bytes]) -> list[Node]:
        """Append leaf hashes; gives the subtrees to store that they completed, smallest first."""
        roots, completed, alone = self._roots, [], []
        rising, position, level = list(leaves), self.size, 0
        self.size += len(rising)
        while rising:  # one level a turn: join neighbours, keep back the last one that has none yet
            if position & 1:
                rising.insert(0, roots.pop())
            if len(rising) & 1:
                alone.append(rising.pop())
            pairs = iter(rising)
            rising = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
            position >>= 1
            level += 1
            if level % STORED_EVERY == 0:
                completed += [(level, index, digest) for index, digest in enumerate(rising, position)]
        roots += reversed(alone)
        return completed

    def root(self) -> bytes:
        """The root of the whole tree as it is now."""
        if not self._roots:
            return EMPTY_ROOT
        digest = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            digest = node_hash(left, digest)
        return digest


def range_root(start: int, end: int, root_of: RootOf) -> bytes:
    """The hash over leaves start..end-1, where `start` is where such a subtree may begin (MTH of RFC 9162)."""
    count = end - start
    if count == 0:
        return EMPTY_ROOT
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return root_of(level, start >> level)
    split = start + _largest_power_below(count)
    return node_hash(range_root(start, split, root_of), range_root(split, end, root_of))


def inclusion_path(index: int, size: int, root_of: RootOf) -> list[bytes]:
    """The proof that leaf `index` is in the tree of `size` leaves. Source: RFC 9162 section 2.1.3.1."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _largest_power_below(end - start)
        if index < split:
            path.append(range_root(split, end, root_of))
            end = split
        else:
            path.append(range_root(start, split, root_of))
            start = split
    return path[::-1]


def consistency_path(first: int, second: int, root_of: RootOf) -> list[bytes]:
    """The proof that the tree of `first` leaves is the beginning of that of `second`. Source: RFC 9162 section 2.1.4.1."""
    if not 0 < first <= second:
        raise ValueError(f"a tree of {first} leaves is not the beginning of one of {second}")
    path: list[bytes] = []
    start, end, is_whole = 0, second, True
    while first != end:
        split = start + _largest_power_below(end - start)
        if first <= split:
            path.append(range_root(split, end, root_of))
            end = split
        else:
            path.append(range_root(start, split, root_of))
            start, is_whole = split, False
    if not is_whole:
        path.append(range_root(start, end, root_of))
    return path[::-1]


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to; compare it with a root you trust.

    Raises: ValueError when the proof has the wrong length. Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    low, last, digest = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ValueError("the proof is too long")
        if low & 1 or low == last:
            digest = node_hash(sibling, digest)
            while not low & 1 and low:
                low >>= 1
                last >>= 1
        else:
            digest = node_hash(digest, sibling)
        low >>= 1
        last >>= 1
    if last:
        raise ValueError("the proof is too short")
    return digest


def is_consistent(first: tuple[int, bytes], second: tuple[int, bytes], path: Sequence[bytes]) -> bool:
    """Whether a proof shows that the first (size, root) is the beginning of the second.

    Source: RFC 9162 section 2.1.4.2.
    """
    (first_size, first_root), (second_size, second_root) = first, second
    if first_size == second_size:
        return not path and first_root == second_root
    if not 0 < first_size < second_size or not path:
        return False
    hashes = list(path)
    if first_size & (first_size - 1) == 0:
        hashes.insert(0, first_root)
    low, last = first_size - 1, second_size - 1
    while low & 1:
        low >>= 1
        last >>= 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if low & 1 or low == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not low & 1 and low:
                low >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        low >>= 1
        last >>= 1
    return last == 0 and old == first_root and new == second_root


def _largest_power_below(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)
