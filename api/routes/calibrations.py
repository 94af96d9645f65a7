"""Calibration: somebody new to a label schema answers records whose answer is known."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.schemas.calibrations import (
    CalibrationAnswer,
    CalibrationResult,
    CalibrationTask,
    CalibrationView,
)
from api.state import Parts
from api.task_views import choices
from domain.accounts import Permission
from domain.errors import Conflict, NotFound
from domain.ids import RecordId, RoundId
from domain.profiles import Standing
from domain.records import KnownRole, Record
from domain.reviews import check_verdict
from domain.rounds import RoundPlan
from storage import gold, pools, rounds

router = APIRouter(prefix="/api/v1/calibrations", tags=["calibrations"])

Reviewer = Annotated[Caller, Depends(allowing(Permission.REVIEW))]


@router.get(
    "/{round_id}", summary="How far you are with a round's calibration set, and what is next"
)
async def get_calibration(round_id: str, caller: Reviewer, parts: Parts) -> CalibrationView:
    def look(connection: Connection) -> CalibrationView:
        return _view(connection, _plan(connection, round_id), caller)

    return await parts.in_transaction(look)


@router.post("/{round_id}/answers", summary="Answer a record of the calibration set")
async def answer(
    round_id: str, body: CalibrationAnswer, caller: Reviewer, parts: Parts
) -> CalibrationResult:
    """Says at once whether it was right. The first answer to a record is the one that counts."""

    def judge(connection: Connection) -> CalibrationResult:
        plan = _plan(connection, round_id)
        standing = gold.calibration(
            connection, caller.account_id, plan.gold, schema=plan.schema.name
        ).standing
        if standing is not Standing.UNTRIED:
            raise Conflict(f"your calibration is over: {standing}", standing=standing)
        record = pools.get_record(connection, plan.pool_id, RecordId(body.record_id))
        if record.role is not KnownRole.GOLD or record.label is None:
            raise NotFound("no such record in the calibration set", record_id=body.record_id)
        verdict = check_verdict(body.verdict.verdict, plan.schema, named=body.label_schema)
        correct = verdict.label == record.label
        gold.note_calibrated(
            connection,
            caller.account_id,
            record.record_id,
            plan.gold,
            schema=plan.schema.name,
            correct=correct,
        )
        return CalibrationResult(
            correct=correct,
            expected=list(plan.schema.as_list(record.label)),
            calibration=_view(connection, plan, caller),
        )

    return await parts.in_transaction(judge)


def _plan(connection: Connection, round_id: str) -> RoundPlan:
    """Raises NotFound where the round has no calibration set."""
    plan = rounds.get_round(connection, RoundId(round_id)).plan
    if not plan.gold.calibrate:
        raise NotFound("this round asks nobody for a calibration", round_id=round_id)
    return plan


def _view(connection: Connection, plan: RoundPlan, caller: Caller) -> CalibrationView:
    stands = gold.calibration(connection, caller.account_id, plan.gold, schema=plan.schema.name)
    task = None
    if stands.standing is Standing.UNTRIED:
        record = gold.next_to_calibrate(connection, caller.account_id, plan.pool_id, plan.schema)
        task = None if record is None else _task(plan, record)
    return CalibrationView(
        round_id=plan.round_id,
        schema=f"{plan.schema.name}@{plan.schema.version}",
        guideline=plan.guideline,
        answered=stands.answered,
        right=stands.right,
        wanted=stands.wanted,
        standing=stands.standing,
        task=task,
    )


def _task(plan: RoundPlan, record: Record) -> CalibrationTask:
    return CalibrationTask(
        record_id=record.record_id,
        content_kind=plan.kind,
        content=dict(record.content),
        labels=choices(plan.schema),
        choice=plan.schema.choice,
        min_labels=plan.schema.min_labels,
        max_labels=plan.schema.most,
    )
