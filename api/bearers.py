"""Callers that bear a token: one of ours, or the identity provider's.

Bad tokens are counted by address. While an address waits, it is told so instead, and a token of
ours is believed from there only if it was last used from the same network: a guess that hits helps
nobody, and programs that share the address with a guesser go on working.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request

from api import trying
from api.callers import Caller
from api.oidc.tokens import check_access_token
from api.state import State
from api.together import Together
from domain.errors import (
    IdentityNotLinked,
    LabelwrightError,
    NotAuthenticated,
)
from storage import attempts, identities, tokens
from storage.accounts import Account
from storage.identities import Identity

_TOO_MANY = "too many tokens from this address are not good"


class Bearers:
    def __init__(self, state: State) -> None:
        self._state = state
        self._tokens = Together(self._uses_of_tokens)
        self._identities = Together(self._accounts_for_identities)

    async def caller(self, request: Request, header: str) -> Caller:
        """The caller that the `Authorization` header proves.

        Raises NotAuthenticated, NotAllowed, TooManyAttempts and Unavailable.
        """
        scheme, _, given = header.partition(" ")
        token = given.strip()
        try:
            if scheme.lower() != "bearer" or not token:
                raise NotAuthenticated("the Authorization header is not `Bearer <token>`")
            if self._is_of_the_provider(token):
                return await self._services_caller(token)
            return await self._holder(request, token)
        except NotAuthenticated as error:
            raise await self._counted(request, error) from None

    def _is_of_the_provider(self, token: str) -> bool:
        ours = token.startswith(tokens.PREFIX)
        return bool(self._state.settings.oidc_audience) and not ours and token.count(".") == 2

    async def _holder(self, request: Request, token: str) -> Caller:
        use = await self._tokens.answer(token)
        if use is None:
            raise NotAuthenticated(
                "the token is unknown, was revoked or has expired",
                hint="make a new one on the page Account, or ask an admin",
            )
        network = trying.visitors_network(request)
        if use.last_network != network:
            await self._check_first_use_here(request, use, network)
        return Caller(
            account_id=use.account.account_id,
            name=use.account.name,
            roles=use.account.roles,
            clearance=use.account.clearance,
            authenticated_by="token",
            scope=use.scope,
            token_id=use.token_id,
            token_ends=use.expires_at,
        )

    async def _check_first_use_here(
        self, request: Request, use: tokens.TokenUse, network: str
    ) -> None:
        counted = trying.bad_token(request)
        wait = await self._state.in_transaction(
            lambda connection: attempts.seconds_to_wait(connection, counted)
        )
        if wait is not None:
            raise attempts.too_many(wait, _TOO_MANY)
        await self._state.in_transaction(
            lambda connection: tokens.note_network(connection, use.token_id, network)
        )

    async def _services_caller(self, token: str) -> Caller:
        settings, provider = self._state.settings, self._state.provider
        if provider is None:
            raise NotAuthenticated("no identity provider is set")
        claims = await check_access_token(
            provider, token, audience=settings.oidc_audience, algorithms=settings.algorithms
        )
        account = await self._identities.answer(claims.identity)
        if account is None:
            raise IdentityNotLinked(
                "the token is good, and no account here is its subject's",
                hint="an admin links it: labelwright account identity add NAME SUBJECT",
                issuer=claims.identity.issuer,
                subject=claims.identity.subject,
            )
        return Caller(
            account_id=account.account_id,
            name=account.name,
            roles=account.roles,
            clearance=account.clearance,
            authenticated_by="oidc",
        )

    async def _counted(self, request: Request, error: NotAuthenticated) -> LabelwrightError:
        """The error to answer with: 429 in the place of 401 while the address waits."""
        counted = trying.bad_token(request)
        wait = await self._state.in_transaction(
            lambda connection: attempts.count_attempt(connection, [counted])
        )
        return error if wait is None else attempts.too_many(wait, _TOO_MANY)

    async def _uses_of_tokens(self, given: Sequence[str]) -> list[tokens.TokenUse | None]:
        return await self._state.in_transaction(
            lambda connection: tokens.uses_of_tokens(connection, given)
        )

    async def _accounts_for_identities(self, wanted: Sequence[Identity]) -> list[Account | None]:
        return await self._state.in_transaction(
            lambda connection: identities.accounts_for_identities(connection, wanted)
        )
