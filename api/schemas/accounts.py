"""Accounts and sessions."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, Field

from api.schemas.body import Body
from domain.accounts import Role
from domain.ids import AccountId, Timestamp
from domain.routing import Clearance
from storage.accounts import MAX_NAME, Account


@dataclass(frozen=True, kw_only=True)
class AccountView:
    account_id: AccountId
    name: str
    roles: list[Role]
    disabled_at: Timestamp | None
    created_at: Timestamp

    @classmethod
    def of(cls, account: Account) -> AccountView:
        return cls(
            account_id=account.account_id,
            name=account.name,
            roles=sorted(account.roles),
            disabled_at=account.disabled_at,
            created_at=account.created_at,
        )


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """A new account with its secrets, which are shown this once and stored as digests only."""

    account: AccountView
    one_time_password: str | None
    token: str | None


@dataclass(frozen=True, kw_only=True)
class OneTimePassword:
    one_time_password: str
    valid_for_hours: float


@dataclass(frozen=True, kw_only=True)
class Me:
    account_id: AccountId
    name: str
    roles: list[Role]
    permissions: list[str]
    authenticated_by: str
    clearance: Clearance
    """Records above it are hidden."""


class AccountBody(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Rita", "roles": ["reviewer"], "token": False}]}
    )

    name: str = Field(min_length=1, max_length=MAX_NAME)
    roles: list[Role] = Field(min_length=1, max_length=len(Role))
    token: bool = False
    """Whether an API token is made too, for a program or the command line."""


class AccountChange(Body):
    reason: str = Field(default="", max_length=2_000)
    """Why; kept with the change."""
    roles: list[Role] | None = Field(default=None, max_length=len(Role))
    disabled: bool | None = None


class SessionBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Rita", "one_time_password": "bcdf-ghjk-mnpq-rstv-wxzb"}]
        }
    )

    name: str = Field(min_length=1, max_length=MAX_NAME)
    one_time_password: str = Field(min_length=1, max_length=100)
