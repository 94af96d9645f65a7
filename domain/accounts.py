"""Who may do what. Roles are added up; nothing is allowed that no role allows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import DutiesNotSeparate, NotAllowed
from domain.ids import AccountId


class Role(StrEnum):
    REQUESTER = "requester"
    REVIEWER = "reviewer"
    ADJUDICATOR = "adjudicator"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMIN = "admin"
    BREAK_GLASS = "break_glass"


class Permission(StrEnum):
    MANAGE_ACCOUNTS = "manage accounts"
    REVIEW_ACCESS = "review who has access"
    MANAGE_WEBHOOKS = "manage webhooks"
    IMPORT_RECORDS = "import records"
    DEFINE = "define label schemas, guidelines and policies"
    START_ROUND = "start or cancel a round"
    SEE_ROUNDS = "see rounds, pools and datasets"
    REVIEW = "review records"
    ADJUDICATE = "adjudicate records"
    APPROVE = "approve a dataset"
    APPROVE_POLICIES = "approve a sampling policy"
    SEE_LEDGER = "see the ledger"
    BREAK_GLASS = "decide in an emergency against the separation of duties"


GRANTS: dict[Role, frozenset[Permission]] = {
    Role.REQUESTER: frozenset(
        {
            Permission.IMPORT_RECORDS,
            Permission.DEFINE,
            Permission.START_ROUND,
            Permission.SEE_ROUNDS,
        }
    ),
    Role.REVIEWER: frozenset({Permission.REVIEW}),
    Role.ADJUDICATOR: frozenset({Permission.ADJUDICATE}),
    Role.APPROVER: frozenset(
        {
            Permission.APPROVE,
            Permission.APPROVE_POLICIES,
            Permission.SEE_ROUNDS,
            Permission.SEE_LEDGER,
        }
    ),
    Role.AUDITOR: frozenset(
        {Permission.SEE_ROUNDS, Permission.SEE_LEDGER, Permission.REVIEW_ACCESS}
    ),
    Role.ADMIN: frozenset(
        {
            Permission.MANAGE_ACCOUNTS,
            Permission.REVIEW_ACCESS,
            Permission.MANAGE_WEBHOOKS,
            Permission.IMPORT_RECORDS,
            Permission.DEFINE,
            Permission.START_ROUND,
            Permission.SEE_ROUNDS,
            Permission.SEE_LEDGER,
        }
    ),
    Role.BREAK_GLASS: frozenset({Permission.BREAK_GLASS}),
}
"""An admin runs the system, but neither reviews, adjudicates nor approves. To break the glass is a
role of its own that allows nothing by itself: whoever decides must be an approver besides."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts, as the API authenticated them. Travels in every message that decides."""

    account_id: AccountId
    name: str
    authenticated_by: str
    """`token`, `session`, or `system` for what the process does of itself."""


SYSTEM = Actor(account_id=AccountId("system"), name="labelwright", authenticated_by="system")

PRODUCT, RELEASE = AccountId("labelwright"), AccountId("labelwright-release")
"""Author and approver of the policies that come with the product."""

RESERVED_NAMES: frozenset[str] = frozenset({SYSTEM.account_id, PRODUCT, RELEASE})
"""No account bears one of them: what they did, nobody else may seem to have done."""


def permissions(roles: Collection[Role]) -> frozenset[Permission]:
    return frozenset[Permission]().union(*(GRANTS[role] for role in roles))


def require(roles: Collection[Role], permission: Permission) -> None:
    """Raises NotAllowed unless one of the roles grants the permission."""
    if permission not in permissions(roles):
        able = [role.value for role, granted in GRANTS.items() if permission in granted]
        raise NotAllowed(
            f"this account may not {permission.value}",
            hint="ask an admin for one of these roles: " + ", ".join(able),
        )


def check_approver(
    approver: AccountId, *, requested_by: AccountId, what: str = "approve its dataset"
) -> None:
    """Who asked for a round does not approve it. Raises DutiesNotSeparate."""
    if approver == requested_by:
        raise DutiesNotSeparate(f"you asked for this round, so another person must {what}")


def check_policy_approver(approver: AccountId, *, author: AccountId) -> None:
    """Who wrote a version of a policy does not approve it. Raises DutiesNotSeparate."""
    if approver == author:
        raise DutiesNotSeparate("you wrote this version, so another person must approve it")


def check_adjudicator(adjudicator: AccountId, *, reviewers: Collection[AccountId]) -> None:
    """Who reviewed a record does not adjudicate it. Raises DutiesNotSeparate."""
    if adjudicator in reviewers:
        raise DutiesNotSeparate("you reviewed this record, so another person must adjudicate it")
