"""Routing documents: who judges which record. A POST makes the next version; none is lost."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from api.authentication import Caller, allowing
from api.documents.sending import SENT, DocumentSource, document_body
from api.idempotency import Write, once
from api.routings.documents import ROUTING
from api.schemas.body import After, IdempotencyKey, Limit, Page, Version
from api.schemas.policies import FaultView
from api.schemas.routings import CheckedRouting, RoutingView
from api.state import Parts
from domain.accounts import Permission
from storage import routings

router = APIRouter(prefix="/api/v1/routings", tags=["routings"])

Definer = Annotated[Caller, Depends(allowing(Permission.DEFINE))]
Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]

EXAMPLE = {
    "name": "by-risk",
    "queues": [{"name": "experts", "expertise": {"support": 3}}],
    "rules": [{"language": "record"}, {"when": "risk >= 0.7", "queue": "experts", "reviews": 3}],
}
_BODY = document_body("The routing as JSON, or the same as YAML.", EXAMPLE)


@router.post(
    "", status_code=201, summary="Write a routing, or its next version", openapi_extra=_BODY
)
async def create_routing(
    caller: Definer, text: SENT, parts: Parts, idempotency_key: IdempotencyKey = None
) -> RoutingView:
    """A document that cannot be followed is refused with all of its faults, by line."""
    wanted = ROUTING.parse(text)
    source = DocumentSource(text=text)
    return await parts.in_transaction(
        lambda connection: once(
            connection,
            Write(caller=caller, route="routings", key=idempotency_key, body=source),
            RoutingView,
            lambda: RoutingView.of(
                routings.put_routing(connection, wanted, caller.account_id, source=text)
            ),
        )
    )


@router.post(
    "/check", summary="Say what is wrong with a routing, and store nothing", openapi_extra=_BODY
)
async def check_routing(caller: Viewer, text: SENT) -> CheckedRouting:
    del caller
    _, found = ROUTING.examine(text)
    return CheckedRouting(valid=not found, faults=[FaultView(**each.as_json) for each in found])


@router.get("", summary="List the latest version of each routing")
async def list_routings(
    caller: Viewer, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[RoutingView]:
    del caller
    found = await parts.in_transaction(
        lambda connection: routings.list_routings(connection, after=after, limit=limit + 1)
    )
    return Page(
        items=[RoutingView.of(each) for each in found[:limit]],
        next=found[limit - 1].routing.name if len(found) > limit else None,
    )


@router.get("/{name}", summary="The latest version of a routing")
@router.get("/{name}/{version}", summary="One version of a routing")
async def get_routing(
    name: str, caller: Viewer, parts: Parts, version: Version | None = None
) -> RoutingView:
    del caller
    return RoutingView.of(
        await parts.in_transaction(
            lambda connection: routings.get_routing(connection, name, version)
        )
    )
