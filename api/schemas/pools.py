"""Pools, records and imports."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, Field

from api.schemas.body import Body, Document, Name
from domain.canonical import Sha256
from domain.ids import PoolId, RecordId, Timestamp
from domain.records import ContentKind, KnownRole, Record
from storage.pools import Pool


@dataclass(frozen=True, kw_only=True)
class PoolView:
    pool: PoolId
    kind: ContentKind
    schema: str | None
    """`name@version` that the known labels of its records come from."""
    records: int
    labelled_train: int
    labelled_test: int
    gold: int
    """With a known answer, to measure reviewers."""
    eligible: int
    """Records without a known label: what a round chooses from."""
    created_at: Timestamp

    @classmethod
    def of(cls, pool: Pool) -> PoolView:
        return cls(
            pool=pool.pool_id,
            kind=pool.kind,
            schema=None if pool.schema is None else f"{pool.schema[0]}@{pool.schema[1]}",
            records=pool.records,
            labelled_train=pool.labelled_train,
            labelled_test=pool.labelled_test,
            gold=pool.gold,
            eligible=pool.records - pool.labelled_train - pool.labelled_test - pool.gold,
            created_at=pool.created_at,
        )


@dataclass(frozen=True, kw_only=True)
class RecordView:
    record_id: RecordId
    content: Document
    content_digest: Sha256
    metadata: Document
    label: str | None
    role: KnownRole | None

    @classmethod
    def of(cls, record: Record) -> RecordView:
        return cls(
            record_id=record.record_id,
            content=record.content,
            content_digest=record.content_digest,
            metadata=record.metadata,
            label=record.label,
            role=record.role,
        )


class PoolBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"pool": "support-mail", "kind": "text", "schema": "banking@1"}]
        }
    )

    pool: Name
    kind: ContentKind
    label_schema: str | None = Field(default=None, alias="schema", max_length=100)
    """`name` or `name@version`; needed where imported records bring labels."""
