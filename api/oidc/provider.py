"""What an identity provider says about itself, and the keys that it signs with.

OpenID Connect Discovery 1.0; JSON Web Key, RFC 7517. Both are kept for a while. A token that names
a key which is not known has the keys fetched anew, as a provider that rotates them expects, but no
more often than every few seconds: whoever makes up names of keys does not keep it busy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from api.oidc.fetching import Fetcher
from domain.errors import IdentityRefused, ProviderUnavailable
from workers.sign_in_settings import is_safe_url

FRESH_SECONDS = 600.0
"""After them a key that the provider has taken back is not believed any more."""

STALE_SECONDS = 3_600.0
"""While the provider does not answer, its keys are believed no longer than that."""

BETWEEN_SECONDS = 10.0
"""Between two attempts to fetch."""

Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """The part of the discovery document that we use."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    secret_in_body: bool
    """Whether the token endpoint wants the client's secret in the form, not in a header."""
    names_itself: bool
    """Whether its answers carry `iss` (RFC 9207)."""


class Provider:
    """One issuer, whose documents are fetched when they are needed."""

    def __init__(
        self, issuer: str, *, fetcher: Fetcher | None = None, clock: Clock = time.monotonic
    ) -> None:
        self.issuer = issuer
        self.fetcher = fetcher or Fetcher()
        self._clock = clock
        self._lock = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._keys: list[Mapping[str, Any]] | None = None
        self._fetched_at = self._tried_at = float("-inf")

    async def metadata(self) -> Metadata:
        """Raises ProviderUnavailable."""
        await self._refresh(older_than=FRESH_SECONDS)
        assert self._metadata is not None  # noqa: S101 - or `_refresh` has raised
        return self._metadata

    async def key(self, *, key_id: str | None, algorithm: str, doubtful: bool = False) -> jwt.PyJWK:
        """The key that a token names, fit for the algorithm.

        `doubtful` says that the key which is known does not verify: the provider may have put
        another one in its place, under the same name. Raises IdentityRefused and
        ProviderUnavailable.
        """
        await self._refresh(older_than=BETWEEN_SECONDS if doubtful else FRESH_SECONDS)
        found = self._find(key_id, algorithm)
        if found is None:
            # It may be new. Another request may have fetched it while this one waited.
            await self._refresh(older_than=BETWEEN_SECONDS)
            found = self._find(key_id, algorithm)
        if found is None:
            raise IdentityRefused("the token is signed with a key that its issuer does not have")
        return found

    async def _refresh(self, *, older_than: float) -> None:
        """Fetches both documents unless they are young enough. Raises ProviderUnavailable."""
        if self._lock.locked() and older_than == FRESH_SECONDS and self._believed():
            # Another request asks already, perhaps for long; what is known will do meanwhile.
            return
        async with self._lock:
            now = self._clock()
            if now - self._fetched_at < older_than:
                return
            if now - self._tried_at >= BETWEEN_SECONDS:
                self._tried_at = now
                try:
                    await self._fetch()
                except ProviderUnavailable:
                    if not self._believed():
                        raise
            elif not self._believed():
                raise ProviderUnavailable(
                    "the identity provider did not answer a moment ago",
                    hint=f"try again in {BETWEEN_SECONDS:.0f} seconds",
                )

    def _believed(self) -> bool:
        return self._clock() - self._fetched_at <= STALE_SECONDS

    async def _fetch(self) -> None:
        where = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        metadata = _metadata(await self.fetcher.get(where), self.issuer)
        keys = (await self.fetcher.get(metadata.jwks_uri)).get("keys")
        if not isinstance(keys, list):
            raise ProviderUnavailable("the identity provider shows no keys")
        self._metadata = metadata
        self._keys = [key for key in keys if isinstance(key, dict)]
        self._fetched_at = self._clock()

    def _find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        fitting = [
            found
            for key in self._keys or ()
            if key_id is None or key.get("kid") == key_id
            if (found := _fit(key, algorithm)) is not None
        ]
        # A token that names no key is believed where there is no doubt which one it means.
        return fitting[0] if len(fitting) == 1 else None


def _metadata(document: Mapping[str, Any], issuer: str) -> Metadata:
    if document.get("issuer") != issuer:
        raise ProviderUnavailable(
            "the identity provider calls itself by another name",
            hint="LABELWRIGHT_OIDC_ISSUER must be its `issuer`, to the letter",
            issuer=str(document.get("issuer"))[:200],
        )
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_address(document, "authorization_endpoint"),
        token_endpoint=_address(document, "token_endpoint"),
        jwks_uri=_address(document, "jwks_uri"),
        secret_in_body="client_secret_basic" not in methods,
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _address(document: Mapping[str, Any], name: str) -> str:
    address = document.get(name)
    if not isinstance(address, str) or not is_safe_url(address):
        raise ProviderUnavailable(f"the identity provider's {name} is not an https address")
    return address


def _fit(key: Mapping[str, Any], algorithm: str) -> jwt.PyJWK | None:
    """The key for that algorithm, if it is one that signs with it."""
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return None
    if key.get("kty") == "oct":
        return None
    try:
        return jwt.PyJWK(dict(key), algorithm=algorithm)
    except jwt.PyJWTError:
        return None
