"""What other people's accounts prove themselves with, for admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from api.authentication import allowing
from api.callers import Caller
from api.idempotency import Write
from api.issuing import issued_once
from api.schemas.body import After, IdempotencyKey, Limit, Page
from api.schemas.credentials import (
    IdentityBody,
    IdentityView,
    NewToken,
    SessionView,
    TokenBody,
    TokenView,
)
from api.state import Parts
from domain.accounts import Permission
from domain.errors import InvalidInput
from domain.ids import AccountId
from storage import accounts, identities, sessions, tokens
from storage.identities import Identity

router = APIRouter(prefix="/api/v1/accounts/{account_id}", tags=["accounts"])

Admin = Annotated[Caller, Depends(allowing(Permission.MANAGE_ACCOUNTS))]


@router.post("/tokens", status_code=201, summary="Issue an API token")
async def issue_token(
    account_id: str,
    body: TokenBody,
    caller: Admin,
    parts: Parts,
    idempotency_key: IdempotencyKey = None,
) -> NewToken:
    """The token is in this answer only: a repetition has none."""
    write = Write(
        caller=caller, route=f"accounts/{account_id}/tokens", key=idempotency_key, body=body
    )
    return await parts.in_transaction(
        lambda connection: issued_once(
            connection, write, body, account_id=AccountId(account_id), settings=parts.settings
        )
    )


@router.get("/tokens", summary="List an account's tokens that are in force")
async def list_tokens(
    account_id: str, caller: Admin, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[TokenView]:
    def read(connection: Connection) -> list[tokens.Token]:
        account = accounts.get_account(connection, AccountId(account_id))
        return tokens.list_tokens(connection, account.account_id, after=after, limit=limit + 1)

    found = await parts.in_transaction(read)
    return Page(
        items=[TokenView.of(token, current=caller.token_id) for token in found[:limit]],
        next=found[limit - 1].token_id if len(found) > limit else None,
    )


@router.delete("/tokens/{token_id}", status_code=204, summary="Revoke an account's token")
async def revoke_token(account_id: str, token_id: str, caller: Admin, parts: Parts) -> None:
    del caller
    await parts.in_transaction(
        lambda connection: tokens.revoke(connection, token_id, of=AccountId(account_id))
    )


@router.get("/sessions", summary="List an account's sessions, the last used first")
async def list_sessions(account_id: str, caller: Admin, parts: Parts) -> Page[SessionView]:
    def read(connection: Connection) -> list[sessions.Session]:
        account = accounts.get_account(connection, AccountId(account_id))
        idle = parts.settings.session_idle
        return sessions.list_sessions(connection, account.account_id, idle=idle)

    found = await parts.in_transaction(read)
    return Page(items=[SessionView.of(each, current=caller.session_id) for each in found])


@router.delete("/sessions", status_code=204, summary="End all sessions of an account")
async def end_sessions(account_id: str, caller: Admin, parts: Parts) -> None:
    del caller

    def end(connection: Connection) -> None:
        account = accounts.get_account(connection, AccountId(account_id))
        sessions.end_all(connection, account.account_id)

    await parts.in_transaction(end)


@router.delete("/sessions/{session_id}", status_code=204, summary="End one session of an account")
async def end_session(account_id: str, session_id: str, caller: Admin, parts: Parts) -> None:
    del caller
    await parts.in_transaction(
        lambda connection: sessions.end_named(connection, session_id, of=AccountId(account_id))
    )


@router.post("/identities", status_code=201, summary="Link an account to an identity")
async def link_identity(
    account_id: str, body: IdentityBody, caller: Admin, parts: Parts
) -> IdentityView:
    """By the subject that the provider knows the person or service by. Sent again, it has the same
    answer; an identity of another account is refused."""
    issuer = body.issuer or parts.settings.oidc_issuer
    if not issuer:
        raise InvalidInput(
            "no identity provider is set", hint="name the issuer, or set LABELWRIGHT_OIDC_ISSUER"
        )
    link = await parts.in_transaction(
        lambda connection: identities.link(
            connection,
            AccountId(account_id),
            Identity(issuer=issuer, subject=body.subject),
            linked_by=caller.account_id,
        )
    )
    return IdentityView.of(link)


@router.get("/identities", summary="List an account's identities")
async def list_identities(account_id: str, caller: Admin, parts: Parts) -> Page[IdentityView]:
    del caller

    def read(connection: Connection) -> list[identities.Link]:
        account = accounts.get_account(connection, AccountId(account_id))
        return identities.list_links(connection, account.account_id)

    return Page(items=[IdentityView.of(link) for link in await parts.in_transaction(read)])


@router.delete(
    "/identities/{identity_id}", status_code=204, summary="Take an identity from an account"
)
async def unlink_identity(account_id: str, identity_id: str, caller: Admin, parts: Parts) -> None:
    """The sessions that began at the provider end."""
    del caller
    await parts.in_transaction(
        lambda connection: identities.unlink(connection, AccountId(account_id), identity_id)
    )
