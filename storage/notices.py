"""Inboxes: who is told what, and what they have read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    Text,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from domain.access import HIDDEN, clearance_of
from domain.accounts import Role
from domain.canonical import digest
from domain.errors import NotFound
from domain.ids import AccountId, Document, RoundId, Timestamp
from domain.notices import Audience, Notice, NoticeKind
from storage.documents import plain_text, to_json
from storage.hidden import hidden_records
from storage.lanes import suits
from storage.outbox import emit
from storage.tables import accounts, inbox_entries, lanes, notices
from storage.visibility import cleared


@dataclass(frozen=True, kw_only=True)
class InboxNotice:
    """A notice as one person has it."""

    notice_id: str
    kind: NoticeKind
    round_id: RoundId | None
    subject: str
    text: str
    detail: Document
    at: Timestamp
    read_at: Timestamp | None


def tell(
    connection: Connection,
    said: Sequence[Notice],
    *,
    round_id: RoundId | None,
    at: Timestamp,
) -> None:
    """Puts the notices into the inboxes of their audiences, and queues them for webhooks.

    Twice is as good as once. Called last in a transaction: webhooks are told of a round in the
    order in which its transactions commit, so from here on others of the round wait for this one.
    """
    by_id = {_notice_id(each, round_id): each for each in said}
    for notice_id, notice in by_id.items():
        _put_into_inboxes(connection, notice_id, notice, round_id=round_id, at=at)
    emit(connection, by_id, round_id=round_id, at=at)


def those_who_may_do(
    connection: Connection, round_id: RoundId | None, numbers: Collection[int]
) -> set[AccountId]:
    """Whoever has a part in reviewing and brings what one of these lanes of the round demands."""
    if not numbers:
        return set()
    found = connection.scalars(
        select(accounts.c.account_id)
        .select_from(lanes.join(accounts, true()))
        .where(
            lanes.c.round_id == round_id,
            lanes.c.lane.in_(numbers),
            accounts.c.disabled_at.is_(None),
            _have_one_of([Role.REVIEWER, Role.ADJUDICATOR]),
            suits(accounts.c.account_id),
        )
        .distinct()
    )
    return set(map(AccountId, found))


def inbox(
    connection: Connection, account_id: AccountId, *, after: str | None = None, limit: int = 50
) -> list[InboxNotice]:
    """The account's notices, the newest first, from the one that follows `after`."""
    query = _of(account_id).order_by(inbox_entries.c.sequence.desc()).limit(limit)
    if after is not None:
        query = query.where(inbox_entries.c.sequence < _sequence_of(after))
    return [_seen(connection, _inbox_notice(row)) for row in connection.execute(query)]


def get_notice(connection: Connection, account_id: AccountId, notice_id: str) -> InboxNotice:
    """The notice, if it is in the account's inbox. Raises NotFound."""
    row = connection.execute(_of(account_id).where(notices.c.notice_id == notice_id)).one_or_none()
    if row is None:
        raise NotFound("there is no such notice in your inbox", notice_id=notice_id)
    return _seen(connection, _inbox_notice(row))


def unread(connection: Connection, account_id: AccountId) -> int:
    """How many notices the account has not read."""
    return connection.scalars(
        select(func.count())
        .select_from(inbox_entries)
        .where(inbox_entries.c.account_id == account_id, inbox_entries.c.read_at.is_(None))
    ).one()


def mark_read(connection: Connection, account_id: AccountId, notice_ids: Collection[str]) -> None:
    """Marks these as read. Raises NotFound, and changes nothing, unless all are the account's."""
    wanted = set(notice_ids)
    found = connection.scalars(
        select(notices.c.sequence)
        .join(inbox_entries, inbox_entries.c.sequence == notices.c.sequence)
        .where(
            inbox_entries.c.account_id == account_id,
            notices.c.notice_id == func.any(literal(sorted(wanted), ARRAY(Text))),
        )
    ).all()
    if len(found) < len(wanted):
        raise NotFound("there is no such notice in your inbox", hint="nothing was marked")
    connection.execute(
        update(inbox_entries)
        .where(
            inbox_entries.c.account_id == account_id,
            inbox_entries.c.sequence.in_(found),
            inbox_entries.c.read_at.is_(None),
        )
        .values(read_at=func.now())
    )


