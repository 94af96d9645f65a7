"""The way of an answer: into Temporal's history first, and only then a 202."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from api.authentication import Caller, allowing
from api.schemas.tasks import AnswerBody, Receipt
from api.state import Parts
from api.submitting import submit
from domain.accounts import Permission
from domain.ids import TaskId
from domain.tasks import TaskKind

router = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])

Reviewer = Annotated[Caller, Depends(allowing(Permission.REVIEW))]
Adjudicator = Annotated[Caller, Depends(allowing(Permission.ADJUDICATE))]


@router.post("/{task_id}/review", status_code=202, summary="Answer a review task that you hold")
async def review(task_id: str, body: AnswerBody, caller: Reviewer, parts: Parts) -> Receipt:
    return await submit(parts, caller, TaskId(task_id), body, kind=TaskKind.REVIEW)


@router.post("/{task_id}/adjudication", status_code=202, summary="Settle a record by adjudication")
async def adjudication(
    task_id: str, body: AnswerBody, caller: Adjudicator, parts: Parts
) -> Receipt:
    """With a reason, which goes into the ledger."""
    return await submit(parts, caller, TaskId(task_id), body, kind=TaskKind.ADJUDICATION)
