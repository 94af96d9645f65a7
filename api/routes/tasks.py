"""The queue: claim a task, keep it, give it back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.schemas.tasks import (
    ClaimBody,
    Claimed,
    GapBody,
    Lease,
    Queue,
    SimilarRecords,
    Suggestion,
    TaskView,
    Why,
)
from api.similar import similar_records
from api.state import Parts
from api.submitting import PERMISSIONS
from api.task_views import detail_for_holder, held_view, view_of
from domain.accounts import Permission
from domain.errors import Conflict, NotFound, SuggestionsHidden
from domain.ids import RoundId, TaskId
from domain.profiles import Profile, Standing
from domain.tasks import TaskKind
from storage import claims, profiles, queues, reviews, tasks
from storage.gaps import report_gap
from storage.shown import reveal, shown_by

router = APIRouter(prefix="/api/v1", tags=["tasks"])

LEASE = timedelta(minutes=15)

Labeller = Annotated[Caller, Depends(allowing(Permission.REVIEW, Permission.ADJUDICATE))]


@router.post("/tasks/claim", summary="Take the most urgent task that you may do")
async def claim(body: ClaimBody, caller: Labeller, parts: Parts) -> Claimed:
    """What you hold already comes first, so that a page that was closed goes on where it was."""
    return await parts.in_transaction(lambda connection: _claim(connection, body, caller))


@router.post("/tasks/peek", summary="See which task a claim would give you, without taking it")
async def peek(body: ClaimBody, caller: Labeller, parts: Parts) -> Claimed:
    """For a page that shows the next record at once: it takes the task when it is there.

    Somebody else may have taken it by then.
    """
    return await parts.in_transaction(lambda connection: _peek(connection, body, caller))


@router.get("/queue", summary="What the queues hold for you")
async def queue(caller: Labeller, parts: Parts) -> Queue:
    def look(connection: Connection) -> Queue:
        profile = profiles.get_profile(connection, caller.account_id)
        facts = queues.queue_facts(connection, caller.account_id, _kinds(caller, None))
        return Queue(
            claimable=facts.claimable,
            barred=facts.barred,
            claimed_by_others=facts.claimed_by_others,
            next_at=facts.next_lapse,
            unqualified=_unqualified(profile, facts),
            mine=[held.task_id for held in claims.held_tasks(connection, caller.account_id)],
            done=reviews.count_accepted(connection, caller.account_id),
        )

    return await parts.in_transaction(look)


@router.get("/tasks/{task_id}", summary="A task that you hold")
async def get_task(task_id: str, caller: Labeller, parts: Parts) -> TaskView:
    return await parts.in_transaction(
        lambda connection: held_view(connection, TaskId(task_id), caller)
    )


@router.get("/tasks/{task_id}/similar", summary="Labelled records that resemble the task's")
async def similar(task_id: str, caller: Labeller, parts: Parts) -> SimilarRecords:
    """Records to train on and those that ended rounds have labelled; none that measure a model, and
    no known answers."""

    def look(connection: Connection) -> SimilarRecords:
        return similar_records(connection, detail_for_holder(connection, TaskId(task_id), caller))

    return await parts.in_transaction(look)


@router.post("/tasks/{task_id}/suggestion", summary="Ask what the model says of the record")
async def suggestion(task_id: str, caller: Labeller, parts: Parts) -> Suggestion:
    """Where the round allows it. It is noted: an answer from now on says that it was seen."""

    def ask(connection: Connection) -> Suggestion:
        detail = detail_for_holder(connection, TaskId(task_id), caller)
        if not detail.plan.reviewing.suggestions or detail.task.kind is not TaskKind.REVIEW:
            raise SuggestionsHidden(
                "in this round everybody judges for themselves: what the model says is not shown",
                hint="a round shows it where its rules of reviewing say suggestions: true",
            )
        return Suggestion(
            suggestion=reveal(connection, detail.task, caller.account_id),
            shown=shown_by(connection, detail.task, caller.account_id).digest,
        )

    return await parts.in_transaction(ask)


@router.post(
    "/tasks/{task_id}/guideline-gap",
    status_code=204,
    summary="Say that the guideline does not decide this record",
)
async def guideline_gap(task_id: str, body: GapBody, caller: Labeller, parts: Parts) -> None:
    """Shown on the guideline's page to those who write it. Again replaces the note."""

    def report(connection: Connection) -> None:
        detail = detail_for_holder(connection, TaskId(task_id), caller)
        report_gap(
            connection,
            detail.task,
            caller.account_id,
            guideline=detail.plan.guideline,
            note=body.note.strip(),
        )

    await parts.in_transaction(report)


@router.post("/tasks/{task_id}/lease", summary="Keep a task longer, or take it back if it is free")
async def renew(task_id: str, caller: Labeller, parts: Parts) -> Lease:
    def take(connection: Connection) -> Lease:
        _check_kind(connection, TaskId(task_id), caller)
        task = claims.claim_named(connection, caller.account_id, TaskId(task_id), LEASE)
        assert task.lease_until is not None  # noqa: S101 - a claim has a lease
        return Lease(task_id=task.task_id, lease_until=task.lease_until)

    return await parts.in_transaction(take)


@router.delete("/tasks/{task_id}/lease", status_code=204, summary="Give a task back to the queue")
async def release(task_id: str, caller: Labeller, parts: Parts) -> None:
    def give_back(connection: Connection) -> None:
        _check_kind(connection, TaskId(task_id), caller)
        claims.release_task(connection, caller.account_id, TaskId(task_id))

    await parts.in_transaction(give_back)


