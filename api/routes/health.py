"""Whether the process lives, whether it can work, what it measures, and the keys it signs with."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from fastapi.concurrency import run_in_threadpool

from api.authentication import Caller, caller_of
from api.state import Parts, State
from domain.errors import DatabaseUnavailable
from storage import database
from workers import telemetry
from workers.signing import PublicKey

router = APIRouter(tags=["health"])

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
) -> list[PublicKey]:
    """A signature reads `key_id:base64`, over the SHA-256 of the message's canonical form."""
    del caller
    return [parts.signer.public_key]


def _database(parts: State) -> Check:
    try:
        return "ok" if database.at_head(parts.engine) else "migration needed"
    except DatabaseUnavailable:
        return "unavailable"
