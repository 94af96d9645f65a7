"""Accounts, for admins. Secrets are shown once, in the answer that made them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.idempotency import Write, once
from api.schemas.accounts import (
    AccountBody,
    AccountChange,
    AccountView,
    NewAccount,
    OneTimePassword,
)
from api.schemas.body import After, IdempotencyKey, Limit, Page
from api.state import Parts
from domain.accounts import Permission, Role
from domain.errors import InvalidInput
from domain.ids import AccountId
from storage import accounts, sessions, tokens
from storage.account_changes import because

router = APIRouter(prefix="/api/v1/accounts", tags=["accounts"])

PASSWORD_FOR = timedelta(days=7)

Admin = Annotated[Caller, Depends(allowing(Permission.MANAGE_ACCOUNTS))]


@router.post("", status_code=201, summary="Create an account")
async def create_account(
    body: AccountBody, caller: Admin, parts: Parts, idempotency_key: IdempotencyKey = None
) -> NewAccount:
    """The one-time password and the token are in this answer only: a repetition has neither."""

    write = Write(caller=caller, route="accounts", key=idempotency_key, body=body)

    def create(connection: Connection) -> NewAccount:
        secrets: dict[str, str] = {}

        def make() -> AccountView:
            account = accounts.create_account(connection, name=body.name, roles=set(body.roles))
            secrets["password"] = sessions.issue_one_time_password(
                connection, account.account_id, PASSWORD_FOR
            )
            if body.token:
                secrets["token"] = tokens.issue_token(connection, account.account_id, "first")
            return AccountView.of(account)

        account = once(connection, write, AccountView, make)
        return NewAccount(
            account=account,
            one_time_password=secrets.get("password"),
            token=secrets.get("token"),
        )

    return await parts.in_transaction(create)


@router.get("", summary="List accounts by name")
async def list_accounts(
    caller: Admin, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[AccountView]:
    del caller
    found = await parts.in_transaction(
        lambda connection: accounts.list_accounts(connection, after=after, limit=limit + 1)
    )
    return Page(
        items=[AccountView.of(account) for account in found[:limit]],
        next=found[limit - 1].name if len(found) > limit else None,
    )


@router.post(
    "/{account_id}/one-time-passwords", status_code=201, summary="Issue a one-time password"
)
async def issue_one_time_password(account_id: str, caller: Admin, parts: Parts) -> OneTimePassword:
    del caller

    def issue(connection: Connection) -> str:
        account = accounts.get_account(connection, AccountId(account_id))
        return sessions.issue_one_time_password(connection, account.account_id, PASSWORD_FOR)

    return OneTimePassword(
        one_time_password=await parts.in_transaction(issue),
        valid_for_hours=PASSWORD_FOR.total_seconds() / 3600,
    )


@router.patch("/{account_id}", summary="Change an account's roles, or shut it out")
async def change_account(
    account_id: str, body: AccountChange, caller: Admin, parts: Parts
) -> AccountView:
    """Shutting an account out ends its tokens, sessions and passwords for good: when it is let in
    again it needs new ones."""
    if account_id == caller.account_id and (
        body.disabled or (body.roles is not None and Role.ADMIN not in body.roles)
    ):
        raise InvalidInput(
            "this would lock you out of the accounts",
            hint="another admin can do it",
        )

    def change(connection: Connection) -> accounts.Account:
        account = accounts.get_account(connection, AccountId(account_id))
        because(connection, body.reason)
        if body.roles is not None:
            account = accounts.set_roles(connection, account.account_id, set(body.roles))
        if body.disabled is True:
            account = accounts.disable(connection, account.account_id)
        if body.disabled is False:
            account = accounts.enable(connection, account.account_id)
        return account

    return AccountView.of(await parts.in_transaction(change))
