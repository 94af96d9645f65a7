"""What somebody may do about a running round on its page, by the rules of the HTTP routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.callers import Caller
from api.schemas.rounds import MAX_REVIEW_HOURS
from domain.accounts import Permission
from domain.ids import Timestamp
from domain.rounds import ENDED, PAST_CANCELLING, Phase
from storage.progress import QueueBacklog
from storage.rounds import Round


@dataclass(frozen=True, kw_only=True)
class Steering:
    may_move: bool
    """Whether they may extend and end reviewing, now or once people review."""
    may_cancel: bool
    """Whether they may cancel, now or in another phase."""
    moves: bool
    """Now."""
    cancels: bool
    """Now."""
    deadline: Timestamp | None
    """The next one of what waits."""
    most_seconds: float = MAX_REVIEW_HOURS * 3600
    """By which a deadline moves at once."""


def steering_of(round_: Round, caller: Caller, waiting: Sequence[QueueBacklog]) -> Steering:
    """Whoever starts rounds steers them; who decides about a held batch may cancel meanwhile."""
    starts, open_ = caller.may(Permission.START_ROUND), round_.phase not in ENDED
    decides = caller.may(Permission.APPROVE)
    cancels = starts or (decides and round_.phase is Phase.CHECKING)
    return Steering(
        may_move=starts and open_,
        may_cancel=(starts or decides) and open_,
        moves=starts and round_.phase is Phase.REVIEWING,
        cancels=cancels and open_ and round_.phase not in PAST_CANCELLING,
        deadline=min((each.deadline for each in waiting if each.deadline), default=None),
    )
