"""Label schemas, guidelines and sampling policies. A POST makes the next version; none is lost."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from api.authentication import Caller, allowing
from api.idempotency import Write, once
from api.schemas.body import After, IdempotencyKey, Limit, Page, Version
from api.schemas.definitions import (
    GuidelineBody,
    GuidelineView,
    PolicyBody,
    PolicyView,
    SchemaBody,
    SchemaView,
)
from api.state import Parts
from domain.accounts import Permission
from storage import definitions

router = APIRouter(prefix="/api/v1", tags=["definitions"])

Definer = Annotated[Caller, Depends(allowing(Permission.DEFINE))]
Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]
Reader = Annotated[
    Caller,
    Depends(allowing(Permission.SEE_ROUNDS, Permission.REVIEW, Permission.ADJUDICATE)),
]
"""Whoever labels reads what the labels mean."""


# -- label schemas ----------------------------------------------------------------------------


@router.post("/schemas", status_code=201, summary="Define a label schema, or its next version")
async def create_schema(
    body: SchemaBody, caller: Definer, parts: Parts, idempotency_key: IdempotencyKey = None
) -> SchemaView:
    return await parts.in_transaction(
        lambda connection: once(
            connection,
            Write(caller=caller, route="schemas", key=idempotency_key, body=body),
            SchemaView,
            lambda: SchemaView.of(
                definitions.put_schema(connection, body.schema_wanted, caller.account_id)
            ),
        )
    )


@router.get("/schemas", summary="List the latest version of each label schema")
async def list_schemas(
    caller: Viewer, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[SchemaView]:
    del caller
    found = await parts.in_transaction(
        lambda connection: definitions.list_schemas(connection, after=after, limit=limit + 1)
    )
    return Page(
        items=[SchemaView.of(each) for each in found[:limit]],
        next=found[limit - 1].name if len(found) > limit else None,
    )


@router.get("/schemas/{name}", summary="The latest version of a label schema")
@router.get("/schemas/{name}/{version}", summary="One version of a label schema")
async def get_schema(
    name: str, caller: Reader, parts: Parts, version: Version | None = None
) -> SchemaView:
    del caller
    return SchemaView.of(
        await parts.in_transaction(
            lambda connection: definitions.get_schema(connection, name, version)
        )
    )


# -- guidelines -------------------------------------------------------------------------------


@router.post("/guidelines", status_code=201, summary="Write a guideline, or its next version")
async def create_guideline(
    body: GuidelineBody, caller: Definer, parts: Parts, idempotency_key: IdempotencyKey = None
) -> GuidelineView:
    return await parts.in_transaction(
        lambda connection: once(
            connection,
            Write(caller=caller, route="guidelines", key=idempotency_key, body=body),
            GuidelineView,
            lambda: GuidelineView.of(
                definitions.put_guideline(connection, body.guideline, caller.account_id)
            ),
        )
    )


@router.get("/guidelines", summary="List the latest version of each guideline")
async def list_guidelines(
    caller: Viewer, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[GuidelineView]:
    del caller
    found = await parts.in_transaction(
        lambda connection: definitions.list_guidelines(connection, after=after, limit=limit + 1)
    )
    return Page(
        items=[GuidelineView.of(each) for each in found[:limit]],
        next=found[limit - 1].name if len(found) > limit else None,
    )


@router.get("/guidelines/{name}", summary="The latest version of a guideline")
@router.get("/guidelines/{name}/{version}", summary="One version of a guideline")
async def get_guideline(
    name: str, caller: Reader, parts: Parts, version: Version | None = None
) -> GuidelineView:
    del caller
    return GuidelineView.of(
        await parts.in_transaction(
            lambda connection: definitions.get_guideline(connection, name, version)
        )
    )


# -- sampling policies ------------------------------------------------------------------------


@router.post("/policies", status_code=201, summary="Define a sampling policy, or its next version")
async def create_policy(
    body: PolicyBody, caller: Definer, parts: Parts, idempotency_key: IdempotencyKey = None
) -> PolicyView:
    return await parts.in_transaction(
        lambda connection: once(
            connection,
            Write(caller=caller, route="policies", key=idempotency_key, body=body),
            PolicyView,
            lambda: PolicyView.of(
                definitions.put_policy(connection, body.policy(body.name), caller.account_id)
            ),
        )
    )


@router.get("/policies", summary="List the latest version of each sampling policy")
async def list_policies(
    caller: Viewer, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[PolicyView]:
    del caller
    found = await parts.in_transaction(
        lambda connection: definitions.list_policies(connection, after=after, limit=limit + 1)
    )
    return Page(
        items=[PolicyView.of(each) for each in found[:limit]],
        next=found[limit - 1].name if len(found) > limit else None,
    )


@router.get("/policies/{name}", summary="The latest version of a sampling policy")
@router.get("/policies/{name}/{version}", summary="One version of a sampling policy")
async def get_policy(
    name: str, caller: Viewer, parts: Parts, version: Version | None = None
) -> PolicyView:
    del caller
    return PolicyView.of(
        await parts.in_transaction(
            lambda connection: definitions.get_policy(connection, name, version)
        )
    )
