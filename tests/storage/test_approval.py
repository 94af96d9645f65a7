"""What an approver looks at: disputes first, and the content that people judged."""

from __future__ import annotations

from sqlalchemy import Engine

from domain.ids import RecordId, RoundId
from domain.outcomes import How, Outcome
from domain.reviews import ExclusionReason, Verdict, VerdictKind
from storage.approval import Show, batch_contents, count_outcomes, outcomes_to_check
from storage.reviews import project_outcomes
from tests.storage.samples import ONE_O_CLOCK, import_lines, make_round, record

R1 = RoundId("r1")
BILLING = Verdict(kind=VerdictKind.LABEL, label="billing")
DUPLICATE = Verdict(kind=VerdictKind.EXCLUDE, exclusion=ExclusionReason.DUPLICATE)


def outcome(
    ordinal: int, how: How, confidence: float | None, verdict: Verdict | None = BILLING
) -> Outcome:
    return Outcome(
        record_id=record(ordinal),
        verdict=verdict,
        how=how,
        label_confidence=confidence,
        reviews=2,
    )


def settle(engine: Engine) -> None:
    make_round(engine, records=5)
    outcomes = [
        outcome(0, How.AGREEMENT, 1.0),
        outcome(1, How.AGREEMENT, 1.0, DUPLICATE),
        outcome(2, How.ADJUDICATION, 0.5),
        outcome(3, How.DEADLINE, None, None),
        outcome(4, How.AGREEMENT, 0.75),
    ]
    with engine.begin() as connection:
        project_outcomes(connection, round_id=R1, shard=0, outcomes_=outcomes, at=ONE_O_CLOCK)


def shown(engine: Engine, show: Show, *, offset: int = 0) -> list[RecordId]:
    with engine.connect() as connection:
        found = outcomes_to_check(connection, R1, show, offset=offset, limit=10)
    return [decided.outcome.record_id for decided in found]


def test_what_nobody_settled_comes_first_then_what_people_disputed(engine: Engine) -> None:
    settle(engine)
    assert shown(engine, Show.ALL) == [record(n) for n in (3, 2, 4, 0, 1)]
    assert shown(engine, Show.ALL, offset=3) == [record(0), record(1)]


def test_each_choice_shows_as_many_as_it_counts(engine: Engine) -> None:
    settle(engine)
    with engine.connect() as connection:
        counts = count_outcomes(connection, R1)
    assert counts == {Show.ALL: 5, Show.DISPUTED: 3, Show.AGREED: 2, Show.UNLABELLED: 2}
    assert shown(engine, Show.UNLABELLED) == [record(3), record(1)]
    assert {show: len(shown(engine, show)) for show in Show} == counts


def test_contents_are_those_that_the_round_selected(engine: Engine) -> None:
    make_round(engine, records=2)
    import_lines(engine, [{"id": record(0), "text": "changed since"}])
    with engine.connect() as connection:
        found = batch_contents(connection, R1, [record(0), record(1), RecordId("elsewhere")])
    assert found == {record(0): {"text": "text 0"}, record(1): {"text": "text 1"}}
