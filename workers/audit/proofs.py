"""Proofs that stand by themselves: that a decision was made, and that a ledger has only grown.

A proof of inclusion says of one entry, in a few hundred bytes for each thousand entries, that it is
in the ledger whose head was signed. A proof of consistency says that the ledgers of a later export
begin with those of an earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from domain.canonical import Sha256, canonical
from domain.errors import BundleDamaged, InvalidInput, NotABundle, NotFound
from domain.ids import RecordId
from domain.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from domain.records import Json
from domain.tree_heads import SourceHead, TreeHead, place_of, source_head, source_leaf, tree_of
from storage.documents import from_json
from workers.audit.bundle import HEAD_CONTEXT, LEDGER, Bundle, opened, source_folder
from workers.audit.findings import Finding, FindingKind
from workers.signing import why_not_signed

PROOF_FORMAT = "labelwright-proof-1"
CONCLUSIONS = {"outcome_reached": True, "outcome_withdrawn": False}
"""Kind of decision → whether the record has an outcome from then on."""


@dataclass(frozen=True, kw_only=True)
class InclusionProof:
    """That an entry is in a ledger, and the ledger under the signed head."""

    format: str
    entry: dict[str, Any]
    """`sequence`, `decision` and `hash`; its canonical form is the leaf."""
    source: SourceHead
    path: tuple[Sha256, ...]
    """From the entry to the root of its ledger's tree, lowest first."""
    round_path: tuple[Sha256, ...]
    """From the ledger's head to the root of the round's tree, lowest first."""
    head: TreeHead
    head_signature: str


@dataclass(frozen=True, kw_only=True)
class SourceExtension:
    """How one ledger of the later export continues that of the earlier one."""

    source: str
    earlier: int
    later: int
    path: tuple[Sha256, ...]


@dataclass(frozen=True, kw_only=True)
class Consistency:
    consistent: bool
    earlier: TreeHead
    later: TreeHead
    sources: tuple[SourceExtension, ...]
    findings: tuple[Finding, ...]


def prove_record(path: Path, record_id: RecordId) -> InclusionProof:
    """A proof of the outcome that the record has in the bundle.

    Raises NotFound, NotABundle, BundleDamaged.
    """
    with _whole(path) as bundle:
        ledgers = {head.source: _lines(bundle, head) for head in bundle.listing.head.sources}
        # A later look at the record is a later shard's.
        for source, lines in reversed(ledgers.items()):
            at = _conclusion(lines, record_id)
            if at is not None:
                return _proof(bundle, source, lines, at)
    raise NotFound(
        f"no outcome of record {record_id} is in the bundle",
        hint="--entry SOURCE:SEQUENCE proves any other decision; `audit show` lists them",
    )


def prove_entry(path: Path, source: str, sequence: int) -> InclusionProof:
    """A proof of the entry with that number in the ledger of `source`.

    Raises NotFound, NotABundle, BundleDamaged.
    """
    with _whole(path) as bundle:
        head = next((each for each in bundle.listing.head.sources if each.source == source), None)
        if head is None or not 0 <= sequence < head.length:
            there = ", ".join(f"{e.source}: {e.length}" for e in bundle.listing.head.sources)
            raise NotFound(f"there is no entry {source}:{sequence}", hint=f"ledgers have {there}")
        return _proof(bundle, source, _lines(bundle, head), sequence)


