"""What a version of a dataset changed, by the rows of two versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from domain.ids import RecordId
from domain.roles import DatasetRole, DatasetRow


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A record in a version."""

    role: DatasetRole
    label: str | None


@dataclass(frozen=True, kw_only=True)
class Change:
    record_id: RecordId
    before: Placed | None
    after: Placed | None


@dataclass(frozen=True, kw_only=True)
class Difference:
    added: int
    removed: int
    relabelled: int
    moved: int
    """Records of another role than before."""
    added_by_role: dict[DatasetRole, int]
    added_by_label: dict[str, int]
    changes: list[Change]
    """The first ones by record id, those that were there before ahead of what was added."""


def difference(
    older: Mapping[RecordId, DatasetRow], newer: Mapping[RecordId, DatasetRow], *, shown: int
) -> Difference:
    """From the rows of one version to those of another; from nothing, where there is none."""
    before, after = _placed(older), _placed(newer)
    changed = [
        Change(record_id=each, before=before.get(each), after=after.get(each))
        for each in sorted({*before, *after}, key=lambda each: (each not in before, each))
        if before.get(each) != after.get(each)
    ]
    added = [each.after for each in changed if each.before is None and each.after is not None]
    both = [(each.before, each.after) for each in changed if each.before and each.after]
    return Difference(
        added=len(added),
        removed=sum(each.after is None for each in changed),
        relabelled=sum(one.label != other.label for one, other in both),
        moved=sum(one.role != other.role for one, other in both),
        added_by_role=dict(Counter(each.role for each in added)),
        added_by_label=dict(Counter(each.label for each in added if each.label is not None)),
        changes=changed[:shown],
    )


def _placed(rows: Mapping[RecordId, DatasetRow]) -> dict[RecordId, Placed]:
    return {each: Placed(role=row.role, label=row.label) for each, row in rows.items()}
