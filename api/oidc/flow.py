"""A browser's way to the provider and back: authorization code with PKCE.

OpenID Connect Core 1.0, section 3.1; Proof Key for Code Exchange, RFC 7636; OAuth 2.0 Security
Best Current Practice, RFC 9700. The browser keeps one secret in a cookie. State, nonce and verifier
are made from it, so that what comes back is believed from that browser only, and the database holds
nothing with which anybody could go on.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from api.oidc.provider import Metadata, Provider
from api.oidc.tokens import Claims, check_id_token
from domain.errors import IdentityRefused, ProviderUnavailable
from workers.sign_in_settings import SignInSettings

CALLBACK = "/sign-in/callback"
VALID_FOR = timedelta(minutes=10)
"""From leaving for the provider to coming back."""

_AGAIN = "begin again on the sign-in page"


@dataclass(frozen=True, kw_only=True)
class Departure:
    """What a browser needs that leaves for its provider."""

    secret: str
    """For the cookie."""
    state: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What the browser brings back."""

    code: str
    state: str
    secret: str
    issuer: str | None
    """Who says to have answered, where that is said (RFC 9207)."""


async def depart(provider: Provider, settings: SignInSettings, *, callback: str) -> Departure:
    """Where to send the browser. Raises ProviderUnavailable."""
    metadata = await provider.metadata()
    secret = secrets.token_urlsafe(32)
    state = _made_from(secret, "state")
    challenge = hashlib.sha256(_made_from(secret, "verifier").encode()).digest()
    query = {
        "response_type": "code",
        "client_id": settings.oidc_client_id,
        "redirect_uri": callback,
        "scope": settings.oidc_scopes,
        "state": state,
        "nonce": _made_from(secret, "nonce"),
        "code_challenge": _text(challenge),
        "code_challenge_method": "S256",
    }
    joint = "&" if "?" in metadata.authorization_endpoint else "?"
    return Departure(
        secret=secret,
        state=state,
        address=metadata.authorization_endpoint + joint + urllib.parse.urlencode(query),
    )


def arrival(query: Mapping[str, str], secret: str) -> Arrival:
    """What came back, if it belongs to this browser. Raises IdentityRefused."""
    state, code = query.get("state", ""), query.get("code", "")
    if not secret or not hmac.compare_digest(state.encode(), _made_from(secret, "state").encode()):
        raise IdentityRefused("this sign-in was not begun in this browser", hint=_AGAIN)
    if "error" in query:
        denied = query["error"] == "access_denied"
        raise IdentityRefused(
            "you did not agree at the provider" if denied else "the provider refused the sign-in",
            hint=_AGAIN,
            error=query["error"][:100],
        )
    if not code:
        raise IdentityRefused("the provider sent no code", hint=_AGAIN)
    return Arrival(code=code, state=state, secret=secret, issuer=query.get("iss"))


async def redeem(
    provider: Provider, settings: SignInSettings, arrived: Arrival, *, callback: str
) -> Claims:
    """Who signed in. Raises IdentityRefused and ProviderUnavailable."""
    metadata = await provider.metadata()
    silent = arrived.issuer is None and not metadata.names_itself
    if not silent and arrived.issuer != metadata.issuer:
        raise IdentityRefused("another provider than the one that was asked answered", hint=_AGAIN)
    form = {
        "grant_type": "authorization_code",
        "code": arrived.code,
        "redirect_uri": callback,
        "code_verifier": _made_from(arrived.secret, "verifier"),
    }
    status, answer = await _ask_for_tokens(provider, metadata, settings, form)
    token = answer.get("id_token")
    if status != 200 or not isinstance(token, str):
        raise IdentityRefused(
            "the provider did not confirm the sign-in",
            hint=_AGAIN,
            error=str(answer.get("error", status))[:100],
        )
    return await check_id_token(
        provider,
        token,
        client_id=settings.oidc_client_id,
        nonce=_made_from(arrived.secret, "nonce"),
        algorithms=settings.algorithms,
    )


async def _ask_for_tokens(
    provider: Provider, metadata: Metadata, settings: SignInSettings, form: dict[str, str]
) -> tuple[int, dict[str, object]]:
    try:
        secret = settings.client_secret()
    except (OSError, UnicodeDecodeError) as error:
        raise ProviderUnavailable(
            "the file with the client's secret cannot be read",
            hint="LABELWRIGHT_OIDC_CLIENT_SECRET_FILE names it",
        ) from error
    credentials: tuple[str, str] | None = None
    if secret and not metadata.secret_in_body:
        # RFC 6749, section 2.3.1: encoded as a form would before they go into the header.
        quoted = [urllib.parse.quote(each, safe="") for each in (settings.oidc_client_id, secret)]
        credentials = (quoted[0], quoted[1])
    else:
        form["client_id"] = settings.oidc_client_id
        if secret:
            form["client_secret"] = secret
    return await provider.fetcher.post(metadata.token_endpoint, form, credentials=credentials)


def _made_from(secret: str, what: str) -> str:
    return _text(hmac.digest(secret.encode(), what.encode(), "sha256"))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
