"""Whose account an identity is."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from itertools import count
from typing import Any

import structlog
from sqlalchemy import Connection

from api.oidc.tokens import Claims
from domain.accounts import RESERVED_NAMES, Role
from domain.errors import Conflict, IdentityNotLinked, NotAllowed
from storage import accounts, identities
from storage.account_changes import because
from storage.accounts import MAX_NAME, Account
from workers.sign_in_settings import SignInSettings

_log = structlog.get_logger(__name__)


def account_of(connection: Connection, claims: Claims, settings: SignInSettings) -> Account:
    """The account of whoever signed in, with the roles that the provider's groups give.

    Raises IdentityNotLinked, and NotAllowed where the account is shut out.
    """
    [account] = identities.accounts_for_identities(connection, [claims.identity])
    if account is None:
        if identities.is_linked(connection, claims.identity):
            raise NotAllowed("this account is shut out", hint="ask an admin")
        account = _new_account(connection, claims, settings)
    return _with_roles(connection, account, claims.values, settings)


def roles_of(values: Mapping[str, Any], settings: SignInSettings) -> frozenset[Role]:
    """The roles that the groups in a token give; a token without groups gives none."""
    groups = _at(values, settings.oidc_roles_claim)
    named = [groups] if isinstance(groups, str) else groups
    if not isinstance(named, list):
        return frozenset()
    known = settings.group_roles
    return frozenset[Role]().union(
        *(known.get(group, frozenset()) for group in named if isinstance(group, str))
    )


def _new_account(connection: Connection, claims: Claims, settings: SignInSettings) -> Account:
    identity = claims.identity
    if not settings.oidc_make_accounts:
        subject = shlex.quote(identity.subject)
        raise IdentityNotLinked(
            "the provider knows you, and no account here is linked to you yet",
            hint="ask an admin to link you",
            command=f"labelwright account identity add NAME {subject}",
            issuer=identity.issuer,
            subject=identity.subject,
        )
    name = _name(claims)
    for number in count(1):
        shown = name if number == 1 else f"{name[: MAX_NAME - 8]} ({number})"
        try:
            # Within a savepoint: a name that is taken must not undo what came before.
            with connection.begin_nested():
                account = accounts.create_account(connection, name=shown, roles=())
            break
        except Conflict:
            continue
    identities.link(connection, account.account_id, identity, linked_by=account.account_id)
    _log.info("account made at first sign-in", account_id=account.account_id)
    return account


def _with_roles(
    connection: Connection, account: Account, values: Mapping[str, Any], settings: SignInSettings
) -> Account:
    if not settings.oidc_roles_claim:
        return account
    roles = roles_of(values, settings)
    if roles == account.roles:
        return account
    _log.info(
        "roles changed by the provider",
        account_id=account.account_id,
        before=sorted(account.roles),
        after=sorted(roles),
    )
    because(connection, "what the identity provider says of groups")
    return accounts.set_roles(connection, account.account_id, roles)


def _name(claims: Claims) -> str:
    """A name to show, of what the provider calls the person; nothing is looked up by it."""
    for claim in ("preferred_username", "name"):
        said = claims.values.get(claim)
        if not isinstance(said, str):
            continue
        name = "".join(letter for letter in said if letter.isprintable()).strip()[:MAX_NAME].strip()
        if name and name.casefold() not in RESERVED_NAMES:
            return name
    return "new person"


def _at(values: Mapping[str, Any], claim: str) -> object:
    """A claim by its name; `realm_access.roles` also is a claim within a claim."""
    if claim in values:
        return values[claim]
    found: object = values
    for part in claim.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found