def check_proof(proof: InclusionProof, public_keys: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the entry was decided, if the key is trusted: all that the proof says follows."""
    head, source = proof.head, proof.source
    index = proof.entry.get("sequence")
    leaf = leaf_hash(canonical(proof.entry))
    if not isinstance(index, int) or not verify_inclusion(
        leaf, index, source.length, _raw(proof.path), bytes.fromhex(source.root)
    ):
        yield _broken("entry", f"The entry is not in the ledger of {source.source}.")
    place = place_of(source.source)
    if head.tree != tree_of(head.sources) or source not in head.sources:
        yield _broken("tree head", "The signed head is not that of the ledgers that it names.")
    if not verify_inclusion(
        source_leaf(source),
        place,
        len(head.sources),
        _raw(proof.round_path),
        bytes.fromhex(head.root),
    ):
        yield _broken("ledger", f"The ledger of {source.source} is not under the signed head.")
    why_not = why_not_signed(proof.head_signature, HEAD_CONTEXT, canonical(head), public_keys)
    if why_not:
        yield Finding(
            kind=FindingKind.SIGNATURE_INVALID,
            subject="tree head",
            message=f"The tree head {why_not}.",
            expected="a signature of the API",
            found=proof.head_signature,
        )


def read_proof(path: Path) -> InclusionProof:
    """Raises NotFound, NotABundle."""
    try:
        proof = from_json(InclusionProof, json.loads(path.read_bytes()))
        hashes = [proof.source.root, proof.head.root, *proof.path, *proof.round_path]
        if proof.format != PROOF_FORMAT or any(len(bytes.fromhex(each)) != 32 for each in hashes):
            raise ValueError
        place_of(proof.source.source)
        canonical(proof.entry)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except (OSError, ValidationError, ValueError, TypeError, RecursionError) as error:
        raise NotABundle(
            f"{path} is no proof of an entry",
            hint="`labelwright audit prove BUNDLE --record ID` makes one",
        ) from error
    return proof


def compare_exports(earlier: Path, later: Path, public_keys: Mapping[str, str]) -> Consistency:
    """Whether each ledger of the later bundle begins with that of the earlier one.

    Raises NotFound, NotABundle, BundleDamaged, InvalidInput where they are of different rounds.
    """
    with _whole(earlier) as old, _whole(later) as new:
        before, after = old.listing, new.listing
        if before.head.round != after.head.round:
            raise InvalidInput(
                f"{earlier} is about round {before.head.round}, {later} about {after.head.round}",
                hint="exports of one round can be compared",
            )
        findings = []
        for which, listing in (("earlier", before), ("later", after)):
            why_not = why_not_signed(
                listing.head_signature, HEAD_CONTEXT, canonical(listing.head), public_keys
            )
            if why_not:
                findings.append(
                    Finding(
                        kind=FindingKind.SIGNATURE_INVALID,
                        subject=f"tree head of the {which} bundle",
                        message=f"The tree head of the {which} bundle {why_not}.",
                    )
                )
            if listing.head.tree != tree_of(listing.head.sources):
                findings.append(
                    _broken(
                        f"tree head of the {which} bundle",
                        f"The tree head of the {which} bundle is not that of its ledgers.",
                    )
                )
        extensions = []
        heads = {head.source: head for head in after.head.sources}
        for head in before.head.sources:
            extension, found = _extended(new, head, heads.get(head.source))
            findings += found
            extensions += [extension] * (extension is not None)
    return Consistency(
        consistent=not findings,
        earlier=before.head,
        later=after.head,
        sources=tuple(each for each in extensions if each is not None),
        findings=tuple(findings),
    )


def _extended(
    bundle: Bundle, before: SourceHead, after: SourceHead | None
) -> tuple[SourceExtension | None, list[Finding]]:
    subject = f"ledger of {before.source}"
    if after is None or after.length < before.length:
        length = after.length if after else 0
        return None, [
            Finding(
                kind=FindingKind.ENTRY_MISSING,
                subject=subject,
                message=f"The later {subject} has {length} entries, the earlier one had "
                f"{before.length}.",
                expected=before.length,
                found=length,
            )
        ]
    leaves = [leaf_hash(line) for line in _lines(bundle, after)]
    path = consistency_proof(leaves, before.length)
    follows = verify_consistency(
        before.length, after.length, bytes.fromhex(before.root), bytes.fromhex(after.root), path
    )
    extension = SourceExtension(
        source=before.source, earlier=before.length, later=after.length, path=_hex(path)
    )
    if follows:
        return extension, []
    return extension, [
        Finding(
            kind=FindingKind.TREE_DIFFERS,
            subject=subject,
            message=f"The later {subject} does not begin with the earlier one: what was decided "
            "before has been changed.",
            expected=before.root,
            found=source_head(before.source, leaves[: before.length]).root,
        )
    ]


@contextmanager
def _whole(path: Path) -> Iterator[Bundle]:
    """The bundle, if nothing in it is damaged. Raises BundleDamaged too."""
    with opened(path) as found:
        if found.bundle is None:
            first = found.findings[0]
            raise BundleDamaged(
                f"{path}: {first.message}", hint="`labelwright audit verify` names all differences"
            )
        yield found.bundle


def _lines(bundle: Bundle, head: SourceHead) -> list[bytes]:
    """The ledger's entries, which are those of its head. Raises BundleDamaged."""
    name = f"{LEDGER}/{source_folder(head.source)}.jsonl.gz"
    lines = bundle.inflate(name).splitlines()
    if source_head(head.source, [leaf_hash(line) for line in lines], head.head) != head:
        raise BundleDamaged(
            f"{name} in the bundle is not the ledger of {head.source} that was signed",
            hint="`labelwright audit verify` names all differences",
        )
    return lines


def _conclusion(lines: Sequence[bytes], record_id: RecordId) -> int | None:
    """Where the record's last outcome was reached, unless it was withdrawn since."""
    found: int | None = None
    wanted = json.dumps(record_id, ensure_ascii=False).encode()
    for at, line in enumerate(lines):
        if wanted not in line:
            continue
        decision: dict[str, Json] = json.loads(line)["decision"]
        stands = CONCLUSIONS.get(str(decision["kind"]))
        if decision["subject"] == record_id and stands is not None:
            found = at if stands else None
    return found


def _proof(bundle: Bundle, source: str, lines: Sequence[bytes], at: int) -> InclusionProof:
    listing = bundle.listing
    sources = listing.head.sources
    place = next(at for at, each in enumerate(sources) if each.source == source)
    return InclusionProof(
        format=PROOF_FORMAT,
        entry=json.loads(lines[at]),
        source=sources[place],
        path=_hex(inclusion_proof([leaf_hash(line) for line in lines], at)),
        round_path=_hex(inclusion_proof([source_leaf(each) for each in sources], place)),
        head=listing.head,
        head_signature=listing.head_signature,
    )


def _broken(subject: str, message: str) -> Finding:
    return Finding(kind=FindingKind.TREE_DIFFERS, subject=subject, message=message)


def _hex(path: Sequence[bytes]) -> tuple[Sha256, ...]:
    return tuple(Sha256(each.hex()) for each in path)


def _raw(path: Sequence[Sha256]) -> list[bytes]:
    return [bytes.fromhex(each) for each in path]
