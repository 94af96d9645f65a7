"""Shows a round's phases, and what is known of it so far, in the read model; tells of them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine
from temporalio import activity

from domain.canonical import Sha256
from domain.ids import Document, RoundId, Timestamp
from domain.round_notices import ended, glass_broken, phase_entered, results_of, wanted_of_people
from domain.rounds import Phase
from storage import rounds
from storage.notices import tell
from storage.rebuilding import lock_round


@dataclass(frozen=True, kw_only=True)
class RoundProjection:
    round_id: RoundId
    phase: Phase
    at: Timestamp
    summary: Document
    """Added to what is shown already, key by key."""
    awaiting: Document | None


@dataclass(frozen=True, kw_only=True)
class CloseRound:
    round_id: RoundId
    phase: Phase
    at: Timestamp
    ledger_head: Sha256
    ledger_length: int
    failure: Document | None
    overridden: tuple[Document, ...] = ()
    """Decisions for which somebody broke the glass."""

    @property
    def shown(self) -> Document:
        """What the round's summary gains."""
        return {"duties_overridden": list(self.overridden)} if self.overridden else {}


class RoundActivities:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn
    def project_round(self, projection: RoundProjection) -> None:
        with self._engine.begin() as connection:
            lock_round(connection, projection.round_id, alone=False)
            entered = rounds.project_phase(
                connection,
                projection.round_id,
                phase=projection.phase,
                summary=projection.summary,
                awaiting=projection.awaiting,
                at=projection.at,
            )
            plan = rounds.get_round(connection, projection.round_id).plan
            said = results_of(plan, projection.summary)
            if entered:
                phase, at = projection.phase, projection.at
                said = phase_entered(plan, phase, at) + said
                said += wanted_of_people(plan, phase, projection.awaiting, projection.summary, at)
            tell(connection, said, round_id=plan.round_id, at=projection.at)

    @activity.defn
    def close_round(self, closing: CloseRound) -> None:
        with self._engine.begin() as connection:
            lock_round(connection, closing.round_id, alone=False)
            rounds.close_round(
                connection,
                closing.round_id,
                phase=closing.phase,
                ledger_head=closing.ledger_head,
                ledger_length=closing.ledger_length,
                failure=closing.failure,
                at=closing.at,
                summary=closing.shown,
            )
            plan = rounds.get_round(connection, closing.round_id).plan
            told = [*glass_broken(plan, closing.overridden)]
            told.append(ended(plan, closing.phase, closing.failure))
            tell(connection, told, round_id=plan.round_id, at=closing.at)
