"""Verifies a round: from its histories to every table, artifact and file that follows from them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.converter import PayloadCodec

from domain.canonical import Sha256
from domain.errors import DigestMismatch, NotFound
from domain.ids import RoundId
from domain.ledger import GENESIS
from domain.rounds import Published
from storage import tables as stored
from storage.artifacts import ArtifactStore
from storage.round_rows import rows_of_round
from workers.audit.artifacts import check_candidate, check_outcomes_kept
from workers.audit.batch import check_batch, check_routes
from workers.audit.chain import check_heads, check_replay, check_signals, unhandled
from workers.audit.evidence import ROUND, Evidence, LedgerLine, evidence_of
from workers.audit.findings import AuditReport, Finding, FindingKind
from workers.audit.folders import LocalFolder
from workers.audit.publication import check_files, check_version
from workers.audit.read_model import (
    Tables,
    check_directions,
    check_outcomes,
    check_reviews,
    check_round,
    check_tasks,
)
from workers.audit.recorded import UnreadableHistory
from workers.audit.replay import replay
from workers.audit.shown import check_shown
from workers.audit.signed import check_signatures, count_turned_away
from workers.audit.sources import Sourced, find_histories
from workers.audit.tree import tree_of_evidence

TABLES = (
    stored.rounds,
    stored.lanes,
    stored.batch_records,
    stored.tasks,
    stored.task_directions,
    stored.reviews,
    stored.outcomes,
    stored.dataset_versions,
    stored.evaluations,
)

MALFORMED = (
    pa.ArrowException,
    OSError,
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
)
"""What somebody's own files raise where ours should be: a bundle may hold anything."""

Check = tuple[str, Callable[[], Iterator[Finding]]]
"""What is compared, in words, and how."""


async def ledger_of(
    client: Client | None,
    engine: Engine,
    store: ArtifactStore,
    round_id: RoundId,
    *,
    codec: PayloadCodec | None = None,
) -> list[LedgerLine]:
    """Every decision of the round and its shards by time, replayed from the histories.

    `codec` decrypts them; left out, it is the client's. Raises NotFound, TemporalUnavailable,
    UnknownPayloadKey.
    """
    sourced = await find_histories(client, engine, store, round_id, codec=codec)
    evidence = evidence_of(sourced.histories, await replay(sourced.histories))
    return list(evidence.lines())


async def verify_round(
    client: Client | None,
    engine: Engine,
    store: ArtifactStore,
    datasets_root: Path | str,
    round_id: RoundId,
    *,
    public_keys: Mapping[str, str],
    codec: PayloadCodec | None = None,
) -> AuditReport:
    """Replays the round and compares everything that should follow from it.

    `public_keys` are the API's: key id → raw Ed25519 public key, base64. Without any, signatures
    are not checked, and a note says so. `codec` decrypts the histories; left out, it is the
    client's. Raises NotFound, TemporalUnavailable, UnknownPayloadKey.
    """
    sourced = await find_histories(client, engine, store, round_id, codec=codec)
    replayed = await replay(sourced.histories)

    def judge() -> AuditReport:
        evidence = evidence_of(sourced.histories, replayed)
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            tables = {table.name: rows_of_round(connection, table, round_id) for table in TABLES}
        checks = _checks(evidence, store, Path(datasets_root), tables, public_keys)
        return _report(round_id, sourced, evidence, checks, public_keys)

    # Off the event loop: an API that audits goes on answering.
    return await asyncio.to_thread(judge)


def _checks(
    evidence: Evidence,
    store: ArtifactStore,
    root: Path,
    tables: Tables,
    public_keys: Mapping[str, str],
) -> list[Check]:
    def folder_of(published: Published) -> LocalFolder:
        return LocalFolder.of(root, published)

    checks: list[Check] = [
        ("every history replays, and none is missing", lambda: check_replay(evidence)),
        ("ledger heads in the histories", lambda: check_heads(evidence)),
        ("every signal stands in the ledger once", lambda: check_signals(evidence)),
    ]
    if public_keys:
        checks.append(("signatures of who acted", lambda: check_signatures(evidence, public_keys)))
    return [
        *checks,
        ("batch and its gates", lambda: check_batch(evidence, store)),
        ("where each record of the batch went", lambda: check_routes(evidence, store, tables)),
        ("reviews", lambda: check_reviews(evidence, tables)),
        ("what reviewers had before them", lambda: check_shown(evidence, tables)),
        ("outcomes", lambda: check_outcomes(evidence, tables)),
        ("outcomes kept for the dataset", lambda: check_outcomes_kept(evidence, store)),
        ("tasks", lambda: check_tasks(evidence, tables)),
        ("what was decided about tasks", lambda: check_directions(evidence, tables)),
        ("round", lambda: check_round(evidence, tables)),
        ("approved dataset rows", lambda: check_candidate(evidence, store)),
        ("dataset version", lambda: check_version(evidence, tables)),
        ("published files", lambda: check_files(evidence, store, folder_of, tables)),
    ]


def _report(
    round_id: RoundId,
    sourced: Sourced,
    evidence: Evidence,
    checks: list[Check],
    public_keys: Mapping[str, str],
) -> AuditReport:
    findings = list(sourced.findings)
    for name, check in checks:
        findings.extend(outcome_of(name, check))
    run = evidence.round_run
    return AuditReport(
        round=round_id,
        source=sourced.source,
        histories=len(sourced.histories),
        events=sum(len(history.events) for history in sourced.histories),
        decisions=sum(len(run.replayed.entries) for run in evidence.runs),
        replayed=all(evidence.replays(source) for source in evidence.by_source),
        verified=not findings,
        ledger_head=run.head if run else Sha256(GENESIS),
        tree=tree_of_evidence(evidence),
        checks=(
            *((f"archived histories: {sourced.archived}",) if sourced.archived else ()),
            *(name for name, _ in checks),
        ),
        findings=tuple(findings),
        notes=(*sourced.notes, *notes_on(evidence, public_keys)),
        builds=tuple(sorted({build for run in evidence.runs for build in run.recorded.builds})),
    )


def outcome_of(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """A check's findings; that its material is missing or altered is one itself."""
    try:
        yield from check()
    except (NotFound, DigestMismatch) as error:
        missing = isinstance(error, NotFound)
        sha256 = str(error.context.get("sha256", ""))
        yield Finding(
            kind=FindingKind.ARTIFACT_MISSING if missing else FindingKind.ARTIFACT_ALTERED,
            subject=f"artifact {sha256}",
            message=f"Could not check the {name}: {error.message}.",
            expected=sha256 or None,
        )
    except MALFORMED as error:
        yield Finding(
            kind=FindingKind.ARTIFACT_ALTERED,
            subject=name,
            message=f"Could not check the {name}: what was found has another form than what the "
            f"histories cite ({type(error).__name__}: {error}).",
        )
    except UnreadableHistory as error:
        yield Finding(
            kind=FindingKind.HISTORY_UNREADABLE,
            subject=name,
            message=f"Could not check the {name}: the history is not readable at {error}.",
        )


def notes_on(evidence: Evidence, public_keys: Mapping[str, str]) -> Iterator[str]:
    if not public_keys:
        yield "signatures were not checked: no public key is known"
    if evidence.result is None and evidence.replays(ROUND):
        yield "the round is open: what it has decided so far was checked"
    forged = count_turned_away(evidence)
    if forged:
        yield (
            f"{forged} forged messages came past the API; the round turned them away, and its "
            "ledger has them as message_forged"
        )
    waiting = unhandled(evidence)
    if waiting:
        yield f"{waiting} signals have arrived that no worker has looked at yet"
