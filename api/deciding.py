"""A decision is written down before it is signalled: sent again, it is the same one."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from api.authentication import Caller
from api.idempotency import Write, once
from api.pinning import named_policy
from api.schemas.body import Body
from api.schemas.rounds import Decided
from api.state import State, now
from domain.accounts import Permission, require
from domain.duties import check_duties
from domain.errors import NotFound
from domain.ids import AccountId, RoundId
from storage.plans import policy_in_force
from storage.rounds import Round


def check_separate(caller: Caller, conflict: str | None, *, break_glass: bool, reason: str) -> None:
    """Lets through whom no duty stands against, or who may break the glass and says why.

    Raises NotAllowed, DutiesNotSeparate, GlassNotBroken.
    """
    if break_glass:
        require(caller.roles, Permission.BREAK_GLASS)
    check_duties(conflict, break_glass=break_glass, reason=reason)


async def write_down(
    parts: State,
    *,
    caller: Caller,
    what: str,
    round_id: RoundId,
    body: Body,
    decision_id: str,
    idempotency_key: str | None,
    check: Callable[[Connection], None],
) -> tuple[Decided, bool]:
    """The decision with the time at which it first came in, and whether that is now.

    A repetition is signalled again, since the first signal may have been lost; the workflow knows
    it by its id. It is not checked again: the first may have changed what it is checked against.
    """
    first = False

    def make(connection: Connection) -> Decided:
        nonlocal first
        first = True
        check(connection)
        return Decided(round_id=round_id, decision_id=decision_id, received_at=now())

    decided = await parts.in_transaction(
        lambda connection: once(
            connection,
            Write(
                caller=caller,
                route=f"rounds/{round_id}/{what}",
                key=idempotency_key or decision_id,
                body=body,
            ),
            Decided,
            lambda: make(connection),
        )
    )
    return decided, first


def author_in_force(connection: Connection, round_: Round) -> AccountId | None:
    """Who wrote the policy that selected the batch; none for one that is no version of a policy."""
    try:
        return named_policy(connection, policy_in_force(connection, round_.round_id)[0]).author
    except NotFound:
        return None
