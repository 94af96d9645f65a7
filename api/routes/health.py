"""Whether the process lives, whether it can work, what it measures, and the keys it signs with."""

from __future__ import annotations

from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Depends, Response
from fastapi.concurrency import run_in_threadpool

from api.authentication import Caller, allowing, caller_of
from api.schemas.audit import KeyView
from api.state import Parts, State
from domain.accounts import Permission
from domain.errors import Conflict, DatabaseUnavailable
from storage import database
from storage import signing_keys as keys
from workers import telemetry

router = APIRouter(tags=["health"])

_log = structlog.get_logger(__name__)

Check = Literal["ok", "unavailable", "migration needed"]


@router.get("/healthz", summary="The process lives")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", summary="Database, tables and Temporal are there; 503 when one is not")
async def readyz(parts: Parts, response: Response) -> dict[str, Check]:
    checks: dict[str, Check] = {
        "database": await run_in_threadpool(_database, parts),
        "temporal": "ok" if await parts.temporal.answers() else "unavailable",
    }
    if any(check != "ok" for check in checks.values()):
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return checks


@router.get("/metrics", summary="Counts and timings, for Prometheus", response_class=Response)
async def metrics() -> Response:
    text = await run_in_threadpool(telemetry.metrics_text)
    return Response(text, media_type=telemetry.CONTENT_TYPE)


@router.get("/api/v1/signing-keys", summary="The public keys that verify who acted", tags=["audit"])
async def signing_keys(
    caller: Annotated[Caller, Depends(caller_of)], parts: Parts
) -> list[KeyView]:
    """A signature reads `key_id:base64`, over the SHA-256 of the message's canonical form. Every
    key that ever signed is here, so that what was signed before a rotation can be checked too."""
    del caller
    known = await parts.in_transaction(keys.list_keys)
    return [KeyView.of(each, current=parts.signer.key_id) for each in known]


@router.post(
    "/api/v1/signing-keys/{key_id}/retirement",
    status_code=204,
    summary="Have nothing count any more that a key signs",
    tags=["audit"],
)
async def retire_signing_key(
    key_id: str,
    caller: Annotated[Caller, Depends(allowing(Permission.MANAGE_ACCOUNTS))],
    parts: Parts,
) -> None:
    """For a key that may have been stolen, once every process of the API signs with another one.
    Shards that are open go on with the keys that they know until they ask again."""
    if key_id == parts.signer.key_id:
        raise Conflict(
            "this process signs with that key",
            hint="move the file LABELWRIGHT_SIGNING_KEY away and start the API again first",
        )
    await parts.in_transaction(lambda connection: keys.retire(connection, key_id))
    _log.warning("a signing key was retired", key_id=key_id, by=caller.account_id)


def _database(parts: State) -> Check:
    try:
        return "ok" if database.at_head(parts.engine) else "migration needed"
    except DatabaseUnavailable:
        return "unavailable"
