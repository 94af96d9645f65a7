"""Whether a token is the provider's, and meant for us.

OpenID Connect Core 1.0, section 3.1.3.7; JSON Web Token Best Current Practices, RFC 8725. Which
algorithms are believed is a setting; which key, is what the provider publishes. What a token's own
header says about either (`jku`, `jwk`, `x5u`, `x5c`) is not looked at.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from api.oidc.provider import Provider
from domain.errors import IdentityRefused
from storage.identities import MAX_SUBJECT, Identity

MAX_TOKEN = 16 * 1024
LEEWAY_SECONDS = 60
"""Clocks of two machines differ."""

_REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
_ACCESS_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What a token says that was found to be true."""

    identity: Identity
    values: Mapping[str, Any]


async def check_id_token(
    provider: Provider, token: str, *, client_id: str, nonce: str, algorithms: Sequence[str]
) -> Claims:
    """What the token says of the person who signed in. Raises IdentityRefused and
    ProviderUnavailable."""
    claims = await _check(provider, token, audience=client_id, algorithms=algorithms)
    said = claims.values.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise IdentityRefused("the identity token answers another sign-in")
    audience = claims.values["aud"]
    party = claims.values.get("azp")
    several = isinstance(audience, list) and len(audience) > 1
    if party != client_id and (several or party is not None):
        raise IdentityRefused("the identity token was made for another program")
    return claims


async def check_access_token(
    provider: Provider, token: str, *, audience: str, algorithms: Sequence[str]
) -> Claims:
    """What the token says of the service that calls (RFC 9068). Raises IdentityRefused and
    ProviderUnavailable."""
    kind = str(_header(token).get("typ", "JWT")).lower()
    if kind not in _ACCESS_TYPES:
        raise IdentityRefused("this is not an access token")
    return await _check(provider, token, audience=audience, algorithms=algorithms)


async def _check(
    provider: Provider, token: str, *, audience: str, algorithms: Sequence[str]
) -> Claims:
    header = _header(token)
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise IdentityRefused(
            "the token is not signed in a way that is believed here",
            hint="LABELWRIGHT_OIDC_ALGORITHMS names the ways",
        )
    if key_id is not None and not isinstance(key_id, str):
        raise IdentityRefused("the token names no key")
    key = await provider.key(key_id=key_id, algorithm=algorithm)
    try:
        values = _decode(token, key, audience=audience, issuer=provider.issuer)
    except jwt.InvalidSignatureError:
        key = await provider.key(key_id=key_id, algorithm=algorithm, doubtful=True)
        try:
            values = _decode(token, key, audience=audience, issuer=provider.issuer)
        except jwt.InvalidSignatureError:
            raise IdentityRefused("the token's signature is not its issuer's") from None
    subject = values["sub"]
    if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_SUBJECT or "\x00" in subject:
        raise IdentityRefused("the token names nobody")
    return Claims(identity=Identity(issuer=provider.issuer, subject=subject), values=values)


def _decode(token: str, key: jwt.PyJWK, *, audience: str, issuer: str) -> dict[str, Any]:
    """The claims. Raises IdentityRefused, and InvalidSignatureError where another key may do."""
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=audience,
            issuer=issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": _REQUIRED},
        )
    except jwt.InvalidSignatureError:
        raise
    except jwt.ExpiredSignatureError:
        raise IdentityRefused("the token has expired", hint="get a new one") from None
    except jwt.InvalidAudienceError:
        raise IdentityRefused("the token is meant for somebody else") from None
    except jwt.InvalidIssuerError:
        raise IdentityRefused("the token is another issuer's") from None
    except jwt.PyJWTError as error:
        raise IdentityRefused(f"the token cannot be believed: {_why(error)}") from None


def _header(token: str) -> dict[str, Any]:
    if len(token) > MAX_TOKEN:
        raise IdentityRefused("the token is too long")
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise IdentityRefused("this is not a token that can be read") from None


def _why(error: jwt.PyJWTError) -> str:
    return str(error)[:200].lower() or type(error).__name__
