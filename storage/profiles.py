"""Profiles of reviewers, their standing under a label schema, and every change of either."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from domain.ids import AccountId, Document, Timestamp
from domain.profiles import Absence, Profile, Standing, check_profile
from domain.routing import Clearance
from storage.documents import from_json, to_json
from storage.tables import accounts, profile_changes, profiles, review_receipts, standings

_PROFILE = select(profiles).where(profiles.c.account_id == bindparam("account"))
"""Made once: building it takes longer than running it, and every claim runs it."""


@dataclass(frozen=True, kw_only=True)
class ProfileChange:
    """Who changed what about a person, and why."""

    change_id: int
    changed_by: AccountId
    changed_by_name: str
    changed_at: Timestamp
    reason: str
    before: Document
    after: Document


@dataclass(frozen=True, kw_only=True)
class StandingView:
    schema: str
    standing: Standing
    reason: str
    changed_at: Timestamp


def get_profile(connection: Connection, account_id: AccountId) -> Profile:
    """The person's profile; an empty one if nobody has written any."""
    row = connection.execute(_PROFILE, {"account": account_id}).one_or_none()
    return Profile(account_id=account_id) if row is None else _profile(row)


def list_profiles(
    connection: Connection, account_ids: Iterable[AccountId]
) -> dict[AccountId, Profile]:
    """The profiles of these people, empty ones included."""
    wanted = list(account_ids)
    rows = connection.execute(select(profiles).where(profiles.c.account_id.in_(wanted)))
    found = {row.account_id: _profile(row) for row in rows}
    return {each: found.get(each, Profile(account_id=each)) for each in wanted}


def put_profile(
    connection: Connection, profile: Profile, *, changed_by: AccountId, reason: str
) -> Profile:
    """The profile as it stands from now on; the change is written down, unless it is none.

    Raises InvalidProfile.
    """
    wanted = check_profile(profile)
    _lock(connection, wanted.account_id)
    before = get_profile(connection, wanted.account_id)
    if wanted == before:
        return wanted
    values = {
        "expertise": wanted.expertise,
        "languages": list(wanted.languages),
        "clearance": wanted.clearance.level,
        "capacity_per_day": wanted.capacity_per_day,
        "absences": [_as_text(each) for each in wanted.absences],
        "updated_at": func.now(),
    }
    connection.execute(
        insert(profiles)
        .values(account_id=wanted.account_id, **values)
        .on_conflict_do_update(index_elements=["account_id"], set_=values)
    )
    _note(
        connection,
        wanted.account_id,
        changed_by=changed_by,
        reason=reason,
        before=_told(before),
        after=_told(wanted),
    )
    return wanted


def answered_today(connection: Connection, account_id: AccountId) -> int:
    """Answers that came in from the person since midnight UTC."""
    midnight = func.date_trunc("day", func.now(), "UTC")
    count = select(func.count()).where(
        review_receipts.c.account_id == account_id, review_receipts.c.created_at >= midnight
    )
    return connection.execute(count).scalar_one()


def list_changes(
    connection: Connection,
    account_id: AccountId,
    *,
    before: int | None = None,
    limit: int = 50,
) -> list[ProfileChange]:
    """What was changed about the person, the newest first, from the change older than `before`."""
    query = (
        select(profile_changes, accounts.c.name)
        .outerjoin(accounts, accounts.c.account_id == profile_changes.c.changed_by)
        .where(profile_changes.c.account_id == account_id)
        .order_by(profile_changes.c.change_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(profile_changes.c.change_id < before)
    return [
        ProfileChange(
            change_id=row.change_id,
            changed_by=row.changed_by,
            changed_by_name=row.name or row.changed_by,
            changed_at=row.changed_at,
            reason=row.reason,
            before=row.before,
            after=row.after,
        )
        for row in connection.execute(query)
    ]


# -- standings --------------------------------------------------------------------------------


def list_standings(connection: Connection, account_id: AccountId) -> list[StandingView]:
    """How far the person's answers may be relied on, by label schema; untried where none is."""
    rows = connection.execute(
        select(standings)
        .where(standings.c.account_id == account_id)
        .order_by(standings.c.schema_name)
    )
    return [
        StandingView(
            schema=row.schema_name,
            standing=Standing(row.standing),
            reason=row.reason,
            changed_at=row.changed_at,
        )
        for row in rows
    ]


def get_standing(connection: Connection, account_id: AccountId, schema: str) -> Standing:
    found = connection.scalar(
        select(standings.c.standing).where(
            standings.c.account_id == account_id, standings.c.schema_name == schema
        )
    )
    return Standing.UNTRIED if found is None else Standing(found)


def put_standing(
    connection: Connection,
    account_id: AccountId,
    schema: str,
    standing: Standing,
    *,
    changed_by: AccountId,
    reason: str,
) -> bool:
    """Sets the standing, with a note of the change; whether it is another one than before."""
    _lock(connection, account_id)
    before = get_standing(connection, account_id, schema)
    if before is standing:
        return False
    values = {"standing": standing.value, "reason": reason, "changed_at": func.now()}
    connection.execute(
        insert(standings)
        .values(account_id=account_id, schema_name=schema, **values)
        .on_conflict_do_update(index_elements=["account_id", "schema_name"], set_=values)
    )
    _note(
        connection,
        account_id,
        changed_by=changed_by,
        reason=reason,
        before={"standing": {schema: before}},
        after={"standing": {schema: standing}},
    )
    return True


def _lock(connection: Connection, account_id: AccountId) -> None:
    # Of two changes at once, the second must see what the first one left.
    lock = func.hashtextextended(f"profile/{account_id}", 0)
    connection.execute(select(func.pg_advisory_xact_lock(lock)))


def _note(
    connection: Connection,
    account_id: AccountId,
    *,
    changed_by: AccountId,
    reason: str,
    before: Document,
    after: Document,
) -> None:
    connection.execute(
        insert(profile_changes).values(
            account_id=account_id,
            changed_by=changed_by,
            changed_at=func.now(),
            reason=reason,
            before=to_json(before),
            after=to_json(after),
        )
    )


def _told(profile: Profile) -> Document:
    return {
        "expertise": profile.expertise,
        "languages": list(profile.languages),
        "clearance": profile.clearance.value,
        "capacity_per_day": profile.capacity_per_day,
        "absences": [_as_text(each) for each in profile.absences],
    }


def _as_text(absence: Absence) -> dict[str, str]:
    return {"first": absence.first.isoformat(), "last": absence.last.isoformat()}


def _profile(row: Row[*tuple[object, ...]]) -> Profile:
    return Profile(
        account_id=row.account_id,
        expertise=dict(row.expertise),
        languages=tuple(row.languages),
        clearance=list(Clearance)[row.clearance],
        capacity_per_day=row.capacity_per_day,
        absences=tuple(from_json(Absence, each) for each in row.absences),
    )
