"""What a policy would choose from a pool, asked for without starting anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection

from api.authentication import Caller
from api.planning import plan_round
from api.schemas.body import Document
from api.schemas.rounds import RoundBody
from api.state import State
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
    content: Document


async def start_preview(
    parts: State, caller: Caller, name: str, version: int, *, pool: str, records: int | None
) -> str:
    """Its id, for `find_preview`. Raises what planning a round raises, but for a policy that nobody
    has approved."""

    def plan(connection: Connection) -> RoundPlan:
        governed = policies.get_policy(connection, name, version)
        body = RoundBody(pool=pool, policy=f"{name}@{version}", records=records)
        return plan_round(connection, body, caller, governed=governed)

    wanted = await parts.in_transaction(plan)
    preview_id = str(uuid4())
    await parts.temporal.start_preview(_of(name, version, pool, preview_id), wanted)
    return preview_id


async def find_preview(
    parts: State, name: str, version: int, pool: str, preview_id: str
) -> Preview | None:
    """What was chosen; none while it is worked on. Raises NotFound, Conflict."""
    return await parts.temporal.preview(_of(name, version, pool, preview_id))


def _of(name: str, version: int, pool: str, preview_id: str) -> str:
    """With what it is of, so that whoever has the id cannot take it for another policy's."""
    return f"{name}@{version}/{pool}/{preview_id}"


def choices_of(
    connection: Connection, store: ArtifactStore, pool: PoolId, preview: Preview, *, limit: int
) -> list[Choice]:
    """The first records of the batch that the reader may see: the others are not there for them.

    One that has left the pool since is not listed either.
    """
    table, found = store.get_table(preview.batch.artifact), list[Choice]()
    for start in range(0, table.num_rows, limit):
        rows = table.slice(start, limit).to_pylist()
        seen = pools.find_records(connection, pool, [RecordId(row["record_id"]) for row in rows])
        found += [
            Choice(
                record_id=RecordId(row["record_id"]),
                arm=row["arm"],
                reason=row["reason"],
                score=row["score"],
                propensity=row["propensity"],
                predicted=row["predicted"],
                content=dict(seen[RecordId(row["record_id"])].content),
            )
            for row in rows
            if row["record_id"] in seen
        ]
        if len(found) >= limit:
            break
    return found[:limit]


def predicted_classes(store: ArtifactStore, preview: Preview) -> dict[str, int]:
    """What the model takes the batch's records for; empty at a cold start."""
    column = store.get_table(preview.batch.artifact, columns=["predicted"])["predicted"]
    return dict(Counter(column.drop_null().to_pylist()).most_common())
