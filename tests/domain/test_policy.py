"""Policies: what they ask for in records, and what is refused in them, with its place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.arms import KINDS, Arm, ArmKind, Combine, Diversity, Signal
from domain.errors import InvalidPolicy
from domain.policy import Gate, Limit, Measure, SamplingPolicy, Scale
from domain.policy_rules import check_policy, expressions, faults
from tests.domain.policies import policies

RANDOM = Arm(name="random", kind=ArmKind.RANDOM, share=0.2)
UNCERTAIN = Arm(name="uncertain", kind=ArmKind.UNCERTAIN, share=0.8)
POLICY = SamplingPolicy(name="weekly", batch_size=100, arms=(UNCERTAIN, RANDOM))


def with_arms(*shares: float, random: float = 0.2) -> SamplingPolicy:
    arms = [
        Arm(name=f"arm-{place}", kind=ArmKind.UNCERTAIN, share=share)
        for place, share in enumerate(shares)
    ]
    return replace(POLICY, arms=(*arms, replace(RANDOM, share=random)))


# -- quotas -----------------------------------------------------------------------------------


@settings(deadline=None)
@given(policies(), st.integers(1, 5_000))
def test_quotas_add_up_and_chance_gets_its_share_at_least(
    policy: SamplingPolicy, records: int
) -> None:
    quotas = policy.quotas(records)
    assert sum(quotas.values()) == records
    assert min(quotas.values()) >= 0
    assert list(quotas) == [arm.name for arm in policy.arms]
    exact = policy.random_arm.share * records
    assert exact - 1e-6 <= quotas["random"] < exact + 1


@settings(deadline=None)
@given(policies(), st.integers(1, 5_000))
def test_no_arm_is_a_whole_record_away_from_its_share_of_what_chance_leaves(
    policy: SamplingPolicy, records: int
) -> None:
    quotas = policy.quotas(records)
    others = [arm for arm in policy.arms if arm.kind is not ArmKind.RANDOM]
    left = records - quotas["random"]
    total = sum(arm.share for arm in others)
    assert all(abs(quotas[arm.name] - left * arm.share / total) < 1 + 1e-6 for arm in others)


@pytest.mark.parametrize(
    ("policy", "records", "expected"),
    [
        (with_arms(0.5, 0.3), 100, [50, 30, 20]),
        (with_arms(0.4, 0.4), 10, [4, 4, 2]),
        # A share of a record is rounded up for chance, down for the others.
        (with_arms(0.4, 0.4), 7, [3, 2, 2]),
        (with_arms(0.4, 0.4), 1, [0, 0, 1]),
        # Floats: three tenths and a half of 20 are 6 and 10, not 7 and 9.
        (with_arms(0.3, 0.5), 20, [6, 10, 4]),
    ],
)
def test_quotas_of_known_shares(policy: SamplingPolicy, records: int, expected: list[int]) -> None:
    assert list(policy.quotas(records).values()) == expected


def test_without_a_number_quotas_are_of_the_batch_size() -> None:
    assert POLICY.quotas() == POLICY.quotas(100) == {"uncertain": 80, "random": 20}


# -- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "batch", "bounds"),
    [
        (Limit(column="language", min_share=0.25, max_share=0.5), 10, (3, 5)),
        (Limit(column="language", max_share=0.25), 10, (0, 2)),
        (Limit(column="language", min_records=4, min_share=0.1), 10, (4, 10)),
        (Limit(column="language", max_records=3, max_share=0.9), 10, (0, 3)),
        # 0.3 of 10 is 3, whatever floats make of it.
        (Limit(column="language", min_share=0.3, max_share=0.3), 10, (3, 3)),
    ],
)
def test_shares_of_a_minimum_round_up_and_of_a_maximum_down(
    limit: Limit, batch: int, bounds: tuple[int, int]
) -> None:
    assert (limit.at_least(batch), limit.at_most(batch)) == bounds


# -- what comes from an arm's kind ------------------------------------------------------------


def test_an_arm_that_says_no_more_than_its_kind_has_its_ways() -> None:
    plain = Arm(name="rare", kind=ArmKind.RARE, share=0.1)
    assert plain.weighted_signals == {Signal.CLASS_RARITY: 0.5, Signal.SEGMENT_RARITY: 0.5}
    assert plain.method is Diversity.PREFILTER_K_MEANS
    own = replace(
        plain,
        signals={Signal.RISK: 2.0},
        combine=Combine.MULTIPLY,
        diversity=Diversity.NONE,
        weights=(Signal.BUSINESS_VALUE,),
    )
    assert own.weighted_signals == {Signal.RISK: 2.0}
    assert (own.combination, own.method) == (Combine.MULTIPLY, Diversity.NONE)
    assert replace(POLICY, arms=(own, RANDOM)).signals == {Signal.RISK, Signal.BUSINESS_VALUE}


def test_every_kind_says_what_it_is_for() -> None:
    assert set(KINDS) == set(ArmKind)
    assert all(defaults.meaning for defaults in KINDS.values())


# -- digests ----------------------------------------------------------------------------------


def test_a_policy_digest_names_exactly_its_content() -> None:
    assert replace(POLICY).digest == POLICY.digest
    assert replace(POLICY, batch_size=101).digest != POLICY.digest
    assert replace(POLICY, version=2).digest != POLICY.digest


# -- rules ------------------------------------------------------------------------------------


@settings(deadline=None)
@given(policies())
def test_what_can_be_followed_has_no_fault(policy: SamplingPolicy) -> None:
    assert list(faults(policy)) == []
    assert check_policy(policy) is policy
    assert len(expressions(policy)) <= len(policy.arms) + 3


@pytest.mark.parametrize(
    ("policy", "path", "because"),
    [
        (replace(POLICY, name="Weekly"), ("name",), "cannot be a name"),
        (replace(POLICY, batch_size=0), ("batch_size",), "1 to 100,000"),
        (replace(POLICY, seed=-1), ("seed",), "0 to 2"),
        (replace(POLICY, arms=(UNCERTAIN,)), ("arms",), "exactly one arm of kind random"),
        (with_arms(0.96, random=0.04), ("arms", 1, "share"), "at least 5% must be random"),
        (with_arms(0.5), ("arms",), "add up to 0.7"),
        (with_arms(float("nan")), ("arms", 0, "share"), "above 0"),
        (replace(POLICY, arms=(UNCERTAIN, UNCERTAIN, RANDOM)), ("arms", 1, "name"), "named twice"),
        (
            replace(POLICY, arms=(replace(UNCERTAIN, name="random"), RANDOM)),
            ("arms", 0, "name"),
            "names the arm of kind random alone",
        ),
        (
            replace(POLICY, arms=(UNCERTAIN, replace(RANDOM, where="risk > 0.5"))),
            ("arms", 1, "where"),
            "a fair draw",
        ),
        (
            replace(POLICY, arms=(replace(UNCERTAIN, where="risk >"), RANDOM)),
            ("arms", 0, "where"),
            "cannot be read",
        ),
        (
            replace(POLICY, arms=(replace(UNCERTAIN, signals={Signal.MARGIN: 0.0}), RANDOM)),
            ("arms", 0, "signals", "margin"),
            "above 0",
        ),
        (replace(POLICY, limits=(Limit(column="a"),)), ("limits", 0), "sets no bound"),
        (
            replace(POLICY, limits=(Limit(column="a", min_share=0.6, max_share=0.5),)),
            ("limits", 0),
            "demands more than it allows",
        ),
        (replace(POLICY, gates=(Gate(measure=Measure.COVERAGE),)), ("gates", 0), "no threshold"),
        (
            replace(POLICY, scales={Signal.MARGIN: Scale(low=0.0, high=1.0)}),
            ("scales", "margin"),
            "only levels",
        ),
        (
            replace(POLICY, scales={Signal.RISK: Scale(low=1.0, high=1.0)}),
            ("scales", "risk"),
            "low must be below high",
        ),
        (replace(POLICY, half_life_days=0.0), ("half_life_days",), "above 0"),
        (replace(POLICY, description="x" * 2_001), ("description",), "longer than 2,000"),
    ],
)
def test_a_policy_that_cannot_be_followed_says_why_and_where(
    policy: SamplingPolicy, path: tuple[str | int, ...], because: str
) -> None:
    assert [fault for fault in faults(policy) if fault.path == path and because in fault.message]
    with pytest.raises(InvalidPolicy):
        check_policy(policy)


def test_all_faults_are_told_at_once() -> None:
    wrong = replace(POLICY, batch_size=0, half_life_days=-1.0)
    with pytest.raises(InvalidPolicy, match="batch_size: is 0") as refused:
        check_policy(wrong)
    assert [each["path"] for each in refused.value.context["faults"]] == [  # type: ignore[attr-defined]
        ["batch_size"],
        ["half_life_days"],
    ]
