"""What a version changed, counted by record."""

from __future__ import annotations

from domain.canonical import digest
from domain.dataset_changes import Change, Placed, difference
from domain.ids import RecordId
from domain.roles import DatasetRole, DatasetRow

TRAIN, TEST = DatasetRole.TRAIN, DatasetRole.TEST


def rows(**placed: tuple[DatasetRole, str | None]) -> dict[RecordId, DatasetRow]:
    return {
        RecordId(name): DatasetRow(
            record_id=RecordId(name),
            content_digest=digest(name),
            role=role,
            label=label,
            between=(),
            how="agreement",
            label_confidence=None,
            arm=None,
            round_number=1,
        )
        for name, (role, label) in placed.items()
    }


OLDER = rows(
    same=(TRAIN, "a"),
    relabelled=(TRAIN, "a"),
    moved=(TRAIN, "a"),
    both=(TRAIN, "a"),
    gone=(TEST, "b"),
)
NEWER = rows(
    same=(TRAIN, "a"),
    relabelled=(TRAIN, "b"),
    moved=(TEST, "a"),
    both=(TEST, "b"),
    new=(TRAIN, "b"),
    held=(DatasetRole.HELD, None),
)


def test_each_record_is_counted_by_what_became_of_it() -> None:
    found = difference(OLDER, NEWER, shown=100)
    assert (found.added, found.removed, found.relabelled, found.moved) == (2, 1, 2, 2)
    assert found.added_by_role == {TRAIN: 1, DatasetRole.HELD: 1}
    assert found.added_by_label == {"b": 1}
    assert [each.record_id for each in found.changes] == [
        "both",
        "gone",
        "moved",
        "relabelled",
        "held",
        "new",
    ]
    assert found.changes[1] == Change(
        record_id=RecordId("gone"), before=Placed(role=TEST, label="b"), after=None
    )


def test_only_the_first_are_shown_and_all_are_counted() -> None:
    found = difference(OLDER, NEWER, shown=1)
    assert [each.record_id for each in found.changes] == ["both"]
    assert found.removed == 1


def test_a_first_version_adds_everything_and_equal_ones_change_nothing() -> None:
    first = difference({}, OLDER, shown=100)
    assert (first.added, first.removed) == (5, 0)
    assert difference(OLDER, OLDER, shown=100).changes == []
