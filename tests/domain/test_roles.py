"""Dataset roles: sticky, apart, and reproducible."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import Sha256, digest
from domain.ids import RecordId
from domain.outcomes import How, Outcome
from domain.reviews import Verdict, VerdictKind
from domain.roles import (
    DatasetRole,
    DatasetRow,
    RoleShares,
    assign_role,
    dataset_digest,
    keep_apart,
    merge,
)

SHARES = RoleShares(validation=0.2, test=0.3, monitoring=0.1)


def outcome(name: str, verdict: Verdict | None) -> Outcome:
    return Outcome(
        record_id=RecordId(name),
        verdict=verdict,
        how=How.AGREEMENT if verdict else How.DEADLINE,
        label_confidence=1.0,
        reviews=2,
    )


def labelled(name: str = "a") -> Outcome:
    return outcome(name, Verdict(kind=VerdictKind.LABEL, label="cat"))


def role_of(it: Outcome, *, arm: str = "random", frozen: bool = False) -> DatasetRole:
    return assign_role(it, arm=arm, shares=SHARES, seed=1, test_is_frozen=frozen)


def row(name: str, role: DatasetRole, content: str = "") -> DatasetRow:
    return DatasetRow(
        record_id=RecordId(name),
        content_digest=digest(content or name),
        role=role,
        label="cat",
        between=(),
        how="imported",
        label_confidence=None,
        arm=None,
        round_number=0,
    )


def test_actively_chosen_records_train_and_never_measure() -> None:
    arms = ("uncertain", "diverse")
    roles = {role_of(labelled(str(n)), arm=arm) for n in range(200) for arm in arms}
    assert roles == {DatasetRole.TRAIN}


def test_random_records_are_shared_out_as_asked() -> None:
    counts = Counter(role_of(labelled(str(n))) for n in range(10_000))
    for role, share in (
        (DatasetRole.VALIDATION, 0.2),
        (DatasetRole.TEST, 0.3),
        (DatasetRole.MONITORING, 0.1),
        (DatasetRole.TRAIN, 0.4),
    ):
        assert abs(counts[role] / 10_000 - share) < 0.02


def test_a_frozen_test_set_takes_no_new_records() -> None:
    roles = {role_of(labelled(str(n)), frozen=True) for n in range(500)}
    assert DatasetRole.TEST not in roles


def test_verdicts_without_a_label_have_roles_of_their_own() -> None:
    ambiguous = Verdict(kind=VerdictKind.USEFUL_AMBIGUITY, between=("cat", "dog"))
    unusable = Verdict(kind=VerdictKind.UNUSABLE_AMBIGUITY)
    assert role_of(outcome("a", ambiguous)) is DatasetRole.EDGE_CASE
    assert role_of(outcome("a", unusable)) is DatasetRole.EXCLUDED
    assert role_of(outcome("a", None)) is DatasetRole.HELD


def test_a_role_is_sticky_unless_nothing_was_settled() -> None:
    earlier = {
        RecordId("a"): row("a", DatasetRole.TEST),
        RecordId("b"): row("b", DatasetRole.HELD),
    }
    merged = merge(earlier, [row("a", DatasetRole.TRAIN), row("b", DatasetRole.TRAIN)])
    assert merged[RecordId("a")].role is DatasetRole.TEST
    assert merged[RecordId("b")].role is DatasetRole.TRAIN


def test_content_that_tests_never_trains() -> None:
    rows = keep_apart(
        [
            row("a", DatasetRole.TRAIN, "same"),
            row("b", DatasetRole.TEST, "same"),
            row("c", DatasetRole.TRAIN, "other"),
        ]
    )
    assert [each.role for each in rows] == [
        DatasetRole.EXCLUDED,
        DatasetRole.TEST,
        DatasetRole.TRAIN,
    ]


@given(st.permutations([row(name, DatasetRole.TRAIN) for name in "abcde"]))
def test_the_digest_does_not_hang_on_the_order_of_rows(rows: list[DatasetRow]) -> None:
    assert dataset_digest(rows) == dataset_digest(sorted(rows, key=lambda each: each.record_id))


def test_the_digest_hangs_on_every_field() -> None:
    base = row("a", DatasetRole.TRAIN)
    changed = [
        replace(base, label="dog"),
        replace(base, role=DatasetRole.TEST),
        replace(base, content_digest=Sha256("0" * 64)),
        replace(base, label_confidence=0.5),
    ]
    digests = {dataset_digest([each]) for each in [base, *changed]}
    assert len(digests) == 5