def _claim(connection: Connection, body: ClaimBody, caller: Caller) -> Claimed:
    wanted = _wanted(body, caller)
    if not wanted.kinds:
        return _NO_KINDS
    for held in _held(connection, wanted, caller):
        # Claimed anew rather than shown: the lease may be about to run out.
        try:
            claims.claim_named(connection, caller.account_id, held.task_id, LEASE)
        except Conflict:
            continue  # an answer that was on its way has arrived meanwhile
        return Claimed(task=held_view(connection, held.task_id, caller))
    profile = profiles.get_profile(connection, caller.account_id)
    if (resting := _resting(connection, profile)) is not None:
        return resting
    task = claims.claim_task(connection, caller.account_id, lease=LEASE, **asdict(wanted))
    if task is None:
        return _nothing(connection, profile, wanted)
    return Claimed(task=held_view(connection, task.task_id, caller))


def _peek(connection: Connection, body: ClaimBody, caller: Caller) -> Claimed:
    wanted = _wanted(body, caller)
    if not wanted.kinds:
        return _NO_KINDS
    for held in _held(connection, wanted, caller):
        return Claimed(task=held_view(connection, held.task_id, caller))
    profile = profiles.get_profile(connection, caller.account_id)
    if (resting := _resting(connection, profile)) is not None:
        return resting
    task = claims.next_task(connection, caller.account_id, **asdict(wanted))
    if task is None:
        return _nothing(connection, profile, wanted)
    detail = tasks.get_task(connection, task.task_id)
    return Claimed(task=view_of(connection, detail, caller))


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What a request asks for, as the queues are asked."""

    kinds: list[TaskKind]
    round_id: RoundId | None
    queue: str | None
    skip: list[TaskId]


_NO_KINDS = Claimed(
    task=None, why="not_qualified", detail="your roles allow none of these kinds of task"
)


def _wanted(body: ClaimBody, caller: Caller) -> _Wanted:
    return _Wanted(
        kinds=_kinds(caller, body.kinds),
        round_id=RoundId(body.round) if body.round else None,
        queue=body.queue,
        skip=[TaskId(task_id) for task_id in body.skip],
    )


def _held(connection: Connection, wanted: _Wanted, caller: Caller) -> Iterator[tasks.Task]:
    """What the person holds already, of what is wanted."""
    for held in claims.held_tasks(connection, caller.account_id):
        here = wanted.round_id is None or held.round_id == wanted.round_id
        if here and held.kind in wanted.kinds and held.task_id not in wanted.skip:
            yield held


def _resting(connection: Connection, profile: Profile) -> Claimed | None:
    """Why the person gets no new task whatever the queues hold; none if nothing speaks against."""
    absence = profile.away(datetime.now(UTC).date())
    if absence is not None:
        return Claimed(
            task=None,
            why="away",
            detail=f"you are noted as away until {absence.last}; change that on your profile",
        )
    most = profile.capacity_per_day
    if most is not None and profiles.answered_today(connection, profile.account_id) >= most:
        return Claimed(
            task=None,
            why="capacity_reached",
            detail=f"you have given today's {most:,} answers; the day turns at midnight UTC",
        )
    return None


def _nothing(connection: Connection, profile: Profile, wanted: _Wanted) -> Claimed:
    facts = queues.queue_facts(
        connection,
        profile.account_id,
        wanted.kinds,
        round_id=wanted.round_id,
        queue=wanted.queue,
    )
    why: Why
    unqualified = _unqualified(profile, facts)
    if facts.claimable or facts.mine or facts.passed_by:
        why, detail = "all_skipped", "what is left was skipped or put off"
    elif facts.claimed_by_others:
        why, detail = "all_leased", "other people are working on what is left"
    elif (first := _calibration(facts)) is not None:
        return Claimed(
            task=None,
            why="calibration_wanted",
            detail="answer a few records whose answer is known, and then begin",
            calibrate=first,
        )
    elif any(each.standing is Standing.PAUSED for each in facts.unsuited):
        why, detail = "paused", "your answers are being looked at; a lead can say more"
    elif unqualified:
        why, detail = "not_qualified", "what is left needs " + "; or ".join(unqualified)
    elif facts.barred:
        why, detail = "not_qualified", "you have a part in every record that is left"
    else:
        why, detail = "nothing_open", "nothing waits for anybody"
    return Claimed(task=None, why=why, detail=detail, next_at=facts.next_lapse)


def _calibration(facts: queues.QueueFacts) -> RoundId | None:
    """A round that only wants the person to be calibrated first."""
    suited = (each for each in facts.unsuited if each.suited and each.standing is Standing.UNTRIED)
    return next((each.round_id for each in suited), None)


def _unqualified(profile: Profile, facts: queues.QueueFacts) -> list[str]:
    """What the person would have to bring for tasks that they are not offered, in words."""
    lacking = [", ".join(profile.lacks(each.lane.requirement)) for each in facts.unsuited]
    return list(dict.fromkeys(filter(None, lacking)))


def _kinds(caller: Caller, wanted: Collection[TaskKind] | None) -> list[TaskKind]:
    return [
        kind
        for kind, permission in PERMISSIONS.items()
        if caller.may(permission) and (wanted is None or kind in wanted)
    ]


def _check_kind(connection: Connection, task_id: TaskId, caller: Caller) -> None:
    """Raises NotFound for a task of a kind that the caller's roles do not allow."""
    if tasks.get_task(connection, task_id).task.kind not in _kinds(caller, None):
        raise NotFound("no such task", task_id=task_id)
