"""Which decisions about a held batch count, whatever a message that came past the API may hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.accounts import Actor
from domain.arms import Arm, ArmKind, Signal
from domain.canonical import Sha256, tame
from domain.decisions import batch_refusal
from domain.ids import AccountId, RoundId, Timestamp
from domain.messages import MAX_ID, MAX_TEXT
from domain.policy import Exclusions, Gate, Limit, Measure, SamplingPolicy, Scale
from domain.rounds import Batch, BatchAction, BatchDecided
from domain.selections import Findings

ROUND = RoundId("round")
POLICY = SamplingPolicy(
    name="small",
    batch_size=10,
    arms=(
        Arm(name="uncertain", kind=ArmKind.UNCERTAIN, share=0.5),
        Arm(name="random", kind=ArmKind.RANDOM, share=0.5),
    ),
)
HELD = Batch(
    digest=Sha256("1" * 64),
    artifact=Sha256("2" * 64),
    records=10,
    arms={"random": 10},
    findings=Findings(excluded={}),
    policy_digest=POLICY.digest,
)
ACCEPTANCE = BatchDecided(
    decision_id="decision",
    round_id=ROUND,
    action=BatchAction.ACCEPT,
    batch_digest=HELD.digest,
    reason="it will do",
    actor=Actor(account_id=AccountId("pat"), name="Pat", authenticated_by="token"),
    submitted_at=Timestamp("2026-01-02T00:00:00+00:00"),
)

numbers = st.floats() | st.integers(-(10**400), 10**400)
text = st.text(max_size=40)
wild_policies = st.builds(
    SamplingPolicy,
    name=text,
    version=st.integers(),
    description=text,
    batch_size=st.integers(-1, 200_000) | st.integers(0, 10**400),
    seed=st.integers(),
    arms=st.lists(
        st.builds(
            Arm,
            name=text,
            kind=st.sampled_from(ArmKind),
            share=numbers,
            signals=st.dictionaries(st.sampled_from(Signal), st.floats(), max_size=2),
            where=text,
        ),
        max_size=3,
    ).map(tuple),
    limits=st.lists(
        st.builds(
            Limit,
            column=text,
            min_records=st.none() | st.integers(),
            min_share=st.none() | numbers,
            max_share=st.none() | numbers,
        ),
        max_size=2,
    ).map(tuple),
    exclusions=st.builds(Exclusions, where=text),
    gates=st.lists(
        st.builds(Gate, measure=st.sampled_from(Measure), at_least=st.none() | numbers), max_size=2
    ).map(tuple),
    scales=st.dictionaries(
        st.sampled_from(Signal), st.builds(Scale, low=st.floats(), high=st.floats()), max_size=2
    ),
    half_life_days=st.floats(),
)


def refusal(decision: BatchDecided, **changes: Any) -> str | None:
    known: dict[str, Any] = {
        "round_id": ROUND,
        "waiting": HELD,
        "requested_by": AccountId("ria"),
        "handled": set(),
    }
    return batch_refusal(decision, **(known | changes))


def test_a_batch_is_accepted_by_somebody_who_did_not_ask_for_the_round() -> None:
    assert refusal(ACCEPTANCE) is None
    assert "another person" in str(refusal(ACCEPTANCE, requested_by=AccountId("pat")))


def test_a_policy_that_differs_only_in_its_gates_may_take_the_place_of_the_present_one() -> None:
    amendment = replace(ACCEPTANCE, action=BatchAction.AMEND)
    lenient = replace(POLICY, gates=(Gate(measure=Measure.COVERAGE, at_least=0.1),))
    assert refusal(replace(amendment, policy=lenient)) is None
    assert refusal(replace(amendment, policy=POLICY)) is not None


@given(wild_policies)
def test_whatever_policy_a_message_holds_it_is_judged(policy: SamplingPolicy) -> None:
    amendment = replace(ACCEPTANCE, action=BatchAction.AMEND, policy=policy)
    why_not = refusal(tame(amendment))
    assert why_not is None or why_not.startswith(("the policy", "malformed"))


@given(
    reason=st.text(max_size=2_100),
    moment=st.just(ACCEPTANCE.submitted_at) | text,
    decision_id=st.text(max_size=300),
)
def test_a_decision_counts_only_if_its_texts_can_be_written_down(
    reason: str, moment: str, decision_id: str
) -> None:
    said = replace(
        ACCEPTANCE, reason=reason, submitted_at=Timestamp(moment), decision_id=decision_id
    )
    fit = (
        bool(reason.strip())
        and len(reason) <= MAX_TEXT
        and len(decision_id) <= MAX_ID
        and "\x00" not in reason + decision_id
        and moment == ACCEPTANCE.submitted_at
    )
    assert (refusal(tame(said)) is None) is fit
