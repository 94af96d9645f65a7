"""Gives each record its dataset role: the dataset as it would be, for somebody to approve."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Engine
from temporalio import activity

from activities.heartbeat import beating
from activities.review import read_reviewed
from domain.canonical import Sha256
from domain.ids import RecordId
from domain.outcomes import Outcome
from domain.roles import (
    DatasetRole,
    DatasetRow,
    assign_role,
    dataset_digest,
    keep_apart,
    merge,
)
from domain.rounds import Batch, Candidate, RoundPlan, Snapshot
from storage import datasets
from storage.artifacts import ArtifactStore
from storage.dataset_rows import read_rows, rows_artifact, write_rows


@dataclass(frozen=True, kw_only=True)
class AssignRoles:
    plan: RoundPlan
    snapshot: Snapshot
    batch: Batch
    outcomes: tuple[Sha256, ...]


class RoleActivities:
    def __init__(self, engine: Engine, store: ArtifactStore) -> None:
        self._engine = engine
        self._store = store

    @activity.defn
    def assign_roles(self, request: AssignRoles) -> Candidate:
        """Earlier rows keep their roles; the round's records get theirs by the rules of the domain.

        Builds on the newest version, which another round may have published since the snapshot.
        """
        plan = request.plan
        with self._engine.connect() as connection:
            parent = datasets.latest_version(connection, plan.dataset)
        with beating():
            earlier = read_rows(self._store, request.snapshot.settled)
            if parent is not None:
                newest = read_rows(self._store, rows_artifact(parent.manifest))
                earlier = merge(newest, earlier.values())
            batch = self._batch(request.batch)
            frozen = any(row.role is DatasetRole.TEST for row in earlier.values())
            number = 1 if parent is None else parent.version + 1
            new = []
            for record_id, each in read_reviewed(self._store, request.outcomes).items():
                arm, content_digest = batch[record_id]
                role = assign_role(
                    each.outcome,
                    arm=arm,
                    shares=plan.shares,
                    seed=plan.policy.seed,
                    test_is_frozen=frozen,
                )
                new.append(
                    _row(
                        each.outcome,
                        content_digest=content_digest,
                        arm=arm,
                        role=role,
                        number=number,
                    )
                )
            rows = keep_apart(merge(earlier, new).values())
            roles = Counter(row.role for row in rows)
            return Candidate(
                digest=dataset_digest(rows),
                rows=write_rows(self._store, rows),
                records=len(rows),
                roles={role.value: roles[role] for role in DatasetRole if roles[role]},
                parent_version=None if parent is None else parent.version,
            )

    def _batch(self, batch: Batch) -> dict[RecordId, tuple[str, Sha256]]:
        """Arm and content digest of each record that the round selected."""
        table = self._store.get_table(
            batch.artifact, columns=["record_id", "arm", "content_digest"]
        )
        return {
            RecordId(row["record_id"]): (row["arm"], Sha256(row["content_digest"]))
            for row in table.to_pylist()
        }


def _row(
    outcome: Outcome, *, content_digest: Sha256, arm: str, role: DatasetRole, number: int
) -> DatasetRow:
    verdict = outcome.verdict
    return DatasetRow(
        record_id=outcome.record_id,
        content_digest=content_digest,
        role=role,
        label=verdict.label if verdict else None,
        between=verdict.between if verdict else (),
        how=outcome.how,
        label_confidence=outcome.label_confidence,
        arm=arm,
        round_number=number,
    )
