"""Whom an identity provider means, and people who are at their provider to sign in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from domain.credentials import SignedInBy
from domain.errors import Conflict, NotFound
from domain.ids import AccountId, Timestamp
from storage.account_rows import CLEARANCE, Account, account_of, hold, secret_digest
from storage.sessions import end_all
from storage.tables import accounts, identities, sign_ins

MAX_SUBJECT = 255
"""OpenID Connect Core 1.0, section 2: a subject has at most 255 characters of ASCII."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A person or service, as one provider names it."""

    issuer: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class Link:
    identity_id: str
    issuer: str
    subject: str
    account_id: AccountId
    linked_by: str
    created_at: Timestamp


def link(
    connection: Connection, account_id: AccountId, identity: Identity, *, linked_by: str
) -> Link:
    """Links the identity to the account. Raises NotFound, and Conflict where it has another."""
    hold(connection, account_id)
    connection.execute(
        insert(identities)
        .values(
            identity_id=f"idn-{uuid4().hex}",
            issuer=identity.issuer,
            subject=identity.subject,
            account_id=account_id,
            linked_by=linked_by,
        )
        .on_conflict_do_nothing(index_elements=["issuer", "subject"])
    )
    row = connection.execute(
        select(identities).where(
            identities.c.issuer == identity.issuer, identities.c.subject == identity.subject
        )
    ).one()
    if row.account_id != account_id:
        raise Conflict(
            "this identity belongs to another account",
            hint="remove it there first",
            account_id=row.account_id,
        )
    return _link(row)


def list_links(connection: Connection, account_id: AccountId, *, limit: int = 100) -> list[Link]:
    rows = connection.execute(
        select(identities)
        .where(identities.c.account_id == account_id)
        .order_by(identities.c.created_at, identities.c.identity_id)
        .limit(limit)
    )
    return [_link(row) for row in rows]


def unlink(connection: Connection, account_id: AccountId, identity_id: str) -> None:
    """Removes the link and ends the sessions that began at the provider. Raises NotFound."""
    gone = connection.execute(
        delete(identities).where(
            identities.c.identity_id == identity_id, identities.c.account_id == account_id
        )
    ).rowcount
    if not gone:
        raise NotFound("there is no such identity", hint="the list of identities has their ids")
    end_all(connection, account_id, signed_in_by=SignedInBy.OIDC)


def accounts_for_identities(
    connection: Connection, wanted: Sequence[Identity]
) -> list[Account | None]:
    """The account of each identity; none if it has none or the account is shut out."""
    rows = connection.execute(
        select(accounts, CLEARANCE, identities.c.issuer, identities.c.subject)
        .join(identities, identities.c.account_id == accounts.c.account_id)
        .where(
            tuple_(identities.c.issuer, identities.c.subject).in_(
                [(each.issuer, each.subject) for each in wanted]
            ),
            accounts.c.disabled_at.is_(None),
        )
    )
    found = {Identity(issuer=row.issuer, subject=row.subject): account_of(row) for row in rows}
    return [found.get(each) for each in wanted]


def is_linked(connection: Connection, identity: Identity) -> bool:
    """Whether an account has this identity, be it shut out or not."""
    return (
        connection.scalar(
            select(identities.c.identity_id).where(
                identities.c.issuer == identity.issuer, identities.c.subject == identity.subject
            )
        )
        is not None
    )


# -- on the way to the provider and back ------------------------------------------------------


def begin_sign_in(
    connection: Connection, *, state: str, browser: str, next_path: str, valid_for: timedelta
) -> None:
    """Notes that a browser goes to its provider with this state. What has run out is forgotten."""
    connection.execute(delete(sign_ins).where(sign_ins.c.expires_at < func.now()))
    connection.execute(
        insert(sign_ins).values(
            state_digest=secret_digest(state),
            browser_digest=secret_digest(browser),
            next_path=next_path,
            expires_at=func.now() + valid_for,
        )
    )


def end_sign_in(connection: Connection, *, state: str, browser: str) -> str | None:
    """Where the person wanted to go; none if the state is unknown, used, or another browser's."""
    return connection.scalar(
        delete(sign_ins)
        .where(
            sign_ins.c.state_digest == secret_digest(state),
            sign_ins.c.browser_digest == secret_digest(browser),
            sign_ins.c.expires_at > func.now(),
        )
        .returning(sign_ins.c.next_path)
    )


def _link(row: Row[*tuple[object, ...]]) -> Link:
    return Link(
        identity_id=row.identity_id,
        issuer=row.issuer,
        subject=row.subject,
        account_id=row.account_id,
        linked_by=row.linked_by,
        created_at=row.created_at,
    )
