"""The access review: for those who manage accounts, and for auditors."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from api.authentication import Caller, allowing
from api.schemas.body import After, Limit, Page
from api.state import Parts
from domain.accounts import Permission
from storage.access_review import AccountAccess, access_review

router = APIRouter(prefix="/api/v1/accounts", tags=["accounts"])

Reviewer = Annotated[Caller, Depends(allowing(Permission.REVIEW_ACCESS))]


@router.get("/review", summary="Who may do and see what, how they sign in, and since when")
async def review_access(
    caller: Reviewer, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[AccountAccess]:
    """Every account by name, shut-out ones included, with duties that belong apart."""
    del caller
    found = await parts.in_transaction(
        lambda connection: access_review(connection, after=after, limit=limit + 1)
    )
    return Page(items=found[:limit], next=found[limit - 1].name if len(found) > limit else None)
