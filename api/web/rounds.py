"""The list of rounds, and the page of one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.round_progress import Progress, is_blind, progress_of, unsaid
from api.state import Parts
from api.web.batch import Wanted, batch_view, wanted_decision
from api.web.progress import progress_view
from api.web.rendering import PageRoute, page
from api.web.standing import awaited, comparison_chart, lift_chart, progress, steps_of, work_of
from api.web.steering import steering_of
from domain.accounts import Permission
from domain.ids import RoundId
from domain.roles import DatasetRole
from domain.rounds import ENDED, Phase
from storage import datasets, rounds, tasks
from storage.datasets import DatasetVersion
from storage.rounds import Round
from storage.tasks import Backlog

router = APIRouter(prefix="/rounds", route_class=PageRoute, include_in_schema=False)

Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]

SHOWN = 25


@router.get("")
async def list_rounds(
    *,
    request: Request,
    caller: Viewer,
    parts: Parts,
    after: Annotated[str | None, Query(max_length=200)] = None,
    open_: Annotated[bool, Query(alias="open")] = False,
) -> Response:
    """With `open` only those that have not ended."""
    del caller

    def look(connection: Connection) -> list[tuple[Round, list[Backlog]]]:
        found = rounds.list_rounds(
            connection,
            after=None if after is None else RoundId(after),
            limit=SHOWN + 1,
            only_open=open_,
        )
        return [(round_, _backlog(connection, round_)) for round_ in found]

    found = await parts.in_transaction(look)
    rows = []
    for round_, backlog in found[:SHOWN]:
        work = work_of(backlog)
        done, wanted = progress(work)
        rows.append(
            {"round": round_, "awaited": awaited(round_, work), "done": done, "wanted": wanted}
        )
    return page(
        request,
        "rounds.html",
        rows=rows,
        next=found[SHOWN - 1][0].round_id if len(found) > SHOWN else None,
        first=after is None,
        only_open=open_,
    )


@router.get("/{round_id}")
async def get_round(request: Request, round_id: str, caller: Viewer, parts: Parts) -> Response:
    def look(
        connection: Connection,
    ) -> tuple[Round, list[Backlog], DatasetVersion | None, Wanted | None, Progress]:
        round_ = rounds.get_round(connection, RoundId(round_id))
        return (
            round_,
            tasks.backlog(connection, round_.round_id),
            datasets.version_of_round(connection, round_.round_id),
            wanted_decision(connection, round_, caller),
            progress_of(connection, round_, datetime.now(UTC)),
        )

    round_, backlog, version, wanted, found = await parts.in_transaction(look)
    work = work_of(backlog)
    blind = is_blind(caller.permissions, round_)
    told = unsaid(found) if blind else found
    evaluation = round_.summary.get("evaluation")
    evaluation = evaluation if isinstance(evaluation, dict) else None
    return page(
        request,
        "round.html",
        round=round_,
        steps=steps_of(round_),
        ended=round_.phase in ENDED,
        awaited=awaited(round_, work),
        work=work,
        progress=progress(work),
        figures=await run_in_threadpool(progress_view, told, blind=blind),
        batch=round_.summary.get("batch"),
        view=batch_view(round_),
        used=round_.summary.get("policy"),
        wanted=wanted,
        steering=steering_of(round_, caller, found.queues),
        quality=round_.summary.get("quality"),
        candidate=round_.summary.get("candidate"),
        version=version,
        evaluation=evaluation,
        lift_chart=lift_chart(evaluation) if evaluation else None,
        comparison_chart=comparison_chart(evaluation) if evaluation else None,
        roles=list(DatasetRole),
        may_approve=caller.may(Permission.APPROVE),
        may_audit=caller.may(Permission.SEE_LEDGER),
        is_requester=caller.account_id == round_.plan.requested_by.account_id,
        in_approval=round_.phase is Phase.APPROVAL,
    )


def _backlog(connection: Connection, round_: Round) -> list[Backlog]:
    """Only of rounds that people work on: the others need none in a list."""
    if round_.phase is not Phase.REVIEWING:
        return []
    return tasks.backlog(connection, round_.round_id)
