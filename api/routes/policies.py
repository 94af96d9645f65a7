"""Sampling policies: written as documents, approved by another person, never changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.documents.sending import SENT, DocumentSource, document_body
from api.idempotency import Write, once
from api.policies.documents import examine, json_schema, parse_policy
from api.previewing import SAMPLE, choices_of, find_preview, predicted_classes, start_preview
from api.schemas.body import After, Document, IdempotencyKey, Limit, Page, Version
from api.schemas.policies import (
    CheckedPolicy,
    FaultView,
    PolicyApprovalBody,
    PolicySummary,
    PolicyView,
)
from api.schemas.previews import PreviewBody, PreviewStarted, PreviewView
from api.state import Parts
from domain.accounts import Permission
from domain.ids import PoolId
from storage import policies

router = APIRouter(prefix="/api/v1/policies", tags=["policies"])

Definer = Annotated[Caller, Depends(allowing(Permission.DEFINE))]
Approver = Annotated[Caller, Depends(allowing(Permission.APPROVE_POLICIES))]
Previewer = Annotated[Caller, Depends(allowing(Permission.DEFINE, Permission.APPROVE_POLICIES))]
Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]

EXAMPLE = {
    "name": "weekly",
    "batch_size": 100,
    "arms": [
        {"name": "uncertain", "kind": "uncertain", "share": 0.8},
        {"name": "random", "kind": "random", "share": 0.2},
    ],
}
_BODY = document_body(
    "The policy as JSON, or the same as YAML. GET /api/v1/policies/schema says what may stand in "
    "it.",
    EXAMPLE,
)


@router.post(
    "",
    status_code=201,
    summary="Write a sampling policy, or its next version",
    openapi_extra=_BODY,
)
async def create_policy(
    caller: Definer, text: SENT, parts: Parts, idempotency_key: IdempotencyKey = None
) -> PolicyView:
    """It waits until another person approves it.

    A document that cannot be followed is refused with all of its faults, each with line and column.
    """
    wanted = parse_policy(text)
    source = DocumentSource(text=text)
    return await parts.in_transaction(
        lambda connection: once(
            connection,
            Write(caller=caller, route="policies", key=idempotency_key, body=source),
            PolicyView,
            lambda: PolicyView.governed(
                policies.put_policy(connection, wanted, caller.account_id, source=text)
            ),
        )
    )


@router.post(
    "/check", summary="Say what is wrong with a policy, and store nothing", openapi_extra=_BODY
)
async def check_policy(caller: Viewer, text: SENT) -> CheckedPolicy:
    del caller
    policy, found = examine(text)
    return CheckedPolicy(
        valid=not found,
        faults=[FaultView(**each.as_json) for each in found],
        policy=None if policy is None or found else PolicySummary.of(policy),
    )


@router.get("", summary="List the latest version of each sampling policy")
async def list_policies(
    caller: Viewer, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[PolicyView]:
    del caller
    found = await parts.in_transaction(
        lambda connection: policies.list_policies(connection, after=after, limit=limit + 1)
    )
    return Page(
        items=[PolicyView.governed(each) for each in found[:limit]],
        next=found[limit - 1].policy.name if len(found) > limit else None,
    )


@router.get("/schema", summary="The JSON Schema of a policy document")
async def get_schema(caller: Viewer) -> Document:
    del caller
    return json_schema()


@router.get("/{name}/versions", summary="The versions of a sampling policy, the newest first")
async def list_versions(
    name: str,
    caller: Viewer,
    parts: Parts,
    after: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Limit = 100,
) -> Page[PolicyView]:
    del caller

    def read(connection: Connection) -> Page[PolicyView]:
        known = policies.get_policy(connection, name).policy.name
        found = policies.list_versions(connection, known, before=after, limit=limit + 1)
        return Page(
            items=[PolicyView.governed(each) for each in found[:limit]],
            next=str(found[limit - 1].policy.version) if len(found) > limit else None,
        )

    return await parts.in_transaction(read)


@router.get("/{name}", summary="The latest version of a sampling policy")
@router.get("/{name}/{version}", summary="One version of a sampling policy")
async def get_policy(
    name: str, caller: Viewer, parts: Parts, version: Version | None = None
) -> PolicyView:
    del caller
    return PolicyView.governed(
        await parts.in_transaction(
            lambda connection: policies.get_policy(connection, name, version)
        )
    )


@router.post("/{name}/{version}/approve", summary="Approve a version that another person wrote")
async def approve_policy(
    name: str, version: Version, body: PolicyApprovalBody, caller: Approver, parts: Parts
) -> PolicyView:
    """From now on rounds may select by it. Sent again, by whomever, it changes nothing."""
    return PolicyView.governed(
        await parts.in_transaction(
            lambda connection: policies.approve_policy(
                connection, name, version, approver=caller.account_id, reason=body.reason
            )
        )
    )


@router.post(
    "/{name}/{version}/previews",
    status_code=202,
    summary="See what a policy would choose, before any round does",
)
async def preview(
    name: str, version: Version, body: PreviewBody, caller: Previewer, parts: Parts
) -> PreviewStarted:
    """It scores the pool and selects as a round would, approved or not; nobody is asked anything,
    and nothing is kept but what it answers, for as long as Temporal keeps histories.
    Four at once are worked on, of all people."""
    started = await start_preview(
        parts, caller, name, version, pool=body.pool, records=body.records
    )
    return PreviewStarted(preview_id=started)


@router.get(
    "/{name}/{version}/previews/{pool}/{preview_id}", summary="What the policy would choose"
)
async def get_preview(
    *,
    name: str,
    version: Version,
    pool: str,
    preview_id: str,
    caller: Previewer,
    parts: Parts,
) -> PreviewView:
    del caller
    found = await find_preview(parts, name, version, pool, preview_id)
    if found is None:
        return PreviewView(done=False)
    batch = found.batch
    choices = await parts.in_transaction(
        lambda connection: choices_of(connection, parts.store, PoolId(pool), found, limit=SAMPLE)
    )
    return PreviewView(
        done=True,
        digest=batch.digest,
        records=batch.records,
        arms=batch.arms,
        predicted=predicted_classes(parts.store, found),
        findings=batch.findings,
        choices=choices,
    )
