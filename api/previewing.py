"""What a policy would choose from a pool, asked for without starting anything."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection

from api.authentication import Caller
from api.planning import plan_round
from api.schemas.body import Document
from api.schemas.rounds import RoundBody
from api.state import State
from domain.errors import NotFound
from domain.ids import PoolId, RecordId
from domain.previews import Preview
from domain.rounds import RoundPlan
from storage import policies, pools
from storage.artifacts import ArtifactStore

SAMPLE = 24


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One record that the policy would choose."""

    record_id: RecordId
    arm: str
    reason: str
    score: float | None
    propensity: float | None
    predicted: str | None
    content: Document | None
    """None where the reader is not cleared for the record."""


async def start_preview(
    parts: State, caller: Caller, name: str, version: int, *, pool: str, records: int | None
) -> str:
    """Its id. Raises what planning a round raises, but for a policy that nobody has approved."""

    def plan(connection: Connection) -> RoundPlan:
        governed = policies.get_policy(connection, name, version)
        body = RoundBody(pool=pool, policy=f"{name}@{version}", records=records)
        return plan_round(connection, body, caller, governed=governed)

    wanted = await parts.in_transaction(plan)
    # By whom and of what, so that whoever has the id cannot take it for another policy's.
    preview_id = f"{name}@{version}/{pool}/{uuid4()}"
    await parts.temporal.start_preview(preview_id, wanted)
    return preview_id


def choices_of(
    connection: Connection, store: ArtifactStore, pool: PoolId, preview: Preview, *, limit: int
) -> list[Choice]:
    """The first records of the batch, with the contents that the reader may see."""
    rows = store.get_table(preview.batch.artifact).slice(0, limit).to_pylist()
    return [
        Choice(
            record_id=RecordId(row["record_id"]),
            arm=row["arm"],
            reason=row["reason"],
            score=row["score"],
            propensity=row["propensity"],
            predicted=row["predicted"],
            content=_content(connection, pool, RecordId(row["record_id"])),
        )
        for row in rows
    ]


def predicted_classes(store: ArtifactStore, preview: Preview) -> dict[str, int]:
    """What the model takes the batch's records for; empty at a cold start."""
    counts: dict[str, int] = {}
    column = store.get_table(preview.batch.artifact, columns=["predicted"])["predicted"]
    for label in column.to_pylist():
        if label is not None:
            counts[label] = counts.get(label, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: -pair[1]))


def _content(connection: Connection, pool: PoolId, record_id: RecordId) -> Document | None:
    try:
        return dict(pools.get_record(connection, pool, record_id).content)
    except NotFound:
        return None
