"""How people and services prove who they are, read from the environment."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings

from domain.accounts import Role

ALGORITHMS = frozenset(
    {
        *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        *("ES256", "ES384", "ES512", "EdDSA"),
    }
)
"""Signatures that a public key verifies (RFC 7518, section 3.1; RFC 8037). Those that are made with
a shared secret, and `none`, are not among them: a public key would do to forge one."""


class SignInSettings(BaseSettings):
    """Sessions, tokens, and the identity provider."""

    session_hours: float = Field(
        default=336,
        gt=0,
        description="Hours after which a person signs in again, whatever they do.",
    )
    session_idle_hours: float = Field(
        default=168, gt=0, description="Hours without a request after which a session ends."
    )
    token_days: int = Field(
        default=0,
        ge=0,
        description="Most days that a new API token may live; 0 lets tokens live until revoked.",
    )
    oidc_issuer: str = Field(
        default="",
        description="Issuer of an OpenID Connect provider that people sign in with; empty for "
        "none. Its discovery document is below this address.",
    )
    oidc_client_id: str = Field(
        default="", description="What the provider calls this installation."
    )
    oidc_client_secret: str = Field(
        default="", repr=False, description="Secret of the client; empty for a public one."
    )
    oidc_client_secret_file: Path = Field(
        default=Path(), description="File that holds the client's secret, instead of a variable."
    )
    oidc_name: str = Field(
        default="your organisation",
        max_length=60,
        description="What the sign-in page calls the provider.",
    )
    oidc_scopes: str = Field(
        default="openid profile", description="Scopes that are asked for; `openid` is among them."
    )
    oidc_algorithms: str = Field(
        default="RS256, ES256, EdDSA",
        description="Signatures of tokens that are believed.",
    )
    oidc_audience: str = Field(
        default="",
        description="Audience of access tokens with which services call the API; empty for none.",
    )
    oidc_make_accounts: bool = Field(
        default=False,
        description="Whether somebody whom nobody has linked gets an account without roles.",
    )
    oidc_roles_claim: str = Field(
        default="",
        description="Claim of the ID token that lists a person's groups; empty to keep roles here.",
    )
    oidc_roles: str = Field(
        default="",
        description="Which group gives which role, such as `annotators=reviewer, leads=approver`.",
    )

    @field_validator("oidc_issuer")
    @classmethod
    def _is_an_issuer(cls, text: str) -> str:
        if text and not is_safe_url(text):
            raise ValueError("an issuer is reached over https, or on this machine")
        return text

    @field_validator("oidc_algorithms")
    @classmethod
    def _are_algorithms(cls, text: str) -> str:
        named = set(_parts(text))
        if not named or not named <= ALGORITHMS:
            raise ValueError("name some of " + ", ".join(sorted(ALGORITHMS)))
        return text

    @field_validator("oidc_scopes")
    @classmethod
    def _are_scopes(cls, text: str) -> str:
        if "openid" not in text.split():
            raise ValueError("`openid` must be among the scopes")
        return text

    @field_validator("oidc_roles")
    @classmethod
    def _are_roles(cls, text: str) -> str:
        _read_roles(text)
        return text

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if not self.oidc_issuer:
            return self
        if not self.oidc_client_id:
            raise ValueError("an issuer is named, and LABELWRIGHT_OIDC_CLIENT_ID is not")
        if self.oidc_audience == self.oidc_client_id:
            # An ID token, which a browser brings home, would then open the API to its bearer.
            raise ValueError("LABELWRIGHT_OIDC_AUDIENCE must differ from the client's id")
        if self.oidc_client_secret and self.oidc_client_secret_file != Path():
            raise ValueError("the client's secret is given twice, as text and as a file")
        if bool(self.oidc_roles) != bool(self.oidc_roles_claim):
            raise ValueError("LABELWRIGHT_OIDC_ROLES and LABELWRIGHT_OIDC_ROLES_CLAIM go together")
        return self

    @property
    def session_longest(self) -> timedelta:
        return timedelta(hours=self.session_hours)

    @property
    def session_idle(self) -> timedelta:
        return timedelta(hours=self.session_idle_hours)

    @property
    def algorithms(self) -> tuple[str, ...]:
        return _parts(self.oidc_algorithms)

    @property
    def group_roles(self) -> dict[str, frozenset[Role]]:
        """The roles that each group of the provider gives."""
        return _read_roles(self.oidc_roles)

    def client_secret(self) -> str:
        """Read when it is needed, so that a renewed file counts. Raises OSError."""
        if self.oidc_client_secret_file != Path():
            return self.oidc_client_secret_file.read_text().strip()
        return self.oidc_client_secret


def is_safe_url(url: str) -> bool:
    """Whether nobody on the way can read or change what is sent: https, or this very machine."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or parts.fragment or not url.isprintable():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _read_roles(text: str) -> dict[str, frozenset[Role]]:
    found: dict[str, frozenset[Role]] = {}
    for part in _parts(text):
        group, equals, role = (each.strip() for each in part.rpartition("="))
        if not group or not equals or role not in set(Role):
            raise ValueError(f"“{part}” is not group=role; roles are " + ", ".join(Role))
        found[group] = found.get(group, frozenset()) | {Role(role)}
    return found
