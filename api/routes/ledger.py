"""The ledger of a round, and whether everything published follows from it.

Both are replayed from the histories, live ones or archived, and never read from tables.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.concurrency import iterate_in_threadpool, run_in_threadpool
from fastapi.responses import StreamingResponse
from temporalio.client import Client

from api.authentication import Caller, allowing
from api.masking import hidden_from, masked_line, masked_report
from api.schemas.audit import LineView, ReportView
from api.schemas.body import Page
from api.state import Parts, State
from domain.accounts import Permission
from domain.errors import NotAllowed, TemporalUnavailable
from domain.ids import RoundId
from domain.routing import Clearance
from storage import datasets, rounds, signing_keys
from storage.visibility import as_system
from workers.client import payload_codec

if TYPE_CHECKING:
    from workers.audit.spool import Sealed

router = APIRouter(prefix="/api/v1/rounds", tags=["audit"])

BUNDLE_TYPE = "application/x-tar"

Auditor = Annotated[Caller, Depends(allowing(Permission.SEE_LEDGER))]


@router.get("/{round_id}/ledger", summary="Every decision of the round, by time")
async def get_ledger(
    round_id: str,
    caller: Auditor,
    parts: Parts,
    after: Annotated[int, Query(ge=0, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000, description="Decisions on one page.")] = 1_000,
) -> Page[LineView]:
    """Records that you are not cleared for are masked in it; no decision is left out."""
    known = await _known(parts, round_id)
    audit = await run_in_threadpool(_audit)
    with as_system():
        lines = await audit.ledger_of(
            await _client(parts),
            parts.engine,
            parts.store,
            known,
            codec=payload_codec(parts.settings),
        )
    hidden = await hidden_from(parts, caller, known)
    end = after + limit
    return Page(
        items=[masked_line(LineView.of(line), hidden) for line in lines[after:end]],
        next=str(end) if len(lines) > end else None,
    )


@router.post("/{round_id}/verification", summary="Replay the round and name each difference")
async def verify(round_id: str, caller: Auditor, parts: Parts) -> ReportView:
    """All of it is compared, whoever asks; what is said of records that you are not cleared for
    is masked."""
    known = await _known(parts, round_id)
    keys = await parts.in_transaction(signing_keys.public_keys)
    audit = await run_in_threadpool(_audit)
    with as_system():
        report = await audit.verify_round(
            await _client(parts),
            parts.engine,
            parts.store,
            parts.settings.datasets,
            known,
            public_keys=keys,
            codec=payload_codec(parts.settings),
        )
    return masked_report(ReportView.of(report), await hidden_from(parts, caller, known))


@router.get(
    "/{round_id}/evidence",
    summary="All evidence of the round in one signed file, to be verified anywhere",
    response_class=StreamingResponse,
    responses={200: {"content": {BUNDLE_TYPE: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def get_evidence(
    round_id: str,
    caller: Auditor,
    parts: Parts,
    *,
    pool: Annotated[
        bool, Query(description="The pool's snapshot too, so that contents and routes are checked.")
    ] = False,
) -> StreamingResponse:
    """A bundle for `labelwright audit verify`. It is made while you wait: all histories replay.

    Nothing can be masked in it, so it takes clearance for every record that it holds.
    """
    known = await _known(parts, round_id)
    await _check_cleared_for_all(parts, caller, known, pool=pool)
    audit = await run_in_threadpool(_audit)
    wanted = audit.Export(
        round_id=known,
        exported_by=caller.actor,
        with_pool=pool,
        timestamp_url=parts.settings.timestamp_url,
    )
    context = audit.exported(
        await _client(parts),
        parts.engine,
        parts.store,
        parts.settings.datasets,
        wanted,
        signer=parts.signer,
        codec=payload_codec(parts.settings),
    )
    # Before the answer begins: what goes wrong while it is made can still be told.
    with as_system():
        sealed = await context.__aenter__()
    return StreamingResponse(
        _streamed(context, sealed),
        media_type=BUNDLE_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{known}.evidence.tar"'},
    )


async def _streamed(
    context: AbstractAsyncContextManager[Sealed], sealed: Sealed
) -> AsyncIterator[bytes]:
    try:
        async for chunk in iterate_in_threadpool(sealed.chunks()):
            yield chunk
    finally:
        await context.__aexit__(None, None, None)


async def _check_cleared_for_all(
    parts: State, caller: Caller, round_id: RoundId, *, pool: bool
) -> None:
    """The batch, the dataset with what it took over, and the whole pool where it is asked for.

    Raises NotAllowed.
    """
    with as_system():
        version = await parts.in_transaction(
            lambda connection: datasets.version_of_round(connection, round_id)
        )
    above = version is not None and version.level > caller.clearance.level
    if above or await hidden_from(parts, caller, round_id):
        raise NotAllowed(
            "the evidence of this round holds records that you are not cleared for",
            hint="somebody who is cleared for them can export it, or prove single decisions to you",
        )
    if pool and caller.clearance is not Clearance.RESTRICTED:
        raise NotAllowed(
            "a pool's snapshot takes the highest clearance",
            hint="ask for the evidence without the pool",
        )


async def _known(parts: State, round_id: str) -> RoundId:
    round_ = await parts.in_transaction(
        lambda connection: rounds.get_round(connection, RoundId(round_id))
    )
    return round_.round_id


async def _client(parts: State) -> Client | None:
    """None while Temporal is away: archived histories do without it."""
    try:
        return await parts.temporal.client()
    except TemporalUnavailable:
        return None


def _audit() -> ModuleType:
    """Imported when first asked for, off the event loop: replaying brings scikit-learn along."""
    from workers import audit

    return audit
