"""Merkle trees are those of RFC 9162, and their proofs prove what they should and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.merkle import (
    EMPTY,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

# The known answers of Certificate Transparency: google/certificate-transparency,
# cpp/merkletree/merkle_tree_test.cc; transparency-dev/merkle has the same.
INPUTS = [
    bytes.fromhex(data)
    for data in (
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
PATHS = {
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
EXTENSIONS = {
    (1, 1): (),
    (1, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}

LEAVES = st.integers(0, 70).map(lambda size: [leaf_hash(bytes([at])) for at in range(size)])
SOME = LEAVES.filter(bool)


def hexes(path: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(each.hex() for each in path)


def tree(size: int) -> list[bytes]:
    return [leaf_hash(data) for data in INPUTS[:size]]


def by_definition(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, word for word, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = max(1 << each for each in range(12) if 1 << each < len(leaves))
    halves = by_definition(leaves[:k]) + by_definition(leaves[k:])
    return hashlib.sha256(b"\x01" + halves).digest()


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert root([]) == EMPTY
    assert EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert root(tree(size)).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("where", "path"), PATHS.items())
def test_inclusion_proofs_are_those_of_certificate_transparency(
    where: tuple[int, int], path: tuple[str, ...]
) -> None:
    index, size = where
    found = inclusion_proof(tree(size), index)
    assert hexes(found) == path
    assert verify_inclusion(tree(size)[index], index, size, found, root(tree(size)))


@pytest.mark.parametrize(("sizes", "path"), EXTENSIONS.items())
def test_consistency_proofs_are_those_of_certificate_transparency(
    sizes: tuple[int, int], path: tuple[str, ...]
) -> None:
    earlier, later = sizes
    found = consistency_proof(tree(later), earlier)
    assert hexes(found) == path
    assert verify_consistency(earlier, later, root(tree(earlier)), root(tree(later)), found)


@given(LEAVES)
def test_a_root_is_the_one_of_the_definition(leaves: list[bytes]) -> None:
    assert root(leaves) == by_definition(leaves)


@given(SOME, st.data())
def test_every_leaf_is_proved_where_it_is_and_nowhere_else(
    leaves: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path, size = inclusion_proof(leaves, index), len(leaves)
    assert verify_inclusion(leaves[index], index, size, path, root(leaves))
    elsewhere = data.draw(st.integers(-1, size))
    if elsewhere != index:
        assert not verify_inclusion(leaves[index], elsewhere, size, path, root(leaves))
    assert not verify_inclusion(leaf_hash(b"of no tree"), index, size, path, root(leaves))
    assert not verify_inclusion(leaves[index], index, size, (*path, EMPTY), root(leaves))
    assert not verify_inclusion(leaves[index], index, size, path, leaf_hash(b"another root"))


@given(SOME, st.data())
def test_a_changed_path_proves_nothing(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = list(inclusion_proof(leaves, index))
    if not path:
        return
    at, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
    altered = bytearray(path[at])
    altered[bit // 8] ^= 1 << bit % 8
    path[at] = bytes(altered)
    assert not verify_inclusion(leaves[index], index, len(leaves), path, root(leaves))


@given(LEAVES, st.data())
def test_every_tree_extends_its_beginnings(leaves: list[bytes], data: st.DataObject) -> None:
    earlier = data.draw(st.integers(0, len(leaves)))
    path = consistency_proof(leaves, earlier)
    before, after = root(leaves[:earlier]), root(leaves)
    assert verify_consistency(earlier, len(leaves), before, after, path)
    assert not verify_consistency(earlier, len(leaves), before, after, (*path, EMPTY))
    assert (
        not verify_consistency(earlier, len(leaves), before, leaf_hash(b"?"), path) or not earlier
    )
    assert not verify_consistency(earlier, len(leaves), leaf_hash(b"?"), after, path)


@given(SOME, st.data())
def test_a_tree_whose_past_was_rewritten_extends_nothing(
    leaves: list[bytes], data: st.DataObject
) -> None:
    earlier = data.draw(st.integers(1, len(leaves)))
    at = data.draw(st.integers(0, earlier - 1))
    rewritten = [*leaves]
    rewritten[at] = leaf_hash(b"something that was never there")
    path = consistency_proof(rewritten, earlier)
    assert not verify_consistency(
        earlier, len(leaves), root(leaves[:earlier]), root(rewritten), path
    )


def test_what_no_tree_has_is_not_proved() -> None:
    with pytest.raises(IndexError):
        inclusion_proof(tree(3), 3)
    with pytest.raises(IndexError):
        consistency_proof(tree(3), 4)
    assert not verify_consistency(3, 2, root(tree(3)), root(tree(2)), ())
