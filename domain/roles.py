"""Dataset roles: what each record of a published version is for.

A role is sticky: a record keeps it in every later version, so that nothing which once tested a
model can train the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.arms import RANDOM_ARM
from domain.canonical import Sha256, digest_lines
from domain.ids import RecordId
from domain.outcomes import Outcome
from domain.reviews import VerdictKind


class DatasetRole(StrEnum):
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    MONITORING = "monitoring"
    EDGE_CASE = "edge_case"
    HELD = "held"
    EXCLUDED = "excluded"


LABELLED_ROLES = frozenset(
    {DatasetRole.TRAIN, DatasetRole.VALIDATION, DatasetRole.TEST, DatasetRole.MONITORING}
)

UNSETTLED_ROLES = frozenset({DatasetRole.HELD})
"""The one role that a later round may replace: nobody has said anything final yet."""


@dataclass(frozen=True, kw_only=True)
class RoleShares:
    """Shares of the random arm that are kept from training.

    Only random records may measure: those that a model chose are a biased sample of the pool.
    """

    validation: float = 0.1
    test: float = 0.1
    monitoring: float = 0.0


@dataclass(frozen=True, kw_only=True)
class DatasetRow:
    """One record of a dataset version, without its content."""

    record_id: RecordId
    content_digest: Sha256
    role: DatasetRole
    label: str | None
    between: tuple[str, ...]
    how: str
    """`imported`, or how the round concluded: agreement, consensus, adjudication, deadline,
    closed_early, withdrawn."""
    label_confidence: float | None
    arm: str | None
    round_number: int
    """Which version brought the record in: 0 for imported labels, else the version's number."""


def assign_role(
    outcome: Outcome, *, arm: str, shares: RoleShares, seed: int, test_is_frozen: bool
) -> DatasetRole:
    """The role of a record that this round has concluded.

    Shares are drawn by hashing the record id with the seed, so that the same record falls to the
    same role whatever else is in the batch. A frozen test set takes no new records.
    """
    match outcome.verdict.kind if outcome.verdict else None:
        case None:
            return DatasetRole.HELD
        case VerdictKind.USEFUL_AMBIGUITY:
            return DatasetRole.EDGE_CASE
        case VerdictKind.LABEL:
            pass
        case _:
            return DatasetRole.EXCLUDED
    if arm != RANDOM_ARM:
        return DatasetRole.TRAIN
    place = _unit_interval(f"{seed}/{outcome.record_id}")
    for role, share in (
        (DatasetRole.VALIDATION, shares.validation),
        (DatasetRole.MONITORING, shares.monitoring),
        (DatasetRole.TEST, 0.0 if test_is_frozen else shares.test),
    ):
        if place < share:
            return role
        place -= share
    return DatasetRole.TRAIN


def merge(
    earlier: Mapping[RecordId, DatasetRow], new: Iterable[DatasetRow]
) -> dict[RecordId, DatasetRow]:
    """Earlier rows with the new ones added; what was settled earlier stays as it was."""
    rows = dict(earlier)
    for row in new:
        before = rows.get(row.record_id)
        if before is None or (before.role in UNSETTLED_ROLES and row.role not in UNSETTLED_ROLES):
            rows[row.record_id] = row
    return rows


def keep_apart(rows: Iterable[DatasetRow]) -> list[DatasetRow]:
    """The rows, with each one excluded whose content is also in the test set.

    A model must not train on what tests it, and the same content may be in a pool twice.
    """
    listed = list(rows)
    tested = {row.content_digest for row in listed if row.role is DatasetRole.TEST}
    return [
        replace(row, role=DatasetRole.EXCLUDED, how="twin of a test record")
        if row.content_digest in tested and row.role is not DatasetRole.TEST
        else row
        for row in listed
    ]


def dataset_digest(rows: Iterable[DatasetRow]) -> Sha256:
    """SHA-256 over the rows by record id: the content of a dataset, whatever wrote it down."""
    ordered: list[DatasetRow] = sorted(rows, key=lambda row: row.record_id)
    return digest_lines(ordered)


def _unit_interval(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
