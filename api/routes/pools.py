"""Pools and their records."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.idempotency import Write, once
from api.pinning import pinned_schema
from api.record_story import Story, told_story
from api.schemas.body import After, IdempotencyKey, Limit, Page
from api.schemas.pools import PoolBody, PoolView, RecordView
from api.state import Parts
from domain.accounts import Permission
from domain.ids import PoolId, RecordId
from storage import pools

router = APIRouter(prefix="/api/v1/pools", tags=["pools"])

Importer = Annotated[Caller, Depends(allowing(Permission.IMPORT_RECORDS))]
Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]


@router.post("", status_code=201, summary="Create a pool")
async def create_pool(
    body: PoolBody, caller: Importer, parts: Parts, idempotency_key: IdempotencyKey = None
) -> PoolView:
    def create(connection: Connection) -> PoolView:
        schema = None
        if body.label_schema is not None:
            pinned = pinned_schema(connection, body.label_schema)
            schema = (pinned.name, pinned.version)
        return PoolView.of(
            pools.create_pool(
                connection,
                PoolId(body.pool),
                kind=body.kind,
                schema=schema,
                created_by=caller.account_id,
            )
        )

    return await parts.in_transaction(
        lambda connection: once(
            connection,
            Write(caller=caller, route="pools", key=idempotency_key, body=body),
            PoolView,
            lambda: create(connection),
        )
    )


@router.get("", summary="List pools by name")
async def list_pools(
    caller: Viewer, parts: Parts, after: After = None, limit: Limit = 50
) -> Page[PoolView]:
    del caller
    found = await parts.in_transaction(
        lambda connection: pools.list_pools(
            connection, after=None if after is None else PoolId(after), limit=limit + 1
        )
    )
    return Page(
        items=[PoolView.of(pool) for pool in found[:limit]],
        next=found[limit - 1].pool_id if len(found) > limit else None,
    )


@router.get("/{pool}", summary="A pool with its counts")
async def get_pool(pool: str, caller: Viewer, parts: Parts) -> PoolView:
    del caller
    return PoolView.of(
        await parts.in_transaction(lambda connection: pools.get_pool(connection, PoolId(pool)))
    )


@router.get("/{pool}/records", summary="List a pool's records by id")
async def list_records(
    pool: str, caller: Viewer, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[RecordView]:
    del caller

    def read(connection: Connection) -> Page[RecordView]:
        pool_id = pools.get_pool(connection, PoolId(pool)).pool_id
        found = pools.list_records(
            connection,
            pool_id,
            after=None if after is None else RecordId(after),
            limit=limit + 1,
        )
        return Page(
            items=[RecordView.of(record) for record in found[:limit]],
            next=found[limit - 1].record_id if len(found) > limit else None,
        )

    return await parts.in_transaction(read)


@router.get("/{pool}/stories/{record_id:path}", summary="All that happened to a record, in order")
async def get_story(pool: str, record_id: str, caller: Viewer, parts: Parts) -> Story:
    """From its import over selection, answers and outcome to datasets and models. What would sway
    somebody who may still be asked to judge it is left out, and counted."""
    return await parts.in_transaction(
        lambda connection: told_story(connection, PoolId(pool), RecordId(record_id), caller)
    )


@router.get("/{pool}/records/{record_id:path}", summary="A record as it is now")
async def get_record(pool: str, record_id: str, caller: Viewer, parts: Parts) -> RecordView:
    del caller
    return RecordView.of(
        await parts.in_transaction(
            lambda connection: pools.get_record(connection, PoolId(pool), RecordId(record_id))
        )
    )
