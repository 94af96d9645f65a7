"""Merkle trees over append-only logs: roots, and proofs of what is in them and what came before.

Exactly the trees of section 2.1 of RFC 9162 (B. Laurie, E. Messeri, R. Stradling, 2021,
"Certificate Transparency Version 2.0"): SHA-256, a leaf's hash over 0x00 and its bytes, a node's
over 0x01 and its two children, and a tree of n leaves split at the largest power of two below n.
Hashes are 32 raw bytes. Functions that build take the leaves' hashes; functions that verify take
what a proof holds, and believe nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

LEAF, NODE = b"\x00", b"\x01"
EMPTY = hashlib.sha256().digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree with these leaf hashes (RFC 9162, 2.1.1)."""
    level = list(leaves)
    if not level:
        return EMPTY
    # Pairs from the left, an odd one carried up: the same tree as splitting from the top.
    while len(level) > 1:
        paired = [node_hash(*level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The hashes beside the way from leaf `index` to the root, lowest first (RFC 9162, 2.1.3.1).

    Raises IndexError when there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"a tree of {len(leaves)} leaves has no leaf {index}")
    path: list[bytes] = []
    first, last = 0, len(leaves)
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            path.append(root(leaves[middle:last]))
            last = middle
        else:
            path.append(root(leaves[first:middle]))
            first = middle
    return tuple(reversed(path))


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes
) -> bool:
    """Whether the leaf is at `index` of the tree with `size` leaves and that root (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == expected


def consistency_proof(leaves: Sequence[bytes], earlier: int) -> tuple[bytes, ...]:
    """What shows that the tree's first `earlier` leaves were a tree of their own (2.1.4.1).

    Empty for a tree without leaves, which every tree extends, and for the tree itself. Raises
    IndexError when the tree has fewer leaves than that.
    """
    if not 0 <= earlier <= len(leaves):
        raise IndexError(f"a tree of {len(leaves)} leaves never had {earlier}")
    if earlier in {0, len(leaves)}:
        return ()
    path: list[bytes] = []
    first, last, whole = 0, len(leaves), True
    wanted = earlier
    while wanted != last - first:
        middle = first + _split(last - first)
        if wanted <= middle - first:
            path.append(root(leaves[middle:last]))
            last = middle
        else:
            path.append(root(leaves[first:middle]))
            wanted -= middle - first
            first, whole = middle, False
    if not whole:
        path.append(root(leaves[first:last]))
    return tuple(reversed(path))


def verify_consistency(
    earlier: int, later: int, earlier_root: bytes, later_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether a tree of `later` leaves extends one of `earlier` leaves (2.1.4.2)."""
    if not 0 < earlier < later:
        return _need_no_proof(earlier, later, earlier_root, later_root) and not path
    # A complete tree is a node of the later one, and its own root begins the path.
    rest = [earlier_root, *path] if earlier & (earlier - 1) == 0 else list(path)
    if not rest:
        return False
    place, last = earlier - 1, later - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = rest[0]
    for sibling in rest[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and before == earlier_root and after == later_root


def _need_no_proof(earlier: int, later: int, earlier_root: bytes, later_root: bytes) -> bool:
    """Of nothing every tree is an extension, and each of itself."""
    if earlier == later:
        return earlier_root == later_root
    return earlier == 0 < later and earlier_root == EMPTY


def _split(size: int) -> int:
    """The largest power of two below `size`, which is above 1."""
    return 1 << (size - 1).bit_length() - 1
