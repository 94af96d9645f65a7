"""Plans of rounds, each decoded once: a plan never changes, and decoding one takes a while."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, bindparam, select

from domain.ids import RoundId
from domain.rounds import RoundPlan
from storage.documents import from_json
from storage.tables import rounds

_MOST = 100
"""Plans that are kept for each database: those of the rounds that people work on."""

_PLAN = select(rounds.c.plan).where(rounds.c.round_id == bindparam("round_id"))

_IN_FORCE = select(rounds.c.summary["policy"]).where(rounds.c.round_id == bindparam("round_id"))

_known: WeakKeyDictionary[Engine, OrderedDict[RoundId, RoundPlan]] = WeakKeyDictionary()
_lock = Lock()


def policy_in_force(connection: Connection, round_id: RoundId) -> tuple[str, str]:
    """`name@version` and digest of the policy that selected the round's batch: the plan's, or that
    of an amendment."""
    row = connection.execute(_IN_FORCE, {"round_id": round_id}).scalar_one()
    if row is not None:
        return f"{row['name']}@{row['version']}", row["digest"]
    policy = plan_of(connection, round_id).policy
    return f"{policy.name}@{policy.version}", policy.digest


def plan_of(connection: Connection, round_id: RoundId) -> RoundPlan:
    """The round's plan. The round must be there."""
    with _lock:
        known = _known.setdefault(connection.engine, OrderedDict())
        if (plan := known.get(round_id)) is not None:
            known.move_to_end(round_id)
            return plan
    plan = from_json(RoundPlan, connection.execute(_PLAN, {"round_id": round_id}).scalar_one())
    with _lock:
        known[round_id] = plan
        while len(known) > _MOST:
            known.popitem(last=False)
    return plan
