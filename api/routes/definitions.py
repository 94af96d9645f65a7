"""Label schemas and guidelines. A POST makes the next version; none is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends

from api.authentication import Caller, allowing
from api.idempotency import Write, once
from api.schemas.body import After, IdempotencyKey, Limit, Page, Version
from api.schemas.definitions import GuidelineBody, GuidelineView, SchemaBody, SchemaView
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

View = TypeVar("View", SchemaView, GuidelineView)


@router.post("/schemas", status_code=201, summary="Define a label schema, or its next version")
async def create_schema(
    body: SchemaBody, caller: Definer, parts: Parts, idempotency_key: IdempotencyKey = None
) -> SchemaView:
    write = Write(caller=caller, route="schemas", key=idempotency_key, body=body)
    return await parts.in_transaction(
        lambda connection: once(
            connection,
            write,
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
    return _page([SchemaView.of(each) for each in found], limit)


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


@router.post("/guidelines", status_code=201, summary="Write a guideline, or its next version")
async def create_guideline(
    body: GuidelineBody, caller: Definer, parts: Parts, idempotency_key: IdempotencyKey = None
) -> GuidelineView:
    write = Write(caller=caller, route="guidelines", key=idempotency_key, body=body)
    return await parts.in_transaction(
        lambda connection: once(
            connection,
            write,
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
    return _page([GuidelineView.of(each) for each in found], limit)


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


def _page(found: Sequence[View], limit: int) -> Page[View]:
    """A page of `found`, which has one more than fits if there are more."""
    shown = list(found[:limit])
    return Page(items=shown, next=shown[-1].name if len(found) > limit else None)
