"""What stands for all of a round's decisions at one moment, so that one signature covers them.

Each ledger, the round's own and every shard's, is a log that only grows: its tree has the canonical
forms of its entries as leaves. The round's tree has the canonical heads of these ledgers as leaves,
the round's first, then the shards' in order. Two levels, because shards decide at the same time:
one list of all decisions by time would be another list after each export, and no longer grow at
its end alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.accounts import Actor
from domain.canonical import Sha256, canonical
from domain.ids import RoundId, Timestamp
from domain.ledger import GENESIS, Entry
from domain.merkle import leaf_hash, root

TREE_FORMAT = "labelwright-tree-head-1"
ROUND = "round"
"""The source that is the round's own ledger; a shard's is `shard 3`."""


@dataclass(frozen=True, kw_only=True)
class SourceHead:
    """One ledger: how long it is, its chain's last hash, and its tree's root."""

    source: str
    length: int
    head: Sha256
    root: Sha256


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The round's tree, whoever looks at it."""

    root: Sha256
    entries: int
    """Of all sources."""
    sources: tuple[SourceHead, ...]
    """The round's own first, then the shards' in order."""


@dataclass(frozen=True, kw_only=True)
class TreeHead:
    """The round's tree as somebody exported it: what the API signs."""

    format: str
    round: RoundId
    root: Sha256
    entries: int
    sources: tuple[SourceHead, ...]
    exported_at: Timestamp
    exported_by: Actor
    build: str
    """Name and version of the program."""

    @property
    def tree(self) -> Tree:
        return Tree(root=self.root, entries=self.entries, sources=self.sources)


def entry_leaf(entry: Entry) -> bytes:
    """The entry's leaf hash in the tree of its ledger."""
    return leaf_hash(canonical(entry))


def source_leaf(head: SourceHead) -> bytes:
    """The ledger's leaf hash in the tree of the round."""
    return leaf_hash(canonical(head))


def source_head(source: str, leaves: Sequence[bytes], head: Sha256 = GENESIS) -> SourceHead:
    """Of the ledger whose entries have these leaf hashes and whose chain ends with `head`."""
    return SourceHead(source=source, length=len(leaves), head=head, root=Sha256(root(leaves).hex()))


def tree_of(sources: Sequence[SourceHead]) -> Tree:
    """The round's tree over its ledgers, which come in their order."""
    return Tree(
        root=Sha256(root([source_leaf(each) for each in sources]).hex()),
        entries=sum(each.length for each in sources),
        sources=tuple(sources),
    )


def place_of(source: str) -> int:
    """Where a source stands among the leaves: the round's own first, then shards by number.

    Raises ValueError for what is the name of no source.
    """
    if source == ROUND:
        return 0
    kind, _, number = source.partition(" ")
    if kind != "shard" or not (number.isascii() and number.isdigit()):
        raise ValueError(f"“{source}” is not the name of a ledger")
    return int(number) + 1
