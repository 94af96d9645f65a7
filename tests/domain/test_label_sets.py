"""Schemas of multiple choice: sets of labels, how they are written down, and when two agree."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import (
    InvalidReview,
    InvalidSchema,
    LabelOfAnotherSchema,
    UnknownLabel,
    WrongNumberOfLabels,
)
from domain.labels import (
    Choice,
    LabelClass,
    LabelSchema,
    check_schema,
    members_of,
    powerset_label,
)
from domain.outcomes import How
from domain.progress import ShardRecord
from domain.reviews import Verdict, VerdictKind, check_verdict, labels_answered
from domain.shards import Shard
from tests.domain import shard_world
from tests.domain.shard_world import AT, record_id, review


def schema(*labels: str, **changes: object) -> LabelSchema:
    classes = tuple(LabelClass(label=label) for label in labels)
    fields: dict[str, object] = {"name": "topics", "version": 1, "choice": Choice.MULTIPLE}
    return LabelSchema(classes=classes, **(fields | changes))  # type: ignore[arg-type]


TOPICS = schema("delivery", "billing", "praise", min_labels=0, max_labels=2)


def given_labels(*labels: str) -> Verdict:
    return Verdict(kind=VerdictKind.LABEL, labels=labels)


def open_shard() -> Shard:
    shard = shard_world.open_shard(records=1)
    rules = replace(shard.rules, schema=TOPICS)
    return Shard.opened(rules, [ShardRecord(ordinal=0, record_id=record_id(0))], AT)


# -- sets as one label --------------------------------------------------------------------------


@given(st.sets(st.text(st.characters(categories=["L", "N"]), min_size=1)))
def test_a_set_is_written_as_one_label_and_read_back(labels: set[str]) -> None:
    written = powerset_label(labels)
    assert written.strip()
    assert set(members_of(written)) == labels
    assert powerset_label(sorted(labels, reverse=True)) == written


def test_the_label_of_a_set_stays_the_same_when_a_later_version_reorders_its_labels() -> None:
    first = check_verdict(given_labels("billing", "delivery"), TOPICS)
    later = replace(TOPICS, version=2, classes=TOPICS.classes[::-1])
    assert check_verdict(given_labels("delivery", "billing"), later) == first
    assert first.label == "billing|delivery"


# -- schemas ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unusable",
    [
        schema("a|b", "c"),
        schema("(none)", "c"),
        schema(" a", "c"),
        schema("a", "b", min_labels=3),
        schema("a", "b", min_labels=-1),
        schema("a", "b", max_labels=0),
        schema("a", "b", max_labels=3),
        schema("a", "b", "c", min_labels=3, max_labels=2),
        schema(*(f"label {n}" for n in range(30)), max_labels=21),
        schema(*(f"{n:0200}" for n in range(9))),
        schema("a", "b", choice=Choice.SINGLE, min_labels=0),
        schema("a", "b", choice=Choice.SINGLE, max_labels=1),
    ],
)
def test_a_schema_whose_answers_nobody_could_give_or_write_down_is_refused(
    unusable: LabelSchema,
) -> None:
    with pytest.raises(InvalidSchema):
        check_schema(unusable)


def test_a_label_of_a_single_choice_may_hold_what_separates_sets() -> None:
    assert check_schema(schema("a|b", "c", choice=Choice.SINGLE)).labels == ("a|b", "c")


def test_without_a_number_an_answer_may_have_all_labels_up_to_twenty() -> None:
    assert check_schema(schema("a", "b", "c")).most == 3
    assert check_schema(schema(*(f"label {n}" for n in range(30)))).most == 20


# -- verdicts -----------------------------------------------------------------------------------


def test_an_answer_of_several_labels_is_brought_into_one_form() -> None:
    verdict = check_verdict(given_labels("delivery", "billing", "delivery"), TOPICS)
    assert (verdict.labels, verdict.label) == (("billing", "delivery"), "billing|delivery")
    assert check_verdict(verdict, TOPICS) == verdict
    assert labels_answered(verdict.answer) == frozenset({"billing", "delivery"})


def test_none_of_the_labels_is_an_answer_where_the_schema_allows_it() -> None:
    none = check_verdict(given_labels(), TOPICS, named="topics@1")
    assert (none.labels, none.label) == ((), "(none)")
    assert labels_answered(none.answer) == frozenset()
    with pytest.raises(WrongNumberOfLabels, match="1 to 2 labels, not 0"):
        check_verdict(given_labels(), replace(TOPICS, min_labels=1))


def test_what_a_schema_of_multiple_choice_does_not_allow_is_refused() -> None:
    with pytest.raises(WrongNumberOfLabels, match="0 to 2 labels, not 3"):
        check_verdict(given_labels(*TOPICS.labels), TOPICS)
    with pytest.raises(UnknownLabel):
        check_verdict(given_labels("weather"), TOPICS)
    with pytest.raises(LabelOfAnotherSchema):
        check_verdict(given_labels(), TOPICS, named="topics@2")
    with pytest.raises(InvalidReview, match="list them"):
        check_verdict(Verdict(kind=VerdictKind.LABEL, label="billing"), TOPICS)
    with pytest.raises(InvalidReview, match="has no label"):
        check_verdict(Verdict(kind=VerdictKind.ESCALATE, labels=("billing",)), TOPICS)
    with pytest.raises(InvalidReview, match="one label"):
        check_verdict(given_labels("a"), schema("a", "b", choice=Choice.SINGLE))


def test_one_label_alone_can_be_in_doubt_where_a_record_may_have_several() -> None:
    doubt = Verdict(kind=VerdictKind.USEFUL_AMBIGUITY, between=("billing",))
    assert check_verdict(doubt, TOPICS) == doubt
    with pytest.raises(InvalidReview):
        check_verdict(replace(doubt, between=()), TOPICS)
    with pytest.raises(InvalidReview):
        check_verdict(doubt, schema("billing", "b", choice=Choice.SINGLE))


# -- shards -------------------------------------------------------------------------------------


def test_reviewers_agree_when_their_sets_are_equal_in_whatever_order() -> None:
    shard = open_shard()
    shard.review(review(0, 0, "ann", given_labels("delivery", "billing")), AT)
    shard.review(review(0, 1, "bob", given_labels("billing", "delivery")), AT)
    [outcome] = shard.outcomes
    assert outcome.how is How.AGREEMENT
    assert outcome.verdict == check_verdict(given_labels("billing", "delivery"), TOPICS)


def test_reviewers_differ_when_one_of_them_names_a_label_more() -> None:
    shard = open_shard()
    shard.review(review(0, 0, "ann", given_labels("billing")), AT)
    shard.review(review(0, 1, "bob", given_labels("billing", "delivery")), AT)
    assert shard.outcomes == []
    [opened] = [each for each in shard.drain(AT).opened if each.kind == "adjudication"]
    assert opened.record_id == record_id(0)


def test_the_ledger_has_an_answer_in_its_usual_form_however_it_was_sent() -> None:
    shard = open_shard()
    shard.review(review(0, 0, "ann", given_labels("delivery", "billing")), AT)
    decision = shard.ledger.entries[-1].decision
    assert decision.detail["answer"] == "label:billing|delivery"
