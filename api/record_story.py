"""One record's whole story, as far as somebody may hear it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from api.authentication import Caller
from api.round_progress import is_blind
from api.schemas.body import Document
from domain.errors import NotFound
from domain.ids import PoolId, RecordId, RoundId
from domain.records import ContentKind
from storage import pools, rounds
from storage.stories import Step, StepKind, story_of

SWAYING = {StepKind.SELECTED, StepKind.ANSWERED, StepKind.CONCLUDED}
"""Steps that nobody hears of before their own answer."""


@dataclass(frozen=True, kw_only=True)
class Story:
    pool: PoolId
    record_id: RecordId
    kind: ContentKind
    content: Document | None
    """As it is now; none when the record has gone from the pool."""
    metadata: Document
    steps: list[Step]
    """The earliest first."""
    unsaid: int
    """Steps that are not told to somebody who may still be asked to judge the record."""


def told_story(
    connection: Connection, pool_id: PoolId, record_id: RecordId, caller: Caller
) -> Story:
    """Raises NotFound, for hidden records too."""
    pool = pools.get_pool(connection, pool_id)
    steps = story_of(connection, pool_id, record_id)
    if not steps:
        raise NotFound("the pool has no such record", pool_id=pool_id, record_id=record_id)
    closed = _closed_to(connection, steps, caller)
    told = [step for step in steps if step.kind not in SWAYING or step.round_id not in closed]
    content: Document | None = None
    metadata: Document = {}
    if any(step.kind is StepKind.IMPORTED for step in steps):
        record = pools.get_record(connection, pool_id, record_id)
        content, metadata = dict(record.content), dict(record.metadata)
    return Story(
        pool=pool_id,
        record_id=record_id,
        kind=pool.kind,
        content=content,
        metadata=metadata,
        steps=told,
        unsaid=len(steps) - len(told),
    )


def _closed_to(
    connection: Connection, steps: Iterable[Step], caller: Caller
) -> set[RoundId | None]:
    """The rounds of the steps in which the caller may still be asked to judge."""
    return {
        round_id
        for round_id in {step.round_id for step in steps}
        if round_id is not None
        and is_blind(caller.permissions, rounds.get_round(connection, round_id))
    }
