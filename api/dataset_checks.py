"""What a dataset that waits for approval promises, checked row by row and counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from api.language import decimal, gettext
from domain.arms import RANDOM_ARM
from domain.canonical import Sha256
from domain.ids import RoundId
from domain.roles import LABELLED_ROLES, DatasetRole
from storage.approval import judged_twice
from storage.artifacts import ArtifactStore
from storage.datasets import DatasetVersion

MEASURING = {role.value for role in LABELLED_ROLES - {DatasetRole.TRAIN}}
COLUMNS = ["record_id", "content_digest", "role", "arm", "round_number"]


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


@dataclass(frozen=True, kw_only=True)
class _Row:
    record_id: str
    content_digest: str
    role: str
    arm: str | None
    round_number: int


def check_candidate(
    connection: Connection,
    store: ArtifactStore,
    round_id: RoundId,
    *,
    rows: Sha256,
    parent: DatasetVersion | None,
) -> list[DatasetCheck]:
    """Reads the rows that the digest names: what is checked is what would be published."""
    listed = _rows(store, rows)
    number = 1 if parent is None else parent.version + 1
    here = [row for row in listed if row.round_number == number]
    checks = [
        _apart(listed),
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
        checks.insert(1, _kept(_rows(store, Sha256(str(parent.manifest["rows"]))), listed))
    return checks


def _apart(rows: Iterable[_Row]) -> DatasetCheck:
    """Whether some content is in roles that must not share one: it would be learnt and tested."""
    roles: dict[str, set[str]] = defaultdict(set)
    listed = list(rows)
    for row in listed:
        if row.role in {role.value for role in LABELLED_ROLES}:
            roles[row.content_digest].add(row.role)
    test = DatasetRole.TEST.value
    leaking = {digest for digest, in_ in roles.items() if test in in_ and len(in_) > 1}
    return DatasetCheck(
        promise=gettext("Equal contents have one role: nothing that tests a model trains it."),
        checked=len(listed),
        broken=sum(row.content_digest in leaking for row in listed),
    )


def _kept(before: list[_Row], after: list[_Row]) -> DatasetCheck:
    """A role is kept; only what was held may be settled, and a twin of a test record leaves."""
    now = {row.record_id: row.role for row in after}
    changing = {DatasetRole.HELD.value}
    leaving = {DatasetRole.EXCLUDED.value}
    settled = [row for row in before if row.role not in changing]
    return DatasetCheck(
        promise=gettext("Roles of earlier versions are kept."),
        checked=len(settled),
        broken=sum(
            now.get(row.record_id) != row.role and now.get(row.record_id) not in leaving
            for row in settled
        ),
    )


def _rows(store: ArtifactStore, artifact: Sha256) -> list[_Row]:
    return [_Row(**row) for row in store.get_table(artifact, columns=COLUMNS).to_pylist()]
