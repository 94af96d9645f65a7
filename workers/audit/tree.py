"""The round's tree, recomputed from its ledgers, and compared with the one that was signed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from domain.merkle import leaf_hash
from domain.tree_heads import SourceHead, Tree, entry_leaf, place_of, source_head, tree_of
from workers.audit.evidence import Evidence
from workers.audit.findings import Finding, FindingKind

Leaves = Mapping[str, Sequence[bytes]]
"""Source → the leaf hashes of its ledger's entries."""


def tree_of_evidence(evidence: Evidence, leaves: Leaves | None = None) -> Tree:
    """Over the ledgers as they replay; leaf hashes that are known already need not be made."""
    heads = []
    for source in sorted(evidence.by_source, key=place_of):
        known = None if leaves is None else leaves.get(source)
        hashed = list(map(entry_leaf, evidence.entries(source))) if known is None else known
        heads.append(source_head(source, hashed, evidence.by_source[source][-1].head))
    return tree_of(heads)


def check_tree(signed: Tree, found: Tree) -> Iterator[Finding]:
    """The signed tree is the one that the histories give, ledger by ledger."""
    theirs = {head.source: head for head in signed.sources}
    ours = {head.source: head for head in found.sources}
    for source in sorted(theirs.keys() | ours.keys(), key=_place):
        yield from _check_source(source, theirs.get(source), ours.get(source))
    ordered = [head.source for head in signed.sources]
    if ordered != sorted(ordered, key=_place):
        yield _differs("tree head", "The ledgers of the signed head are not in their order.")
    if signed != tree_of(signed.sources):
        yield _differs(
            "tree head",
            "The root or the number of entries in the signed head is not that of its ledgers.",
            expected=tree_of(signed.sources).root,
            found=signed.root,
        )


def check_lines(source: str, lines: Sequence[bytes], leaves: Sequence[bytes]) -> Iterator[Finding]:
    """The written ledger is the replayed one; an entry that differs is named by its place."""
    written = list(map(leaf_hash, lines))
    if written == list(leaves):
        return
    less, more = Counter(leaves) - Counter(written), Counter(written) - Counter(leaves)
    if not less and not more:
        place = next(at for at, pair in enumerate(zip(written, leaves, strict=True)) if _two(pair))
        yield _entry(FindingKind.ENTRY_MOVED, source, place, "stands in another place")
        return
    missing = [at for at, leaf in enumerate(leaves) if leaf in less]
    added = [at for at, leaf in enumerate(written) if leaf in more]
    for at in sorted({*missing, *added}):
        if at in missing and at in added:
            yield _entry(FindingKind.ENTRY_CHANGED, source, at, "is not what was decided")
        elif at in missing:
            yield _entry(FindingKind.ENTRY_MISSING, source, at, "is missing")
        else:
            yield _entry(FindingKind.ENTRY_ADDED, source, at, "was never decided")


def _check_source(
    source: str, signed: SourceHead | None, found: SourceHead | None
) -> Iterator[Finding]:
    if found is None:
        yield _differs(
            f"ledger of {source}",
            f"The signed head names a ledger of {source}, and no history of it is there.",
            expected=signed.root if signed else None,
        )
    elif signed is None:
        yield _differs(
            f"ledger of {source}",
            f"There is a history of {source}, whose ledger the signed head does not name.",
            found=found.root,
        )
    elif signed != found:
        yield _differs(
            f"ledger of {source}",
            f"The ledger of {source} is not the one that was signed: {signed.length} decisions "
            f"were, {found.length} follow from its histories.",
            expected=f"root {signed.root}, head {signed.head}",
            found=f"root {found.root}, head {found.head}",
        )


def _differs(
    subject: str, message: str, *, expected: str | None = None, found: str | None = None
) -> Finding:
    return Finding(
        kind=FindingKind.TREE_DIFFERS,
        subject=subject,
        message=message,
        expected=expected,
        found=found,
    )


def _entry(kind: FindingKind, source: str, at: int, what: str) -> Finding:
    return Finding(
        kind=kind,
        subject=f"ledger of {source}, entry {at}",
        message=f"Entry {at} in the written ledger of {source} {what}: replaying the histories "
        "gives another ledger.",
    )


def _two(pair: tuple[bytes, bytes]) -> bool:
    return pair[0] != pair[1]


def _place(source: str) -> int:
    try:
        return place_of(source)
    except ValueError:
        return 1 << 62
