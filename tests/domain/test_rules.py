"""Policies, schemas, verdicts, accounts: what is refused, and with which code."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.accounts import (
    GRANTS,
    Permission,
    Role,
    check_approver,
    check_policy_approver,
    permissions,
    require,
)
from domain.canonical import canonical, digest, tame
from domain.decisions import approval_refusal
from domain.errors import (
    DutiesNotSeparate,
    InvalidRecord,
    InvalidReview,
    InvalidSchema,
    LabelOfAnotherSchema,
    NotAllowed,
    UnknownLabel,
)
from domain.ids import AccountId, RoundId, is_name
from domain.labels import LabelClass, LabelSchema, check_schema
from domain.records import Content, ContentKind, check_content, check_record_id
from domain.reviews import Verdict, VerdictKind, check_submission, check_verdict
from domain.rounds import ApprovalDecided
from tests.domain.shard_world import AT, SCHEMA, actor, review


@pytest.mark.parametrize("labels", [(), ("a",), ("a", "a"), ("a", " "), ("a", "b\n")])
def test_a_schema_nobody_can_label_with_is_refused(labels: tuple[str, ...]) -> None:
    classes = tuple(LabelClass(label=label) for label in labels)
    with pytest.raises(InvalidSchema):
        check_schema(LabelSchema(name="s", version=1, classes=classes))


def test_a_schema_too_large_to_travel_with_its_round_is_refused() -> None:
    classes = tuple(LabelClass(label=f"label {n}", meaning="m" * 2_000) for n in range(50))
    with pytest.raises(InvalidSchema, match="64 KiB"):
        check_schema(LabelSchema(name="s", version=1, classes=classes))


def test_a_label_of_another_schema_is_told_from_an_unknown_one() -> None:
    cat = Verdict(kind=VerdictKind.LABEL, label="cat")
    horse = Verdict(kind=VerdictKind.LABEL, label="horse")
    assert check_verdict(cat, SCHEMA, named="animals@1") == cat
    with pytest.raises(LabelOfAnotherSchema):
        check_verdict(cat, SCHEMA, named="animals@2")
    with pytest.raises(UnknownLabel):
        check_verdict(horse, SCHEMA, named="animals@1")


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(kind=VerdictKind.LABEL),
        Verdict(kind=VerdictKind.EXCLUDE),
        Verdict(kind=VerdictKind.ESCALATE, label="cat"),
        Verdict(kind=VerdictKind.USEFUL_AMBIGUITY, between=("cat",)),
        Verdict(kind=VerdictKind.LABEL, label="cat", between=("cat", "dog")),
    ],
)
def test_half_a_verdict_is_refused(verdict: Verdict) -> None:
    with pytest.raises(InvalidReview):
        check_verdict(verdict, SCHEMA)


@pytest.mark.parametrize(
    ("confidence", "rationale", "seconds"),
    [(1.1, "", 1.0), (float("nan"), "", 1.0), (0.5, "x" * 2_001, 1.0), (0.5, "", -1.0)],
)
def test_figures_out_of_bounds_are_refused(
    confidence: float, rationale: str, seconds: float
) -> None:
    with pytest.raises(InvalidReview):
        check_submission(confidence, rationale, seconds)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (ContentKind.TEXT, {"text": "  "}),
        (ContentKind.TEXT, {"text": "a\x00b"}),
        (ContentKind.TEXT, {"text": 3}),
        (ContentKind.TEXT, {"text": "x" * 300_000}),
        (ContentKind.TABLE, {"row": {}}),
        (ContentKind.TABLE, {"row": {"a": [1]}}),
        (ContentKind.TABLE, {"row": {"a": float("nan")}}),
        (ContentKind.IMAGE, {"pixels": [[1, 2], [3]]}),
        (ContentKind.IMAGE, {"pixels": [[256]]}),
        (ContentKind.IMAGE, {"pixels": []}),
    ],
)
def test_content_that_is_not_of_its_kind_is_refused(kind: ContentKind, content: Content) -> None:
    with pytest.raises(InvalidRecord):
        check_content(kind, content)


@pytest.mark.parametrize("value", [None, "", "  ", "x" * 129, "a\tb", 1.5, True])
def test_an_unusable_record_id_is_refused(value: object) -> None:
    with pytest.raises(InvalidRecord):
        check_record_id(value)


@pytest.mark.parametrize("name", ["", "../x", "a..b", "A", "a/b", "-a", "x" * 64])
def test_what_ends_up_in_paths_is_a_plain_name(name: str) -> None:
    assert not is_name(name)


def test_nobody_may_what_no_role_grants() -> None:
    assert permissions([]) == frozenset()
    with pytest.raises(NotAllowed):
        require([Role.REVIEWER], Permission.APPROVE)


def test_an_admin_alone_neither_reviews_nor_approves() -> None:
    judging = {
        Permission.REVIEW,
        Permission.ADJUDICATE,
        Permission.APPROVE,
        Permission.APPROVE_POLICIES,
    }
    assert not judging & GRANTS[Role.ADMIN]


def test_who_asked_for_a_round_does_not_approve_it() -> None:
    with pytest.raises(DutiesNotSeparate):
        check_approver(AccountId("ann"), requested_by=AccountId("ann"))


def test_who_wrote_a_policy_does_not_approve_it() -> None:
    check_policy_approver(AccountId("bob"), author=AccountId("ann"))
    with pytest.raises(DutiesNotSeparate):
        check_policy_approver(AccountId("ann"), author=AccountId("ann"))


def approval(
    decision_id: str = "d", digest_: str = "1" * 64, who: str = "eve", round_id: str = "r-1"
) -> ApprovalDecided:
    return ApprovalDecided(
        decision_id=decision_id,
        round_id=RoundId(round_id),
        approved=True,
        dataset_digest=digest_,  # type: ignore[arg-type]
        reason="",
        actor=actor(who),
        submitted_at=AT,
    )


@pytest.mark.parametrize(
    ("decision", "waiting", "because"),
    [
        (approval(), "1" * 64, None),
        (approval("seen"), "1" * 64, "duplicate"),
        (approval(round_id="r-2"), "1" * 64, "another round"),
        (approval("x" * 300), "1" * 64, "malformed"),
        (approval(), None, "does not wait"),
        (approval(), "2" * 64, "another dataset"),
        (approval(who="ann"), "1" * 64, "asked for this round"),
    ],
)
def test_an_approval_counts_once_for_the_dataset_it_cites_and_by_another_person(
    decision: ApprovalDecided, waiting: str | None, because: str | None
) -> None:
    why_not = approval_refusal(
        decision,
        round_id=RoundId("r-1"),
        waiting=waiting,  # type: ignore[arg-type]
        requested_by=AccountId("ann"),
        handled={"seen"},
    )
    assert (why_not is None) if because is None else (because in (why_not or ""))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.text(), json_values))
def test_equal_values_have_equal_digests_whatever_the_order_of_keys(
    value: dict[str, object],
) -> None:
    reordered = dict(reversed(list(value.items())))
    assert digest(value) == digest(reordered)


def test_any_message_can_be_written_down_once_it_is_tamed() -> None:
    wild = replace(
        review(0, 0, "ann", "c\ud800t", rationale="\udfff ü"),
        confidence=float("nan"),
        seconds=float("inf"),
    )
    tamed = tame(wild)
    assert canonical(tamed)
    assert (tamed.confidence, tamed.seconds) == (-1.0, -1.0)
    assert tamed.rationale == "? ü"
    assert tame(tamed) == tamed


def test_what_json_cannot_say_has_no_canonical_form() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical(float("nan"))
    with pytest.raises(TypeError):
        canonical(object())
