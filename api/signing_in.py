"""A browser signs in: what proves it becomes a session, and what was in its place ends."""

from __future__ import annotations

from fastapi import Request
from sqlalchemy import Connection

from api import trying
from api.cookies import Cookies
from api.oidc import flow, people
from api.oidc.provider import Provider
from api.state import State
from domain.credentials import SignedInBy
from domain.errors import IdentityRefused, NotAuthenticated, NotFound
from storage import attempts, identities, sessions
from storage.accounts import Account
from storage.attempts import Counted
from storage.sessions import Visitor

_SignedIn = tuple[str, Account]
"""A session's secret, and whose it is."""

_TOO_MANY = "too many sign-ins have failed here"


async def by_password(parts: State, request: Request, name: str, password: str) -> _SignedIn:
    """The session's secret and its account. Raises NotAuthenticated and TooManyAttempts."""
    counted = trying.signing_in(request, name)
    await _count(parts, *counted)

    def redeem(connection: Connection) -> _SignedIn | None:
        account = sessions.redeem_one_time_password(connection, name, password)
        if account is None:
            return None
        by_name, by_address = counted
        attempts.forget(connection, by_name)
        attempts.take_back(connection, [by_address])
        return _start(parts, connection, request, account, SignedInBy.PASSWORD)

    signed_in = await parts.in_transaction(redeem)
    if signed_in is None:
        raise NotAuthenticated(
            "this name and one-time password do not go together, or the password was used",
            hint="ask an admin for a new one: labelwright account password NAME",
        )
    return signed_in


async def leave_for_provider(parts: State, request: Request, next_path: str) -> flow.Departure:
    """What the browser needs. Raises NotFound, ProviderUnavailable and TooManyAttempts."""
    counted = trying.at_the_provider(request)
    await _count(parts, counted)
    departure = await flow.depart(
        _provider(parts), parts.settings, callback=callback(parts, request)
    )
    await parts.in_transaction(
        lambda connection: identities.begin_sign_in(
            connection,
            state=departure.state,
            browser=departure.secret,
            next_path=next_path,
            valid_for=flow.VALID_FOR,
        )
    )
    return departure


async def by_provider(parts: State, request: Request, secret: str) -> tuple[_SignedIn, str]:
    """The session's secret with its account, and where the person wanted to go.

    Raises IdentityRefused, IdentityNotLinked, NotAllowed, NotFound, ProviderUnavailable,
    TooManyAttempts.
    """
    counted = trying.at_the_provider(request)
    await _count(parts, counted)
    provider = _provider(parts)
    arrived = flow.arrival(request.query_params, secret)
    # Ended first: whatever comes of it, this state is used up.
    next_path = await parts.in_transaction(
        lambda connection: identities.end_sign_in(
            connection, state=arrived.state, browser=arrived.secret
        )
    )
    if next_path is None:
        raise IdentityRefused(
            "this sign-in was used already, or began too long ago",
            hint="begin again on the sign-in page",
        )
    claims = await flow.redeem(provider, parts.settings, arrived, callback=callback(parts, request))

    def start(connection: Connection) -> _SignedIn:
        account = people.account_of(connection, claims, parts.settings)
        attempts.forget(connection, counted)
        return _start(parts, connection, request, account, SignedInBy.OIDC)

    return await parts.in_transaction(start), next_path


def callback(parts: State, request: Request) -> str:
    """Where the provider sends the browser back to; registered there, so a setting where given."""
    base = parts.settings.public_url or str(request.base_url)
    return base.rstrip("/") + flow.CALLBACK


def _start(
    parts: State, connection: Connection, request: Request, account: Account, how: SignedInBy
) -> _SignedIn:
    settings = parts.settings
    # A session that somebody else put into this browser does not live on beside the new one.
    if before := Cookies(request, settings.public_url).session():
        sessions.end_session(connection, before)
    secret = sessions.start_session(
        connection,
        account.account_id,
        longest=settings.session_longest,
        signed_in_by=how,
        visitor=Visitor(
            network=trying.visitors_network(request), agent=request.headers.get("user-agent", "")
        ),
    )
    return secret, account


async def _count(parts: State, *counted: Counted) -> None:
    wait = await parts.in_transaction(
        lambda connection: attempts.count_attempt(connection, counted)
    )
    if wait is not None:
        raise attempts.too_many(wait, _TOO_MANY)


def _provider(parts: State) -> Provider:
    if parts.provider is None:
        raise NotFound("no identity provider is set", hint="LABELWRIGHT_OIDC_ISSUER names one")
    return parts.provider
