"""`name` or `name@version` → the one version that is meant from now on."""

from __future__ import annotations

from sqlalchemy import Connection

from domain.errors import InvalidInput
from domain.labels import Guideline, LabelSchema
from domain.routing import Routing
from storage import definitions, policies, routings
from storage.policies import GovernedPolicy

_MAX_VERSION = 2**31 - 1


def pinned_schema(connection: Connection, named: str) -> LabelSchema:
    """Raises InvalidInput, NotFound."""
    return definitions.get_schema(connection, *_split(named))


def pinned_guideline(connection: Connection, named: str) -> Guideline:
    """Raises InvalidInput, NotFound."""
    return definitions.get_guideline(connection, *_split(named))


def pinned_policy(connection: Connection, named: str) -> GovernedPolicy:
    """An approved version: the one that is named, or the latest.

    Raises InvalidInput, NotFound, PolicyNotApproved.
    """
    return policies.get_approved(connection, *_split(named))


def named_policy(connection: Connection, named: str) -> GovernedPolicy:
    """Any version, approved or not, to look at. Raises InvalidInput, NotFound."""
    return policies.get_policy(connection, *_split(named))


def pinned_routing(connection: Connection, named: str) -> Routing:
    """Raises InvalidInput, NotFound."""
    return routings.get_routing(connection, *_split(named)).routing


def _split(named: str) -> tuple[str, int | None]:
    name, at, version = named.partition("@")
    if not at:
        return name, None
    if not (version.isascii() and version.isdigit() and 1 <= int(version[:11]) <= _MAX_VERSION):
        raise InvalidInput(
            f"“{named}” names no version", hint="write name or name@version, such as banking@2"
        )
    return name, int(version)
