"""Figures by class came later: neither ledgers nor what older rounds have in tables may change."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import get_type_hints

import pytest
from temporalio.api.common.v1 import Payloads

from activities.evaluation import EvaluationActivities
from domain.decision_kinds import KINDS
from domain.rounds import ClassCounts, EvaluationByClass
from storage.documents import to_json
from storage.models import BY_CLASS, ModelPart, by_class, evaluation_body
from tests.replay.test_replay import GOLDEN, load
from workers.audit.recorded import MESSAGES_AS_SENT, decode, recorded

PUBLISHED = [path for path in GOLDEN if path.name == "published.json.gz"]
STAMPS = ClassCounts(label="stamps", records=4, predicted=3, right=2)
MEASURED = EvaluationByClass(
    before=None,
    after=None,
    lift=None,
    lift_low=None,
    lift_high=None,
    comparison=None,
    notes=("there was no model before this round",),
    after_by_class=(STAMPS,),
)


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_an_answer_of_before_is_written_down_as_it_was(path: Path) -> None:
    [activity] = recorded(load(path)).asked("evaluate_round")
    assert activity.result is not None
    [answered] = MESSAGES_AS_SENT.from_payloads(activity.result.payloads)
    assert answered["after"] is not None
    answer = activity.answer(EvaluationByClass)
    assert answer is not None
    assert to_json(evaluation_body(answer)) == answered
    assert by_class(answered, ModelPart.AFTER) == ()


def test_what_was_measured_by_class_is_written_down_and_read_again() -> None:
    body = to_json(evaluation_body(MEASURED))
    assert isinstance(body, dict)
    assert by_class(body, ModelPart.AFTER) == (STAMPS,)
    assert by_class(body, ModelPart.BEFORE) == ()
    assert BY_CLASS[ModelPart.BEFORE] not in body


def test_a_round_reads_of_an_answer_what_its_ledger_has_always_held() -> None:
    sent = Payloads(payloads=MESSAGES_AS_SENT.to_payloads([MEASURED]))
    assert decode(sent, EvaluationByClass) == MEASURED
    read = decode(sent, get_type_hints(EvaluationActivities.evaluate_round)["return"])
    assert set(asdict(read)) == set(KINDS["round_evaluated"].fields)
    assert asdict(read) == {name: asdict(MEASURED)[name] for name in asdict(read)}
