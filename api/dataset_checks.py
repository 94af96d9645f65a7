"""What a dataset that waits for approval promises, checked row by row and counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from api.language import decimal, gettext
from domain.arms import RANDOM_ARM
from domain.canonical import Sha256
from domain.ids import RecordId, RoundId
from domain.roles import LABELLED_ROLES, DatasetRole, DatasetRow
from storage.approval import judged_twice
from storage.artifacts import ArtifactStore
from storage.dataset_rows import read_rows, rows_artifact
from storage.datasets import DatasetVersion

MEASURING = LABELLED_ROLES - {DatasetRole.TRAIN}


@dataclass(frozen=True, kw_only=True)
class DatasetCheck:
    promise: str
    """In the language that is spoken."""
    checked: int
    """Records that were looked at."""
    broken: int
    """Those that do not keep the promise."""

    @property
    def words(self) -> str:
        if not self.broken:
            return gettext("kept by all {checked} records").format(checked=decimal(self.checked))
        return gettext("broken by {broken} of {checked} records").format(
            broken=decimal(self.broken), checked=decimal(self.checked)
        )


def check_candidate(
    connection: Connection,
    store: ArtifactStore,
    round_id: RoundId,
    *,
    rows: Sha256,
    parent: DatasetVersion | None,
) -> list[DatasetCheck]:
    """Reads the rows that the digest names: what is checked is what would be published."""
    listed = read_rows(store, rows)
    number = 1 if parent is None else parent.version + 1
    here = [row for row in listed.values() if row.round_number == number]
    checks = [
        _apart(listed.values()),
        DatasetCheck(
            promise=gettext(
                "Of this round’s records, only those chosen at random validate, test or monitor."
            ),
            checked=len(here),
            broken=sum(row.role in MEASURING and row.arm != RANDOM_ARM for row in here),
        ),
        DatasetCheck(
            promise=gettext("Adjudicators reviewed none of the records that they settled."),
            checked=len(here),
            broken=judged_twice(connection, round_id),
        ),
    ]
    if parent is not None:
        checks.insert(1, _kept(read_rows(store, rows_artifact(parent.manifest)), listed))
    return checks


def _apart(rows: Collection[DatasetRow]) -> DatasetCheck:
    """Whether some content is in roles that must not share one: it would be learnt and tested."""
    roles: dict[Sha256, set[DatasetRole]] = defaultdict(set)
    for row in rows:
        if row.role in LABELLED_ROLES:
            roles[row.content_digest].add(row.role)
    leaking = {each for each, in_ in roles.items() if DatasetRole.TEST in in_ and len(in_) > 1}
    return DatasetCheck(
        promise=gettext("Equal contents have one role: nothing that tests a model trains it."),
        checked=len(rows),
        broken=sum(row.content_digest in leaking for row in rows),
    )


def _kept(
    before: Mapping[RecordId, DatasetRow], after: Mapping[RecordId, DatasetRow]
) -> DatasetCheck:
    """A role is kept; only what was held may be settled, and a twin of a test record leaves."""
    settled = [row for row in before.values() if row.role is not DatasetRole.HELD]

    def keeps(row: DatasetRow) -> bool:
        now = after.get(row.record_id)
        return now is not None and now.role in {row.role, DatasetRole.EXCLUDED}

    return DatasetCheck(
        promise=gettext("Roles of earlier versions are kept."),
        checked=len(settled),
        broken=sum(not keeps(row) for row in settled),
    )
