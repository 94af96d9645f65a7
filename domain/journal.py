"""The ledger of one shard as it is written: who decided what, in answer to which message."""

from __future__ import annotations

from domain.accounts import SYSTEM, Actor
from domain.directing import TaskDirected
from domain.ids import Timestamp
from domain.ledger import Decision, Ledger
from domain.messages import MAX_ID
from domain.progress import ShardState
from domain.records import Json
from domain.reviews import (
    ClosingRequested,
    DeadlineExtended,
    Submission,
    UndoRequested,
    signed_part,
)

Message = Submission | UndoRequested | TaskDirected | DeadlineExtended | ClosingRequested


class Journal:
    """Appends decisions, and knows which messages were handled."""

    def __init__(self, shard: int, state: ShardState) -> None:
        self.ledger = Ledger(head=state.ledger_head, length=state.ledger_length)
        self._subject = f"shard {shard}"
        self._seen = dict.fromkeys(state.seen)

    @property
    def seen(self) -> tuple[str, ...]:
        """Ids of the messages that were handled."""
        return tuple(self._seen)

    def has_seen(self, message_id: str) -> bool:
        return message_id in self._seen

    def note(self, message_id: str) -> None:
        """Remembers that the message was handled."""
        if len(message_id) <= MAX_ID:  # a longer one was malformed, and is handed to no later run
            self._seen[message_id] = None

    def decide(
        self,
        kind: str,
        at: Timestamp,
        detail: dict[str, Json],
        *,
        subject: str | None = None,
        message: Message | None = None,
        reason: str = "",
    ) -> int:
        """The sequence number of the decision.

        It is about the shard unless it names a subject, and of the process itself unless it answers
        a message, of which it keeps digest and signature.
        """
        actor: Actor = SYSTEM
        if message is not None:
            actor = message.actor
            detail = detail | {
                "message_digest": signed_part(message),
                "signature": message.signature,
            }
        decision = Decision(
            kind=kind,
            at=at,
            actor=actor,
            subject=self._subject if subject is None else subject,
            detail=detail,
            reason=reason,
        )
        return self.ledger.append(decision).sequence
