"""Records whose label is known and may be shown: those to train on, and none that measure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, and_, literal, select, union_all

from domain.arms import RANDOM_ARM
from domain.canonical import Sha256
from domain.gold import GOLD_ARM
from domain.ids import PoolId, RecordId
from domain.records import Content, KnownRole
from storage.tables import batch_records, outcomes, records, rounds
from storage.visibility import visible


@dataclass(frozen=True, kw_only=True)
class Labelled:
    record_id: RecordId
    content_digest: Sha256
    content: Content
    label: str


def labelled_records(connection: Connection, pool_id: PoolId, *, limit: int) -> list[Labelled]:
    """Records of the pool to train on, and those that ended rounds have labelled; by record id.

    Without what was chosen at random, since that may validate or test, and without known answers.
    At most `limit`, the ones that rounds have labelled first.
    """
    record = (records.c.record_id, records.c.content_digest, records.c.content)
    known = select(*record, records.c.label, literal(1).label("place")).where(
        records.c.pool_id == pool_id,
        records.c.role == KnownRole.TRAIN.value,
        records.c.label.is_not(None),
        visible(connection, records),
    )
    concluded = (
        select(*record, outcomes.c.label, literal(0))
        .join(rounds, and_(rounds.c.round_id == outcomes.c.round_id, rounds.c.pool_id == pool_id))
        .join(
            batch_records,
            and_(
                batch_records.c.round_id == outcomes.c.round_id,
                batch_records.c.record_id == outcomes.c.record_id,
            ),
        )
        .join(
            records,
            and_(
                records.c.pool_id == pool_id,
                records.c.record_id == outcomes.c.record_id,
                records.c.content_digest == batch_records.c.content_digest,
            ),
        )
        .where(
            rounds.c.phase == "closed",
            outcomes.c.label.is_not(None),
            batch_records.c.arm.not_in([RANDOM_ARM, GOLD_ARM]),
            visible(connection, records),
        )
    )
    found = union_all(known, concluded).subquery()
    rows = connection.execute(select(found).order_by(found.c.place, found.c.record_id).limit(limit))
    by_id = {
        row.record_id: Labelled(
            record_id=RecordId(row.record_id),
            content_digest=Sha256(row.content_digest),
            content=Content(json.loads(row.content)),
            label=row.label,
        )
        for row in rows
    }
    return [by_id[record_id] for record_id in sorted(by_id)]
