"""What a version of a dataset changed, by the published files of two versions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from domain.errors import Unavailable
from domain.ids import RecordId
from storage.datasets import DatasetVersion


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A record in a version."""

    role: str
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
    added_by_role: dict[str, int]
    added_by_label: dict[str, int]
    changes: list[Change]
    """The first ones by record id, those that were there before ahead of what was added."""


def difference(
    older: DatasetVersion | None, newer: DatasetVersion, *, folder: Path, shown: int
) -> Difference:
    """From one version to another; from nothing, where there is no older one.

    `folder` is where datasets are, should they have moved since. Raises Unavailable.
    """
    before = {} if older is None else _placed(older, folder)
    after = _placed(newer, folder)
    changed = [
        Change(record_id=RecordId(each), before=before.get(each), after=after.get(each))
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


def _placed(version: DatasetVersion, folder: Path) -> dict[str, Placed]:
    found = {}
    for role, count in version.roles.items():
        if not count:
            continue
        path = Path(version.path) / f"{role}.parquet"
        if not path.is_file():
            path = folder / version.dataset / f"v{version.version}" / f"{role}.parquet"
        if not path.is_file():
            raise Unavailable(
                "the file is not where it was published",
                hint="see that the folder of datasets is mounted: labelwright doctor",
            )
        table = pq.read_table(path, columns=["record_id", "label"])
        for record_id, label in zip(
            table["record_id"].to_pylist(), table["label"].to_pylist(), strict=True
        ):
            found[record_id] = Placed(role=role, label=label)
    return found
