"""The account behind a request."""

from __future__ import annotations

from dataclasses import dataclass

from domain.accounts import Actor, Permission, Role, permissions
from domain.credentials import TokenScope
from domain.ids import AccountId, Timestamp
from domain.routing import Clearance


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The account behind a request, and how it proved itself."""

    account_id: AccountId
    name: str
    roles: frozenset[Role]
    authenticated_by: str
    """`token`, `session`, or `oidc` for a session or a token of the identity provider."""
    clearance: Clearance = Clearance.PUBLIC
    """Which records they see, whatever their roles."""
    scope: TokenScope = TokenScope.FULL
    session_id: str | None = None
    token_id: str | None = None
    token_ends: Timestamp | None = None

    @property
    def actor(self) -> Actor:
        return Actor(
            account_id=self.account_id, name=self.name, authenticated_by=self.authenticated_by
        )

    @property
    def permissions(self) -> frozenset[Permission]:
        return permissions(self.roles)

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions
