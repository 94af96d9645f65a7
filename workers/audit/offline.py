"""Verifies a bundle of evidence on any machine: no server, no database, no settings.

First every byte of the file, then the signatures, then all that follows from the histories, by the
same checks that an audit of the running system makes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cryptography import x509

from domain.canonical import Sha256, canonical, digest_bytes
from domain.errors import InvalidInput, TooLarge
from domain.ids import RoundId
from domain.ledger import GENESIS
from domain.tree_heads import tree_of
from workers.audit.artifacts import check_candidate, check_outcomes_kept
from workers.audit.batch import check_batch, check_routes, routes_need_pool
from workers.audit.bundle import (
    HEAD_CONTEXT,
    HISTORIES,
    LEDGER,
    LISTING,
    LISTING_CONTEXT,
    MEMBER_CONTEXT,
    PINNED,
    TIMESTAMP,
    Bundle,
    BundledArtifacts,
    Opened,
    claim,
    opened,
    source_of,
    workflow_of,
)
from workers.audit.chain import check_heads, check_replay, check_signals
from workers.audit.evidence import Evidence
from workers.audit.findings import AuditReport, Finding, FindingKind
from workers.audit.folders import BundledFolder
from workers.audit.publication import check_files
from workers.audit.shares import PackedHistory, Read, Reading, cores_for, read_all
from workers.audit.snapshot import check_snapshot
from workers.audit.timestamps import check_timestamp, signed_head
from workers.audit.tree import check_lines, check_tree, tree_of_evidence
from workers.audit.verification import Check, notes_on, outcome_of
from workers.signing import why_not_signed


def verify_bundle(
    path: Path,
    *,
    public_keys: Mapping[str, str],
    tsa_certificates: Sequence[x509.Certificate] = (),
    processes: int | None = None,
) -> AuditReport:
    """All that can be said of a round from its bundle.

    `public_keys` are the API's: key id → raw Ed25519 public key, base64. `tsa_certificates` are
    those of the time-stamp authority and what issued them. `processes`: as many as there are cores.
    Raises NotFound, NotABundle.
    """
    with opened(path) as found:
        if found.bundle is None:
            return _damaged(found, public_keys)
        return _verified(found.bundle, found, public_keys, tsa_certificates, processes)


def check_listing(found: Opened, public_keys: Mapping[str, str]) -> Iterator[Finding]:
    """The listing is signed by one of the keys."""
    yield from _unsigned(
        f"member {LISTING}", found.signature, LISTING_CONTEXT, found.listing_bytes, public_keys
    )


def check_signed(bundle: Bundle, public_keys: Mapping[str, str]) -> Iterator[Finding]:
    """The head, and each member by itself, are signed by one of the keys."""
    listing, head = bundle.listing, bundle.listing.head
    yield from _unsigned(
        "tree head", listing.head_signature, HEAD_CONTEXT, canonical(head), public_keys
    )
    for each in listing.members:
        statement = claim(
            head.round, head.exported_at, name=each.name, sha256=each.sha256, size=each.bytes
        )
        yield from _unsigned(
            f"member {each.name}", each.signature, MEMBER_CONTEXT, statement, public_keys
        )


def _unsigned(
    subject: str, signature: str, context: str, statement: bytes, public_keys: Mapping[str, str]
) -> Iterator[Finding]:
    why_not = why_not_signed(signature, context, statement, public_keys)
    if why_not:
        yield Finding(
            kind=FindingKind.SIGNATURE_INVALID,
            subject=subject,
            message=f"The {subject} of the bundle {why_not}: it is not what the API exported.",
            expected="a signature of the API",
            found=signature,
        )


def _verified(
    bundle: Bundle,
    found: Opened,
    public_keys: Mapping[str, str],
    tsa_certificates: Sequence[x509.Certificate],
    processes: int | None,
) -> AuditReport:
    findings: list[Finding] = []
    if public_keys:
        findings += [*check_listing(found, public_keys), *check_signed(bundle, public_keys)]
    reading = Reading(public_keys=public_keys)
    processes = processes or cores_for(len(bundle.names(HISTORIES)))
    read = list(read_all(_histories(bundle), reading, processes=processes))
    evidence = Evidence(
        runs=tuple(each.run for each in read if each.run is not None),
        unreadable=tuple(one for each in read if each.run is None for one in each.findings),
    )
    leaves = _leaves(read)
    findings += [one for each in read if each.run is not None for one in each.findings]
    checks = _checks(bundle, evidence, leaves, tsa_certificates)
    for name, check in checks:
        findings.extend(outcome_of(name, check))
    run = evidence.round_run
    signed = ("every byte, and who exported it", "signatures of who acted")
    return AuditReport(
        round=bundle.round_id,
        source="bundle",
        histories=len(read),
        events=sum(each.events for each in read),
        decisions=sum(len(each.leaves) for each in read),
        replayed=all(evidence.replays(source) for source in evidence.by_source),
        verified=not findings,
        ledger_head=run.head if run else Sha256(GENESIS),
        tree=tree_of_evidence(evidence, leaves),
        checks=(*(signed if public_keys else ()), *(name for name, _ in checks)),
        findings=tuple(findings),
        notes=(
            *_notes(bundle, evidence, tsa_certificates),
            *notes_on(evidence, public_keys),
        ),
    )


def _histories(bundle: Bundle) -> Iterator[PackedHistory]:
    for name in bundle.names(HISTORIES):
        source = source_of(name.split("/")[1])
        yield PackedHistory(
            workflow_id=workflow_of(bundle.round_id, source), name=name, data=bundle.read(name)
        )


def _leaves(read: Sequence[Read]) -> dict[str, list[bytes]]:
    leaves: dict[str, list[bytes]] = {}
    for each in read:
        if each.run is not None:
            leaves.setdefault(each.run.recorded.source, []).extend(each.leaves)
    return leaves


def _checks(
    bundle: Bundle,
    evidence: Evidence,
    leaves: Mapping[str, Sequence[bytes]],
    tsa_certificates: Sequence[x509.Certificate],
) -> list[Check]:
    store, folder = BundledArtifacts(bundle), BundledFolder(bundle)
    with_pool = bundle.listing.with_pool
    signed = bundle.listing.head.tree
    checks: list[Check] = [
        ("every history replays, and none is missing", lambda: check_replay(evidence)),
        ("ledger heads in the histories", lambda: check_heads(evidence)),
        ("every signal stands in the ledger once", lambda: check_signals(evidence)),
        (
            "the signed tree of all ledgers",
            lambda: check_tree(signed, tree_of_evidence(evidence, leaves)),
        ),
        ("the written ledgers", lambda: _check_ledgers(bundle, leaves)),
        ("the round that the head names", lambda: _check_round(bundle, evidence)),
        ("what the round has pinned", lambda: _check_pinned(bundle, evidence)),
        ("batch and its gates", lambda: check_batch(evidence, store)),
        ("outcomes kept for the dataset", lambda: check_outcomes_kept(evidence, store)),
        ("approved dataset rows", lambda: check_candidate(evidence, store)),
        ("published files", lambda: check_files(evidence, store, lambda _: folder, {})),
    ]
    if with_pool or not routes_need_pool(evidence):
        checks.append(
            ("where each record of the batch went", lambda: check_routes(evidence, store, None))
        )
    if with_pool:
        checks.append(("the pool's snapshot", lambda: check_snapshot(evidence, store)))
    if tsa_certificates and TIMESTAMP in {each.name for each in bundle.listing.members}:
        checks.append(
            (
                "the time stamp",
                lambda: check_timestamp(
                    bundle.read(TIMESTAMP), signed_head(bundle.listing), tsa_certificates
                ),
            )
        )
    return checks


def _check_ledgers(bundle: Bundle, leaves: Mapping[str, Sequence[bytes]]) -> Iterator[Finding]:
    written: dict[str, list[bytes]] = {}
    for name in bundle.names(LEDGER):
        source = source_of(name.removeprefix(f"{LEDGER}/").partition(".")[0])
        try:
            written[source] = bundle.inflate(name).splitlines()
        except (InvalidInput, TooLarge) as error:
            yield Finding(
                kind=FindingKind.BUNDLE_ALTERED, subject=f"member {name}", message=error.message
            )
    for source in dict.fromkeys([*leaves, *written]):
        yield from check_lines(source, written.get(source, []), leaves.get(source, []))


def _check_round(bundle: Bundle, evidence: Evidence) -> Iterator[Finding]:
    found = evidence.plan.round_id if evidence.plan else None
    if found != bundle.round_id:
        yield Finding(
            kind=FindingKind.TREE_DIFFERS,
            subject="tree head",
            message="The signed head names another round than the histories are of.",
            expected=bundle.round_id,
            found=found,
        )


def _check_pinned(bundle: Bundle, evidence: Evidence) -> Iterator[Finding]:
    """Guideline, schema, policy and routing in the bundle are those that the plan pins."""
    plan = evidence.plan
    if plan is None:
        return
    wanted = {
        "guideline": plan.guideline_digest,
        "schema": digest_bytes(canonical(plan.schema)),
        "policy": digest_bytes(canonical(evidence.policies[-1])),
        "routing": digest_bytes(canonical(plan.routing)),
    }
    left_out = {each.name for each in bundle.listing.left_out}
    for what, expected in wanted.items():
        name = f"{PINNED}/{what}.json"
        there = name in bundle.names(PINNED)
        found = digest_bytes(bundle.read(name)) if there else None
        if found != expected and not (name in left_out and found is None):
            yield Finding(
                kind=FindingKind.PINNED_DIFFERS,
                subject=f"member {name}",
                message=f"The {what} in the bundle is not the one that the round has pinned.",
                expected=expected,
                found=found,
            )


def _notes(
    bundle: Bundle, evidence: Evidence, tsa_certificates: Sequence[x509.Certificate]
) -> Iterator[str]:
    listing = bundle.listing
    by = listing.head.exported_by
    yield f"exported by {by.name} at {listing.head.exported_at} with {listing.head.build}"
    yield "the database is not in a bundle: `labelwright audit verify ROUND` compares its tables"
    if not listing.with_pool:
        kept = "that contents are those of the pool"
        routes = ", nor where the routing sent each record" if routes_need_pool(evidence) else ""
        yield f"the bundle was exported without the pool: {kept} was not checked{routes}"
    if TIMESTAMP in {each.name for each in listing.members} and not tsa_certificates:
        yield "the time stamp was not checked: no certificate of its authority was given"
    for each in listing.left_out:
        yield f"{each.name} was left out of the bundle when it was made: {each.why}"


def _damaged(found: Opened, public_keys: Mapping[str, str]) -> AuditReport:
    # What the listing says of others is worth nothing where the listing itself was altered.
    unsigned = check_listing(found, public_keys) if found.signature and public_keys else ()
    return AuditReport(
        round=_named(found.listing_bytes),
        source="bundle",
        histories=0,
        events=0,
        decisions=0,
        replayed=False,
        verified=False,
        ledger_head=Sha256(GENESIS),
        tree=tree_of(()),
        checks=("every byte",),
        findings=(*unsigned, *found.findings),
        notes=("the bundle is damaged, so nothing else in it was looked at: ask for it again",),
    )


def _named(listing: bytes) -> RoundId:
    """The round that a listing speaks of, as far as it can be read."""
    try:
        return RoundId(str(json.loads(listing)["head"]["round"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return RoundId("unknown")