def mark_read_through(connection: Connection, account_id: AccountId, notice_id: str) -> None:
    """Marks this one and all before it as read, so that none is that came since it was shown.

    Raises NotFound.
    """
    get_notice(connection, account_id, notice_id)
    connection.execute(
        update(inbox_entries)
        .where(
            inbox_entries.c.account_id == account_id,
            inbox_entries.c.sequence <= _sequence_of(notice_id),
            inbox_entries.c.read_at.is_(None),
        )
        .values(read_at=func.now())
    )


def _put_into_inboxes(
    connection: Connection,
    notice_id: str,
    notice: Notice,
    *,
    round_id: RoundId | None,
    at: Timestamp,
) -> None:
    """Whoever is told is decided the first time: a later repetition finds the notice there."""
    recipients = _recipients(connection, notice.audience, round_id)
    if not recipients:
        return
    sequence = connection.scalar(
        insert(notices)
        .values(
            notice_id=notice_id,
            round_id=round_id,
            kind=notice.kind.value,
            subject=plain_text(notice.subject),
            text=plain_text(notice.text),
            detail=to_json(notice.detail),
            at=at,
        )
        .on_conflict_do_nothing(index_elements=["notice_id"])
        .returning(notices.c.sequence)
    )
    if sequence is not None:
        entries = [{"account_id": each, "sequence": sequence} for each in sorted(recipients)]
        connection.execute(insert(inbox_entries), entries)


def _recipients(
    connection: Connection, audience: Audience, round_id: RoundId | None
) -> set[AccountId]:
    """The enabled accounts that the audience names."""
    recipients = those_who_may_do(connection, round_id, audience.lanes)
    if audience.accounts or audience.roles:
        recipients |= set(
            connection.scalars(
                select(accounts.c.account_id).where(
                    accounts.c.disabled_at.is_(None),
                    or_(
                        accounts.c.account_id.in_(audience.accounts),
                        _have_one_of(audience.roles),
                    ),
                )
            )
        )
    return recipients


def _have_one_of(roles: Collection[str]) -> ColumnElement[bool]:
    return accounts.c.roles.bool_op("&&")(literal([str(role) for role in roles], ARRAY(Text)))


def _notice_id(notice: Notice, round_id: RoundId | None) -> str:
    """The same for the same occurrence in the same round, whatever it is called in another one."""
    return f"ntc-{digest([round_id, notice.notice_id])[:20]}"


def _of(account_id: AccountId) -> Select[Any]:
    return (
        select(*notices.c, inbox_entries.c.read_at)
        .join(inbox_entries, inbox_entries.c.sequence == notices.c.sequence)
        .where(inbox_entries.c.account_id == account_id)
    )


def _sequence_of(notice_id: str) -> ScalarSelect[int]:
    return select(notices.c.sequence).where(notices.c.notice_id == notice_id).scalar_subquery()


def _seen(connection: Connection, notice: InboxNotice) -> InboxNotice:
    """The notice, without what it says of a record that its reader may not see (any more)."""
    record_id = notice.detail.get("record_id")
    if notice.round_id is None or not isinstance(record_id, str):
        return notice
    clearance = clearance_of(cleared(connection))
    if not hidden_records(connection, notice.round_id, clearance, among=[record_id]):
        return notice
    return replace(
        notice,
        text=f"This is about a record of round {notice.round_id} that you are not cleared for.",
        detail={**notice.detail, "record_id": HIDDEN},
    )


def _inbox_notice(row: Row[*tuple[object, ...]]) -> InboxNotice:
    return InboxNotice(
        notice_id=row.notice_id,
        kind=NoticeKind(row.kind),
        round_id=row.round_id,
        subject=row.subject,
        text=row.text,
        detail=row.detail,
        at=row.at,
        read_at=row.read_at,
    )
