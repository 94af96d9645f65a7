"""What a batch holds, whatever the order its pool came in."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.errors import BatchExceedsPool, EmptyPool, InvalidScores, MissingColumn
from domain.policy import ArmKind, Selection, batch_digest
from learning.candidates import Candidates
from learning.selection import select
from tests.learning.samples import PolicyMaker


def pool(count: int, *, labelled: int = 5, seed: int = 0, cold: bool = False) -> Candidates:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count + labelled, 4))
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    # Rounded, so that ties happen.
    margin = rng.random(count).round(2).astype(np.float32)
    return Candidates(
        record_ids=[f"r{i:04d}" for i in range(count)],
        margin=None if cold else margin,
        embeddings=unit[:count],
        labelled_embeddings=unit[count:],
        labelled_ids=[f"known-{i}" for i in range(labelled)],
        top_two=None
        if cold
        else [("3", "8", 0.5 + (1 - m) / 2, 0.5 - (1 - m) / 2) for m in margin.tolist()],
    )


def shuffled(candidates: Candidates, seed: int) -> Candidates:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(candidates.record_ids))
    known = rng.permutation(len(candidates.labelled_ids))
    return Candidates(
        record_ids=[candidates.record_ids[i] for i in order],
        margin=None if candidates.margin is None else candidates.margin[order],
        embeddings=candidates.embeddings[order],
        labelled_embeddings=candidates.labelled_embeddings[known],
        labelled_ids=[candidates.labelled_ids[i] for i in known],
        top_two=None if candidates.top_two is None else [candidates.top_two[i] for i in order],
    )


def of_arm(batch: list[Selection], arm: ArmKind) -> list[Selection]:
    chosen = [selection for selection in batch if selection.arm is arm]
    assert [selection.rank for selection in chosen] == list(range(len(chosen)))
    return chosen


quotas = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)).filter(any)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sizes=quotas, seed=st.integers(0, 2**63 - 1), cold=st.booleans(), labelled=st.integers(0, 4))
def test_a_batch_meets_its_quotas_and_does_not_depend_on_row_order(
    *, policy: PolicyMaker, sizes: tuple[int, int, int], seed: int, cold: bool, labelled: int
) -> None:
    uncertainty, diversity, random = sizes
    plan = policy(uncertainty=uncertainty, diversity=diversity, random=random, seed=seed)
    candidates = pool(40, labelled=labelled, seed=seed % 1000, cold=cold)
    batch = select(candidates, plan)
    counts = Counter(selection.arm for selection in batch)
    assert len({selection.record_id for selection in batch}) == len(batch) == sum(sizes)
    assert counts[ArmKind.RANDOM] == random
    assert counts[ArmKind.UNCERTAINTY] == (0 if cold else uncertainty)
    assert [selection.ordinal for selection in batch] == list(range(len(batch)))
    again = select(shuffled(candidates, seed % 997), plan)
    assert again == batch
    assert batch_digest(reversed(again)) == batch_digest(batch)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sizes=quotas)
def test_a_reviewer_who_stops_early_has_seen_each_arm_in_proportion(
    policy: PolicyMaker, sizes: tuple[int, int, int]
) -> None:
    uncertainty, diversity, random = sizes
    batch = select(pool(40), policy(uncertainty=uncertainty, diversity=diversity, random=random))
    for seen in range(1, len(batch) + 1):
        for arm, quota in zip(ArmKind, sizes, strict=True):
            fair = quota * seen / len(batch)
            assert abs(sum(each.arm is arm for each in batch[:seen]) - fair) <= 1.5


def test_the_random_arm_includes_every_record_as_often_as_its_propensity_says(
    policy: PolicyMaker,
) -> None:
    candidates, draws, quota, count = pool(24), 2_000, 6, 24
    seen: Counter[str] = Counter()
    for seed in range(draws):
        batch = select(candidates, policy(random=quota, uncertainty=4, seed=seed))
        chosen = of_arm(batch, ArmKind.RANDOM)
        assert {selection.propensity for selection in chosen} == {quota / count}
        seen.update(selection.record_id for selection in chosen)
    expected = draws * quota / count
    spread = (draws * (quota / count) * (1 - quota / count)) ** 0.5
    # Seeds are fixed: 4.5 standard deviations is what 24 honest records stay within.
    assert all(abs(seen[record] - expected) < 4.5 * spread for record in candidates.record_ids)


def test_another_seed_draws_another_random_arm_and_says_so_in_the_digest(
    policy: PolicyMaker,
) -> None:
    candidates = pool(200)
    one, two = (select(candidates, policy(random=20, seed=seed)) for seed in (1, 2))
    assert {each.record_id for each in one} != {each.record_id for each in two}
    assert batch_digest(one) != batch_digest(two)


def test_the_uncertainty_arm_takes_the_largest_margins_of_what_is_left(
    policy: PolicyMaker,
) -> None:
    candidates = pool(100)
    assert candidates.margin is not None
    batch = select(candidates, policy(random=10, uncertainty=20))
    drawn = {selection.record_id for selection in of_arm(batch, ArmKind.RANDOM)}
    margins = dict(zip(candidates.record_ids, candidates.margin.tolist(), strict=True))
    left = sorted(margins.keys() - drawn, key=lambda record: (-margins[record], record))
    chosen = of_arm(batch, ArmKind.UNCERTAINTY)
    assert [selection.record_id for selection in chosen] == left[:20]
    assert [selection.score for selection in chosen] == [margins[record] for record in left[:20]]


def test_the_diversity_arm_takes_the_record_farthest_from_labels_and_picks(
    policy: PolicyMaker,
) -> None:
    candidates = pool(100)
    batch = select(candidates, policy(random=5, uncertainty=5, diversity=5))
    place = {record: row for row, record in enumerate(candidates.record_ids)}
    known: list[NDArray[np.float32]] = list(candidates.labelled_embeddings)
    known += [
        candidates.embeddings[place[each.record_id]]
        for each in batch
        if each.arm is not ArmKind.DIVERSITY
    ]
    for selection in of_arm(batch, ArmKind.DIVERSITY):
        gaps = np.linalg.norm(candidates.embeddings[:, None] - np.stack(known)[None], axis=2)
        farthest = gaps.min(axis=1)
        assert farthest[place[selection.record_id]] == pytest.approx(farthest.max(), abs=1e-6)
        assert selection.score == pytest.approx(farthest.max(), abs=1e-6)
        known.append(candidates.embeddings[place[selection.record_id]])


def test_at_a_cold_start_uncertain_places_go_to_variety_and_the_reason_says_so(
    policy: PolicyMaker,
) -> None:
    batch = select(pool(50, cold=True), policy(random=2, uncertainty=6, diversity=3))
    diverse = of_arm(batch, ArmKind.DIVERSITY)
    assert len(diverse) == 9
    assert ["no model yet" in selection.reason for selection in diverse] == [False] * 3 + [True] * 6


def test_reasons_read_as_sentences(policy: PolicyMaker) -> None:
    candidates = replace(
        pool(10),
        margin=np.array([0.98] + [0.1] * 9, dtype=np.float32),
        top_two=[("3", "8", 0.41, 0.39)] + [("1", "7", 0.95, 0.05)] * 9,
    )
    batch = select(candidates, policy(uncertainty=2, diversity=1, random=1, seed=4))
    reasons = {(each.arm, each.rank): each.reason for each in batch}
    assert reasons[ArmKind.RANDOM, 0] == "drawn at random: one of 1 from 10"
    assert (
        reasons[ArmKind.UNCERTAINTY, 0] == "the model hesitates between 3 and 8 (0.41 against 0.39)"
    )
    assert "1 (0.95) rather than 7 (0.05)" in reasons[ArmKind.UNCERTAINTY, 1]
    assert "farthest from everything labelled or selected so far" in reasons[ArmKind.DIVERSITY, 0]
    assert "nearest labelled record known-" in reasons[ArmKind.DIVERSITY, 0]


def test_a_batch_larger_than_its_pool_is_refused(policy: PolicyMaker) -> None:
    with pytest.raises(BatchExceedsPool, match="wants 11 records and the pool has 10"):
        select(pool(10), policy(random=11))
    assert len(select(pool(10), policy(random=3, uncertainty=3, diversity=4))) == 10


def test_an_empty_pool_is_refused(policy: PolicyMaker) -> None:
    with pytest.raises(EmptyPool):
        select(pool(0), policy(random=1))


nan_row = np.full((10, 4), np.nan, dtype=np.float32)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"record_ids": ["a"] * 10}, "record a is there twice"),
        ({"record_ids": [f"r{i}" for i in range(9)]}, "embeddings has 10 rows for 9"),
        ({"margin": np.full(10, np.nan)}, "margin is NaN"),
        ({"margin": np.zeros(3)}, "margin has 3 rows"),
        ({"embeddings": nan_row}, "NaN or infinite"),
        ({"embeddings": np.full((10, 4), 1e30, dtype=np.float32)}, "NaN or infinite"),
        ({"embeddings": np.ones((10, 4), dtype=np.float32)}, "not unit rows"),
        ({"embeddings": np.zeros((10, 4))}, "float64, not float32"),
        ({"labelled_embeddings": np.zeros((5, 3), dtype=np.float32)}, "3 dimensions"),
        ({"labelled_ids": ["k"]}, "5 labelled embeddings have 1 ids"),
        ({"top_two": []}, "top_two has 0 rows"),
    ],
)
def test_what_cannot_be_ranked_is_refused_by_name(
    policy: PolicyMaker, change: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidScores, match=words):
        select(replace(pool(10), **change), policy(random=1))  # type: ignore[arg-type]


def test_scores_of_two_different_models_are_not_mixed() -> None:
    scores = pa.table(
        {
            "record_id": ["a", "b"],
            "probabilities": pa.array([[0.5, 0.5], None], pa.list_(pa.float32())),
            "margin": pa.array([1.0, None], pa.float32()),
            "embedding": pa.array([[1.0], [1.0]], pa.list_(pa.float32(), 1)),
        }
    )
    with pytest.raises(InvalidScores, match="1 of 2 records have no margin"):
        Candidates.from_scores(scores, labelled=scores)
    with pytest.raises(MissingColumn, match="margin"):
        Candidates.from_scores(scores.drop_columns("margin"), labelled=scores)
