"""How the installation governs itself, for auditors, approvers and admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from api.authentication import Caller, allowing
from api.schemas.governance import RetentionView, SamplingRulesView
from api.state import Parts
from domain.accounts import Permission
from storage.governance import holders_of, waiting_policies
from storage.retention import list_runs

router = APIRouter(prefix="/api/v1/governance", tags=["governance"])

Auditor = Annotated[Caller, Depends(allowing(Permission.SEE_LEDGER))]


@router.get("/sampling-rules", summary="Who may approve sampling policies, and which ones wait")
async def get_sampling_rules(caller: Auditor, parts: Parts) -> SamplingRulesView:
    del caller
    holders, waiting = await parts.in_transaction(
        lambda connection: (holders_of(connection), waiting_policies(connection))
    )
    return SamplingRulesView.of(holders, waiting)


@router.get("/retention", summary="What is kept how long, and what was forgotten when")
async def get_retention(caller: Auditor, parts: Parts) -> RetentionView:
    del caller
    runs = await parts.in_transaction(list_runs)
    return RetentionView.of(parts.settings.retention, runs)
