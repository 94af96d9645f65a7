"""Rounds, their batches, the tasks that people do for them, and what came of it."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.columns import Instant, created_at, level, metadata


def _round(*, primary_key: bool = False) -> Column[str]:
    return Column(
        "round_id",
        Text,
        ForeignKey("rounds.round_id"),
        primary_key=primary_key,
        nullable=False,
    )


rounds = Table(
    "rounds",
    metadata,
    Column("round_id", Text, primary_key=True),
    Column("pool_id", Text, ForeignKey("pools.pool_id"), nullable=False),
    Column("dataset", Text, nullable=False),
    Column("plan", JSONB, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("awaiting", JSONB(none_as_null=True)),
    Column("summary", JSONB, nullable=False, server_default="{}"),
    Column("failure", JSONB(none_as_null=True)),
    Column("ledger_head", Text),
    Column("ledger_length", BigInteger),
    created_at(),
    Column("updated_at", Instant),
    Column("closed_at", Instant),
    Column("archived_at", Instant),
    Index("ix_rounds_created_at_round_id", "created_at", "round_id"),
    Index("ix_rounds_pool_id_created_at", "pool_id", "created_at"),
    Index(
        "ix_rounds_awaiting_archive",
        "closed_at",
        postgresql_where=text("closed_at IS NOT NULL AND archived_at IS NULL"),
    ),
)

lanes = Table(
    "lanes",
    metadata,
    _round(primary_key=True),
    Column("lane", Integer, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("expertise", JSONB, nullable=False),
    Column("clearance", Integer, nullable=False),
    Column("languages", ARRAY(Text), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("schema_name", Text, nullable=False),
    Column("calibrated", Boolean, nullable=False, server_default="false"),
    # Whether every record in it is of a level that the lane is cleared for: in those of rounds
    # that were routed before records had levels, some may not be.
    Column("by_level", Boolean, nullable=False, server_default="true"),
    Column("open", Boolean, nullable=False, server_default="true"),
    Index("ix_lanes_open", "round_id", "lane", postgresql_where=text("open")),
)
"""Where the records of equal routes wait, and what people must bring for them. A round's lanes are
open until it ends."""

batch_records = Table(
    "batch_records",
    metadata,
    _round(primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("ordinal", Integer, nullable=False),
    Column("content_digest", Text, nullable=False),
    Column("arm", Text, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("score", Double),
    Column("propensity", Double),
    Column("reason", Text, nullable=False),
    Column("predicted", Text),
    Column("shard", Integer, nullable=False),
    Column("lane", Integer, nullable=False, server_default="0"),
    *level(),
    UniqueConstraint("round_id", "ordinal"),
    ForeignKeyConstraint(["round_id", "lane"], ["lanes.round_id", "lanes.lane"]),
)

participations = Table(
    "participations",
    metadata,
    Column("round_id", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("part", Text, nullable=False),
    PrimaryKeyConstraint("round_id", "record_id", "account_id"),
    # Redundant beside the key, but what a foreign key over the part has to point at.
    UniqueConstraint("round_id", "record_id", "account_id", "part", name="uq_participations_part"),
    CheckConstraint("part IN ('review', 'adjudication')", name="part"),
    *level(),
)
"""In which one part a person has to do with a record of a round: who reviews it does not
adjudicate it, and the other way round."""

_LIVE = text("status IN ('open', 'claimed')")

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", Text, primary_key=True),
    _round(),
    Column("shard", Integer, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("pool_id", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("lane", Integer, nullable=False, server_default="0"),
    Column("look", Integer, nullable=False, server_default="1"),
    Column("status", Text, nullable=False, server_default="open"),
    Column("priority", Integer, nullable=False, server_default="0"),
    # What escalations have added to it, so that showing one twice adds it once.
    Column("urgency", Integer, nullable=False, server_default="0"),
    Column("deadline", Instant),
    Column("holder", Text),
    Column("lease_until", Instant),
    Column("suspended_until", Instant),
    Column("review_id", Text),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("close_reason", Text),
    CheckConstraint("kind IN ('review', 'adjudication')", name="kind"),
    CheckConstraint("status IN ('open', 'claimed', 'submitted', 'done', 'closed')", name="status"),
    CheckConstraint(
        "status NOT IN ('claimed', 'submitted') OR num_nulls(holder, lease_until) = 0",
        name="a_claim_has_a_holder",
    ),
    CheckConstraint("status <> 'open' OR holder IS NULL", name="an_open_task_has_no_holder"),
    *level(),
    ForeignKeyConstraint(["round_id", "lane"], ["lanes.round_id", "lanes.lane"]),
    ForeignKeyConstraint(
        ["round_id", "record_id"], ["batch_records.round_id", "batch_records.record_id"]
    ),
    ForeignKeyConstraint(
        ["round_id", "record_id", "holder", "kind"],
        [
            "participations.round_id",
            "participations.record_id",
            "participations.account_id",
            "participations.part",
        ],
        name="fk_tasks_duties_are_separate",
    ),
    Index(
        "uq_tasks_one_slot_a_person",
        "round_id",
        "shard",
        "record_id",
        "holder",
        unique=True,
        postgresql_where=text("holder IS NOT NULL"),
    ),
    Index(
        "ix_tasks_queue",
        "round_id",
        "lane",
        "kind",
        text("priority DESC"),
        "deadline",
        "ordinal",
        "task_id",
        postgresql_where=_LIVE,
    ),
    Index("ix_tasks_round_id_record_id", "round_id", "record_id"),
    Index("ix_tasks_round_id_shard", "round_id", "shard"),
    Index("ix_tasks_holder", "holder", postgresql_where=text("status = 'claimed'")),
    Index("ix_tasks_lease_until", "lease_until", postgresql_where=text("status = 'claimed'")),
    Index(
        "ix_tasks_suspended_until",
        "suspended_until",
        postgresql_where=text("suspended_until IS NOT NULL"),
    ),
)

task_skips = Table(
    "task_skips",
    metadata,
    Column("task_id", Text, ForeignKey("tasks.task_id"), primary_key=True),
    Column("account_id", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("skipped_at", Instant, nullable=False),
)
"""Tasks that a person has passed by, with why: they are not offered to them again."""

suggestions_seen = Table(
    "suggestions_seen",
    metadata,
    Column("task_id", Text, ForeignKey("tasks.task_id"), primary_key=True),
    Column("account_id", Text, primary_key=True),
    Column("seen_at", Instant, nullable=False, server_default=text("now()")),
)
"""Who asked what the model says of a record, before they answered."""

guideline_gaps = Table(
    "guideline_gaps",
    metadata,
    Column("task_id", Text, ForeignKey("tasks.task_id"), primary_key=True),
    Column("account_id", Text, primary_key=True),
    Column("guideline", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("reported_at", Instant, nullable=False, server_default=text("now()")),
    Index("ix_guideline_gaps_guideline", "guideline", "reported_at"),
)
"""Records that a guideline does not decide, as those who judged them say."""

task_directions = Table(
    "task_directions",
    metadata,
    _round(primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("request_id", Text, nullable=False),
    Column("task_id", Text, ForeignKey("tasks.task_id"), nullable=False),
    Column("record_id", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("to_account", Text),
    Column("to_lane", Integer),
    Column("until", Instant),
    Column("decided_at", Instant, nullable=False),
    Index("ix_task_directions_task_id", "task_id"),
)
"""What people have decided about tasks besides answering them, as the shards took it: each is done
once, however often it is shown."""

review_receipts = Table(
    "review_receipts",
    metadata,
    Column("review_id", Text, primary_key=True),
    Column("task_id", Text, ForeignKey("tasks.task_id"), nullable=False),
    Column("account_id", Text, nullable=False),
    Column("body_digest", Text, nullable=False),
    created_at(),
    Column("acknowledged_at", Instant),
    Index("ix_review_receipts_task_id_account_id", "task_id", "account_id"),
    Index("ix_review_receipts_account_id_created_at", "account_id", "created_at"),
)

# A refused review may name a task or a record that never was, so these two are no foreign keys.
reviews = Table(
    "reviews",
    metadata,
    Column("review_id", Text, primary_key=True),
    _round(),
    Column("shard", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("task_id", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("verdict", JSONB, nullable=False),
    Column("answer", Text, nullable=False),
    Column("confidence", Double),
    Column("rationale", Text, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("guideline", Text, nullable=False),
    Column("submitted_at", Instant, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("look", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("refusal", Text, nullable=False),
    Column("corrects", Text),
    Column("retracted_at", Instant),
    CheckConstraint("kind IN ('review', 'adjudication')", name="kind"),
    CheckConstraint("status IN ('accepted', 'refused', 'undone', 'corrected')", name="status"),
    CheckConstraint(
        "(retracted_at IS NOT NULL) = (status IN ('undone', 'corrected'))",
        name="what_does_not_stand_says_since_when",
    ),
    CheckConstraint("(status = 'refused') = (refusal <> '')", name="a_refusal_has_a_reason"),
    *level(),
    Index("ix_reviews_round_id_record_id", "round_id", "record_id"),
    Index("ix_reviews_account_id_submitted_at", "account_id", "submitted_at"),
)

outcomes = Table(
    "outcomes",
    metadata,
    _round(primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("shard", Integer, nullable=False),
    Column("verdict", JSONB(none_as_null=True)),
    Column("label", Text),
    Column("how", Text, nullable=False),
    Column("label_confidence", Double),
    Column("reviews", Integer, nullable=False),
    Column("look", Integer, nullable=False),
    Column("decided_at", Instant, nullable=False),
    CheckConstraint("look >= 1", name="look_counts_from_one"),
    *level(),
)
