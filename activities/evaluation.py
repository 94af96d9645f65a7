"""Measures what the round's labels were worth: before against after, active against random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from temporalio import activity

from activities.clock import asked_at
from activities.contents import contents_of, earlier_files, parse
from activities.heartbeat import beating
from domain.arms import RANDOM_ARM
from domain.canonical import Sha256
from domain.records import Content
from domain.roles import DatasetRole, DatasetRow
from domain.rounds import (
    Candidate,
    Comparison,
    Estimate,
    Evaluation,
    EvaluationByClass,
    RoundPlan,
    Snapshot,
    TrainedModel,
)
from storage import models
from storage.artifacts import ArtifactStore
from storage.dataset_rows import read_rows

if TYPE_CHECKING:
    from learning.evaluation import Estimate as Measured
    from learning.models import Model


FEW_TESTS = 50
"""Below this a figure is shown with a warning: a bootstrap of a few rows looks surer than it is."""
MOST_CLASSES = 200
"""More by class would make an answer that is large for a history."""


@dataclass(frozen=True, kw_only=True)
class EvaluateRound:
    plan: RoundPlan
    snapshot: Snapshot
    candidate: Candidate
    before: TrainedModel
    after: TrainedModel


class EvaluationActivities:
    def __init__(self, engine: Engine, store: ArtifactStore) -> None:
        self._engine = engine
        self._store = store

    @activity.defn
    def evaluate_round(self, request: EvaluateRound) -> Evaluation:
        """Both models on the version's test records, on which neither was trained.

        By class it answers more than a round reads: EvaluationByClass.
        """
        rows = [
            row
            for row in read_rows(self._store, request.candidate.rows).values()
            if row.label is not None and row.role in {DatasetRole.TRAIN, DatasetRole.TEST}
        ]
        with beating():
            contents = contents_of(
                self._store,
                request.snapshot,
                {row.content_digest for row in rows},
                earlier=earlier_files(
                    self._engine,
                    request.snapshot,
                    request.plan.dataset,
                    request.candidate.parent_version,
                ),
            )
            parsed = {key: parse(content) for key, content in contents.items()}
            evaluation = _evaluate(request, rows, parsed, self._store)
        with self._engine.begin() as connection:
            models.put_evaluation(
                connection,
                request.plan.round_id,
                "round",
                models.evaluation_body(evaluation),
                at=asked_at(),
            )
        return evaluation


def _evaluate(
    request: EvaluateRound,
    rows: list[DatasetRow],
    contents: dict[Sha256, Content],
    store: ArtifactStore,
) -> EvaluationByClass:
    from learning.evaluation import accuracy, by_class, paired_difference
    from learning.models import Model

    seed = request.plan.policy.seed
    test = [row for row in rows if row.role is DatasetRole.TEST]
    if not test:
        return _unmeasured("the dataset has no test records yet")
    if not request.after.classes:
        return _unmeasured("the labels are of fewer than two classes, so there is no model")
    truth = [str(row.label) for row in test]
    test_contents = [contents[row.content_digest] for row in test]
    after_model = Model.from_bytes(store.get(request.after.digest))
    after = after_model.predict(test_contents)
    comparison, notes = _compare_arms(request, after_model, rows, test, contents)
    if len(test) < FEW_TESTS:
        notes = (f"only {len(test)} test records: these figures say little", *notes)
    measured = EvaluationByClass(
        before=None,
        after=_estimate(accuracy(truth, after, seed=seed)),
        lift=None,
        lift_low=None,
        lift_high=None,
        comparison=comparison,
        notes=notes,
        after_by_class=by_class(truth, after, most=MOST_CLASSES),
    )
    if not request.before.classes:
        return replace(measured, notes=("there was no model before this round", *notes))
    before = Model.from_bytes(store.get(request.before.digest)).predict(test_contents)
    lift = paired_difference(_right(before, truth), _right(after, truth), seed=seed)
    return replace(
        measured,
        before=_estimate(accuracy(truth, before, seed=seed)),
        lift=lift.value,
        lift_low=lift.low,
        lift_high=lift.high,
        before_by_class=by_class(truth, before, most=MOST_CLASSES),
    )


def _compare_arms(
    request: EvaluateRound,
    model: Model,
    rows: list[DatasetRow],
    test: list[DatasetRow],
    contents: dict[Sha256, Content],
) -> tuple[Comparison | None, tuple[str, ...]]:
    """Training on as many active labels as there are random ones, with what was labelled before."""
    from learning.evaluation import compare_at_equal_labels

    parent = request.candidate.parent_version
    number = 1 if parent is None else parent + 1
    train = [row for row in rows if row.role is DatasetRole.TRAIN]
    groups: dict[str, list[int]] = {"seed": [], "active": [], "random": []}
    for index, row in enumerate(train):
        if row.round_number != number or row.arm is None:
            groups["seed"].append(index)
        else:
            groups["random" if row.arm == RANDOM_ARM else "active"].append(index)
    compared = compare_at_equal_labels(
        seed_rows=groups["seed"],
        active_rows=groups["active"],
        random_rows=groups["random"],
        truth=[str(row.label) for row in test],
        fit_predict=model.refitting(
            [contents[row.content_digest] for row in train],
            [str(row.label) for row in train],
            [contents[row.content_digest] for row in test],
        ),
        seed=request.plan.policy.seed,
    )
    if compared.active is None or compared.random is None or compared.difference is None:
        return None, (compared.reason,)
    comparison = Comparison(
        labels=compared.labels,
        active=_estimate(compared.active),
        random=_estimate(compared.random),
        difference=compared.difference.value,
        low=compared.difference.low,
        high=compared.difference.high,
    )
    return comparison, ()


def _right(predicted: list[str], truth: list[str]) -> list[bool]:
    return [guess == label for guess, label in zip(predicted, truth, strict=True)]


def _estimate(measured: Measured) -> Estimate:
    return Estimate(
        metric=measured.metric,
        value=measured.value,
        low=measured.low,
        high=measured.high,
        records=measured.n,
    )


def _unmeasured(reason: str) -> EvaluationByClass:
    return EvaluationByClass(
        before=None,
        after=None,
        lift=None,
        lift_low=None,
        lift_high=None,
        comparison=None,
        notes=(reason,),
    )
