"""Sampling policies: a version is never changed, and waits until somebody approves it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, Row, Select, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from domain.accounts import PRODUCT, RELEASE, check_policy_approver
from domain.errors import PolicyNotApproved
from domain.ids import AccountId, Timestamp
from domain.policy import SamplingPolicy
from domain.policy_rules import check_policy
from storage.documents import from_json, to_json
from storage.tables import accounts, policies
from storage.versions import find_version, latest_of_each, lock_name, not_found, put_version

BY_RELEASE = "Comes with this release and is tested with it."


@dataclass(frozen=True, kw_only=True)
class Approval:
    """That somebody other than the author wants rounds to select by a policy."""

    account_id: AccountId
    name: str
    at: Timestamp
    reason: str


@dataclass(frozen=True, kw_only=True)
class GovernedPolicy:
    """One version of a policy, who wrote it, and who approved it."""

    policy: SamplingPolicy
    source: str
    """As it was written."""
    author: AccountId
    author_name: str
    created_at: Timestamp
    approval: Approval | None
    """None while it waits."""


def put_policy(
    connection: Connection, policy: SamplingPolicy, created_by: AccountId, *, source: str
) -> GovernedPolicy:
    """The policy under its next version, which waits for approval, or the latest if that says the
    same. A change of the comments in `source` alone makes no version.

    Raises InvalidPolicy.
    """
    stored = put_version(connection, policies, check_policy(policy), created_by, source=source)
    return get_policy(connection, stored.name, stored.version)


def get_policy(connection: Connection, name: str, version: int | None = None) -> GovernedPolicy:
    """The policy, in its latest version unless one is named. Raises NotFound."""
    query = _governed().where(policies.c.name == name)
    if version is not None:
        query = query.where(policies.c.version == version)
    row = connection.execute(query.order_by(policies.c.version.desc()).limit(1)).one_or_none()
    if row is None:
        raise not_found(policies, name, version)
    return _policy(row)


def get_approved(connection: Connection, name: str, version: int | None = None) -> GovernedPolicy:
    """That version, or the latest approved one. Raises NotFound, PolicyNotApproved."""
    if version is None:
        newest = select(func.max(policies.c.version)).where(
            policies.c.name == name, policies.c.approved_at.is_not(None)
        )
        version = connection.execute(newest).scalar()
    found = get_policy(connection, name, version)
    if found.approval is None:
        named = f"{name}@{found.policy.version}"
        raise PolicyNotApproved(
            f"the policy {named} waits for approval, so no round may select by it yet",
            hint=f"somebody other than {found.author_name} approves it: "
            f"labelwright policy approve {named} --reason …",
            policy=named,
        )
    return found


def list_policies(
    connection: Connection, *, after: str | None = None, limit: int = 100
) -> list[GovernedPolicy]:
    """The latest version of each policy by name, from the one that follows `after`."""
    latest = latest_of_each(policies, after=after, limit=limit).subquery()
    query = _governed().join(
        latest, (policies.c.name == latest.c.name) & (policies.c.version == latest.c.version)
    )
    return [_policy(row) for row in connection.execute(query.order_by(policies.c.name))]


def list_versions(
    connection: Connection, name: str, *, before: int | None = None, limit: int = 100
) -> list[GovernedPolicy]:
    """The versions of a policy, the newest first, from the one older than `before`."""
    query = _governed().where(policies.c.name == name).order_by(policies.c.version.desc())
    if before is not None:
        query = query.where(policies.c.version < before)
    return [_policy(row) for row in connection.execute(query.limit(limit))]


def list_approved(connection: Connection, *, limit: int = 500) -> list[GovernedPolicy]:
    """The latest approved version of each policy, by name: what a round may select by."""
    query = (
        _governed()
        .where(policies.c.approved_at.is_not(None))
        .ext(distinct_on(policies.c.name))
        .order_by(policies.c.name, policies.c.version.desc())
        .limit(limit)
    )
    return [_policy(row) for row in connection.execute(query)]


def approve_policy(
    connection: Connection, name: str, version: int, *, approver: AccountId, reason: str
) -> GovernedPolicy:
    """The version, approved; one that is approved already stays as it is.

    Raises NotFound, DutiesNotSeparate.
    """
    found = get_policy(connection, name, version)
    check_policy_approver(approver, author=found.author)
    connection.execute(
        update(policies)
        .where(
            policies.c.name == name,
            policies.c.version == version,
            # Of two who approve at once, the first one did.
            policies.c.approved_at.is_(None),
        )
        .values(approved_by=approver, approved_at=func.now(), approval_reason=reason)
    )
    return get_policy(connection, name, version)


def put_ready_made(connection: Connection, policy: SamplingPolicy, *, source: str) -> None:
    """Puts a policy of this release in place, unless the product has put the same there before.

    It is approved by the release, except where a team has written a version of that name: then it
    waits for them, so that a new release does not take the place of what they decided.
    """
    check_policy(policy)
    lock_name(connection, policies, policy.name)
    latest = find_version(connection, policies, policy.name)
    own = connection.execute(
        select(policies)
        .where(policies.c.name == policy.name, policies.c.created_by == PRODUCT)
        .order_by(policies.c.version.desc())
        .limit(1)
    ).one_or_none()
    if own is not None and from_json(SamplingPolicy, own.body) == replace(
        policy, version=own.version
    ):
        return
    wanted = replace(policy, version=1 if latest is None else latest.version + 1)
    ours = latest is None or latest.created_by == PRODUCT
    connection.execute(
        insert(policies).values(
            name=wanted.name,
            version=wanted.version,
            body=to_json(wanted),
            digest=wanted.digest,
            created_by=PRODUCT,
            source=source,
            approved_by=RELEASE if ours else None,
            approved_at=func.now() if ours else None,
            approval_reason=BY_RELEASE if ours else None,
        )
    )


def _governed() -> Select[*tuple[object, ...]]:
    authors, approvers = accounts.alias("authors"), accounts.alias("approvers")
    return (
        select(
            *policies.c,
            func.coalesce(authors.c.name, policies.c.created_by).label("author_name"),
            func.coalesce(approvers.c.name, policies.c.approved_by).label("approver_name"),
        )
        .select_from(policies)
        .outerjoin(authors, authors.c.account_id == policies.c.created_by)
        .outerjoin(approvers, approvers.c.account_id == policies.c.approved_by)
    )


def _policy(row: Row[*tuple[object, ...]]) -> GovernedPolicy:
    approval = None
    if row.approved_at is not None:
        approval = Approval(
            account_id=row.approved_by,
            name=row.approver_name,
            at=row.approved_at,
            reason=row.approval_reason,
        )
    return GovernedPolicy(
        policy=from_json(SamplingPolicy, row.body),
        source=row.source,
        author=row.created_by,
        author_name=row.author_name,
        created_at=row.created_at,
        approval=approval,
    )
