"""Tokens for programs: everybody makes, lists and revokes their own."""

from __future__ import annotations

from fastapi import APIRouter

from api.authentication import SignedIn
from api.idempotency import Write
from api.issuing import issued_once
from api.schemas.body import After, IdempotencyKey, Limit, Page
from api.schemas.credentials import NewToken, TokenBody, TokenView
from api.state import Parts
from domain.accounts import Permission
from storage import tokens

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])


@router.post("", status_code=201, summary="Make an API token of your own")
async def make_token(
    body: TokenBody, caller: SignedIn, parts: Parts, idempotency_key: IdempotencyKey = None
) -> NewToken:
    """The token is in this answer only: a repetition has none. One that is made by a token ends no
    later than that one."""
    write = Write(caller=caller, route="tokens", key=idempotency_key, body=body)
    return await parts.in_transaction(
        lambda connection: issued_once(
            connection, write, body, account_id=caller.account_id, settings=parts.settings
        )
    )


@router.get("", summary="List your tokens that are in force")
async def list_tokens(
    caller: SignedIn, parts: Parts, after: After = None, limit: Limit = 100
) -> Page[TokenView]:
    found = await parts.in_transaction(
        lambda connection: tokens.list_tokens(
            connection, caller.account_id, after=after, limit=limit + 1
        )
    )
    return Page(
        items=[TokenView.of(token, current=caller.token_id) for token in found[:limit]],
        next=found[limit - 1].token_id if len(found) > limit else None,
    )


@router.delete("/{token_id}", status_code=204, summary="Revoke a token")
async def revoke_token(token_id: str, caller: SignedIn, parts: Parts) -> None:
    """One of your own; an admin revokes anybody's."""
    of = None if caller.may(Permission.MANAGE_ACCOUNTS) else caller.account_id
    await parts.in_transaction(lambda connection: tokens.revoke(connection, token_id, of=of))
