"""Policies in sentences: what somebody reads who approves one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from api.policies import words
from domain.arms import Arm, ArmKind, Diversity, Signal
from domain.policy import Exclusions, Limit, NearDuplicates, SamplingPolicy, WhenImpossible
from tests.domain.policies import policies

RANDOM = Arm(name="random", kind=ArmKind.RANDOM, share=0.2)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (Limit(column="source", max_share=0.25), "At most 25 % of the batch from any one source"),
        (
            Limit(column="language", value="fr", min_records=10),
            "At least 10 records with language fr",
        ),
        (
            Limit(column="predicted", min_share=0.05, max_share=0.5),
            "At least 5 % of the batch and at most 50 % of the batch from each predicted class",
        ),
    ],
)
def test_a_limit_is_a_sentence(limit: Limit, said: str) -> None:
    assert words.limit_words(limit).replace("\N{NO-BREAK SPACE}", " ") == said


def test_an_arm_says_what_counts_how_it_is_picked_and_where() -> None:
    arm = Arm(
        name="new",
        kind=ArmKind.EDGE_CASE,
        share=0.8,
        signals={Signal.NOVELTY: 3.0, Signal.MARGIN: 1.0},
        diversity=Diversity.NONE,
        where='language == "de"',
        weights=(Signal.RISK,),
    )
    policy = SamplingPolicy(name="weekly", batch_size=10, arms=(arm, RANDOM))
    new, chance = words.arms_in_words(policy)
    assert (new.records, chance.records) == (8, 2)
    both = "being far from everything labelled (75 %) and two classes nearly equally likely (25 %)"
    assert [each.replace("\N{NO-BREAK SPACE}", " ") for each in new.details] == [
        f"What counts: {both}, all at once.",
        "Picked are the highest scores, whatever they have in common.",
        "Records count more by risk.",
        'Only where language == "de"',
    ]
    assert chance.details == []


def test_what_is_left_out_and_what_the_batch_keeps_to_are_told() -> None:
    policy = SamplingPolicy(
        name="weekly",
        batch_size=10,
        arms=(Arm(name="random", kind=ArmKind.RANDOM, share=1.0),),
        limits=(Limit(column="source", max_records=3),),
        near_duplicates=NearDuplicates(text=None, embedding=0.9),
        when_impossible=WhenImpossible.STOP,
        exclusions=Exclusions(usage_restrictions=("*",), out_of_scope="segment is None"),
    )
    assert words.left_out(policy) == [
        "usage restriction anything",
        "out of scope: segment is None",
    ]
    assert words.demands(policy) == [
        "At most 3 records from any one source",
        "No two records that are nearly the same (embeddings at 0.9 and above)",
        "Where that cannot be had, nothing is selected",
    ]


@settings(deadline=None)
@given(policies())
def test_every_policy_can_be_told(policy: SamplingPolicy) -> None:
    assert len(words.arms_in_words(policy)) == len(policy.arms)
    assert words.guards(policy)
    assert len(words.gates(policy)) == len(policy.gates)
    assert len(words.demands(policy)) >= len(policy.limits)
    assert all(words.left_out(policy))


def test_every_signal_and_method_has_words() -> None:
    assert set(words.SIGNALS) == set(Signal)
    assert set(words.METHODS) == set(Diversity)
