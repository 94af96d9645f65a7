"""Profiles: what people bring to reviewing. Every change is written down."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection

from api.authentication import Caller, SignedIn, allowing
from api.schemas.body import Limit, Page
from api.schemas.routings import (
    AbsencesBody,
    ProfileBody,
    ProfileChangeView,
    ProfileView,
    StandingBody,
)
from api.state import Parts
from domain.accounts import Permission
from domain.ids import AccountId
from storage import accounts, definitions, profiles

router = APIRouter(prefix="/api/v1", tags=["profiles"])

Lead = Annotated[Caller, Depends(allowing(Permission.MANAGE_ACCOUNTS))]
OWN_REASON = "noted by the person"


@router.get("/me/profile", summary="Your profile")
async def get_own_profile(caller: SignedIn, parts: Parts) -> ProfileView:
    return await parts.in_transaction(lambda connection: _view(connection, caller.account_id))


@router.put("/me/absences", summary="Note when you are away")
async def put_own_absences(body: AbsencesBody, caller: SignedIn, parts: Parts) -> ProfileView:
    """Nobody counts on you on those days, and no task is given to you."""

    def change(connection: Connection) -> ProfileView:
        before = profiles.get_profile(connection, caller.account_id)
        wanted = replace(before, absences=tuple(each.absence for each in body.absences))
        profiles.put_profile(connection, wanted, changed_by=caller.account_id, reason=OWN_REASON)
        return _view(connection, caller.account_id)

    return await parts.in_transaction(change)


@router.get("/accounts/{account_id}/profile", summary="What a person brings to reviewing")
async def get_profile(account_id: str, caller: Lead, parts: Parts) -> ProfileView:
    del caller
    return await parts.in_transaction(lambda connection: _known(connection, account_id))


@router.put("/accounts/{account_id}/profile", summary="Write a person's profile")
async def put_profile(
    account_id: str, body: ProfileBody, caller: Lead, parts: Parts
) -> ProfileView:
    """The whole of it; the change is written down with who made it and why."""

    def change(connection: Connection) -> ProfileView:
        _known(connection, account_id)
        profiles.put_profile(
            connection,
            body.profile(AccountId(account_id)),
            changed_by=caller.account_id,
            reason=body.reason,
        )
        return _view(connection, AccountId(account_id))

    return await parts.in_transaction(change)


@router.put(
    "/accounts/{account_id}/standings/{schema}",
    summary="Say how far a person's answers under a label schema may be relied on",
)
async def put_standing(
    account_id: str, schema: str, body: StandingBody, caller: Lead, parts: Parts
) -> ProfileView:
    def change(connection: Connection) -> ProfileView:
        _known(connection, account_id)
        name = definitions.get_schema(connection, schema).name
        profiles.put_standing(
            connection,
            AccountId(account_id),
            name,
            body.standing,
            changed_by=caller.account_id,
            reason=body.reason,
        )
        return _view(connection, AccountId(account_id))

    return await parts.in_transaction(change)


@router.get(
    "/accounts/{account_id}/profile/changes",
    summary="What was changed about a person",
)
async def list_changes(
    account_id: str,
    caller: Lead,
    parts: Parts,
    after: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Limit = 100,
) -> Page[ProfileChangeView]:
    del caller

    def read(connection: Connection) -> Page[ProfileChangeView]:
        _known(connection, account_id)
        found = profiles.list_changes(
            connection, AccountId(account_id), before=after, limit=limit + 1
        )
        return Page(
            items=[ProfileChangeView.of(each) for each in found[:limit]],
            next=str(found[limit - 1].change_id) if len(found) > limit else None,
        )

    return await parts.in_transaction(read)


def _known(connection: Connection, account_id: str) -> ProfileView:
    """Raises NotFound."""
    return _view(connection, accounts.get_account(connection, AccountId(account_id)).account_id)


def _view(connection: Connection, account_id: AccountId) -> ProfileView:
    return ProfileView.of(
        profiles.get_profile(connection, account_id),
        profiles.list_standings(connection, account_id),
    )
