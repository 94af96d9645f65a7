"""Models that rounds trained."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.schemas.body import After, Limit, Page
from api.schemas.datasets import ModelView
from api.state import Parts
from domain.accounts import Permission
from domain.errors import InvalidInput
from domain.ids import RoundId, Timestamp
from storage import models, rounds

router = APIRouter(prefix="/api/v1", tags=["models"])

Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]


@router.get("/models", summary="List models, the newest first")
async def list_models(
    caller: Viewer, parts: Parts, after: After = None, limit: Limit = 50
) -> Page[ModelView]:
    del caller
    before = None if after is None else _moment(after)
    found = await parts.in_transaction(
        lambda connection: models.list_models(connection, before=before, limit=limit + 1)
    )
    return Page(
        items=[ModelView.of(model) for model in found[:limit]],
        next=found[limit - 1].created_at if len(found) > limit else None,
    )


@router.get("/rounds/{round_id}/models", summary="The models that a round trained")
async def models_of_round(round_id: str, caller: Viewer, parts: Parts) -> list[ModelView]:
    del caller

    def read(connection: Connection) -> list[ModelView]:
        known = rounds.get_round(connection, RoundId(round_id)).round_id
        return [ModelView.of(model) for model in models.models_of(connection, known).values()]

    return await parts.in_transaction(read)


def _moment(text: str) -> Timestamp:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput("`after` is not the `next` of a page of models")
    return Timestamp(moment.isoformat())
