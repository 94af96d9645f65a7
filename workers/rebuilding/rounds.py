"""Rebuilds one round's read model, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sqlalchemy import Engine
from temporalio.client import Client, WorkflowHistory
from temporalio.converter import PayloadCodec

from activities.ended_in_temporal import ended_in_temporal
from activities.histories import workflow_type_of
from domain.errors import Conflict, NotFound
from domain.ids import RoundId
from domain.rounds import ShardPlan
from storage.artifacts import ArtifactStore
from storage.database import transaction
from storage.rebuilding import TableMended, mend_round
from workers.audit.chain import check_heads, check_replay, check_signals
from workers.audit.evidence import Evidence, evidence_of
from workers.audit.findings import Finding
from workers.audit.recorded import RecordedRun
from workers.audit.replay import replay
from workers.audit.signed import check_signatures
from workers.audit.sources import Source, Sourced, find_histories
from workers.rebuilding.projections import Projections


class HistoryDoesNotVerify(Conflict):
    """The histories are not what they should be, so nothing is made from them."""

    code: ClassVar[str] = "history_does_not_verify"


@dataclass(frozen=True, kw_only=True)
class RoundRebuilt:
    round_id: RoundId
    source: str
    """`live` or `archive`."""
    histories: int
    tables: tuple[TableMended, ...]
    findings: tuple[Finding, ...]
    """What is wrong with the histories; only with `force` is there something."""

    @property
    def mended(self) -> int:
        """Rows that were set right."""
        return sum(each.total for each in self.tables)


async def rebuild_round(
    client: Client | None,
    engine: Engine,
    store: ArtifactStore,
    datasets_root: Path | str,
    round_id: RoundId,
    *,
    public_keys: Mapping[str, str],
    codec: PayloadCodec | None = None,
    source: Source | None = None,
    force: bool = False,
) -> RoundRebuilt:
    """Sets the round's rows right by its histories: all of them where none are left.

    `source` wants the histories from there and from nowhere else. Without `public_keys`, signatures
    are not checked. Raises HistoryDoesNotVerify unless `force`, NotFound, TemporalUnavailable,
    UnknownPayloadKey, and DigestMismatch where an artifact has changed.
    """
    sourced = await find_histories(client, engine, store, round_id, codec=codec, source=source)
    replayed = await replay(sourced.histories)

    def rebuild() -> RoundRebuilt:
        evidence = evidence_of(sourced.histories, replayed)
        findings = tuple(history_findings(sourced, evidence, public_keys))
        if findings and not force:
            raise HistoryDoesNotVerify(
                f"the histories of {round_id} do not verify: {findings[0].message}",
                hint="`labelwright audit verify` names all that differs; --force goes on all the "
                "same",
                findings=len(findings),
            )
        projections = Projections(store, Path(datasets_root))
        tables = _mend(engine, projections, round_id, sourced, evidence)
        return RoundRebuilt(
            round_id=round_id,
            source=sourced.source,
            histories=len(sourced.histories),
            tables=tuple(each for each in tables if each.total),
            findings=findings,
        )

    return await asyncio.to_thread(rebuild)


def history_findings(
    sourced: Sourced, evidence: Evidence, public_keys: Mapping[str, str]
) -> Iterable[Finding]:
    """What is wrong with the histories themselves, whatever tables and files say."""
    yield from sourced.findings
    yield from check_replay(evidence)
    yield from check_heads(evidence)
    yield from check_signals(evidence)
    if public_keys:
        yield from check_signatures(evidence, public_keys)


def _mend(
    engine: Engine,
    projections: Projections,
    round_id: RoundId,
    sourced: Sourced,
    evidence: Evidence,
) -> list[TableMended]:
    run = evidence.round_run
    if run is None:
        raise NotFound("the round's own history is not there", round_id=round_id)
    shard_runs = _in_order([each.recorded for each in evidence.runs])
    ended = ended_in_temporal(_own(sourced.histories))
    with transaction(engine) as connection:
        return mend_round(
            connection,
            round_id,
            lambda: projections.write(connection, run.recorded, shard_runs, ended),
        )


def _in_order(runs: Iterable[RecordedRun]) -> list[RecordedRun]:
    """The shards' runs, by the number of the shard; those of one stay in their order."""
    shards = [(run.plan.shard, run) for run in runs if isinstance(run.plan, ShardPlan)]
    return [run for _, run in sorted(shards, key=lambda pair: pair[0])]


def _own(histories: Iterable[WorkflowHistory]) -> WorkflowHistory:
    return next(each for each in histories if workflow_type_of(each) == "RoundWorkflow")
