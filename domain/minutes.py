"""The minutes of a shard: its ledger, and the changes that the read model has yet to be shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from domain.accounts import SYSTEM, Actor
from domain.ids import TaskId, Timestamp
from domain.ledger import Decision, Ledger
from domain.outcomes import Outcome
from domain.progress import ShardRules, ShardState
from domain.records import Json
from domain.reviews import DeadlineExtended, Submission, Verdict, signed_part
from domain.tasks import (
    ProjectedReview,
    Projection,
    ReviewStatus,
    TaskClosing,
    TaskKind,
    TaskOpening,
)


@dataclass
class _Changes:
    opened: list[TaskOpening] = field(default_factory=list)
    closed: list[TaskClosing] = field(default_factory=list)
    reviews: list[ProjectedReview] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    deadline_moved: bool = False


class Minutes:
    """Writes down what a shard decides. Each message is there once, whatever came of it."""

    def __init__(self, rules: ShardRules, state: ShardState) -> None:
        self.ledger = Ledger(head=state.ledger_head, length=state.ledger_length)
        self.refused = state.refused
        self._rules = rules
        self._seen = dict.fromkeys(state.seen)
        self._changes = _Changes()

    @property
    def seen(self) -> tuple[str, ...]:
        """Ids of the messages that were handled."""
        return tuple(self._seen)

    def has_seen(self, message_id: str) -> bool:
        return message_id in self._seen

    def shard_opened(self, records: int, deadline: Timestamp, at: Timestamp) -> None:
        self._decide_on_shard(
            "shard_opened",
            at,
            {
                "look": self._rules.look,
                "records": records,
                "reviews_per_record": self._rules.reviews_per_record,
                "deadline": deadline,
            },
        )

    def open_tasks(self, openings: Iterable[TaskOpening]) -> None:
        self._changes.opened.extend(openings)

    def close_tasks(self, tasks: Iterable[TaskId], *, reason: str) -> None:
        self._changes.closed.extend(TaskClosing(task_id=task, reason=reason) for task in tasks)

    def accept(self, kind: TaskKind, message: Submission, verdict: Verdict, at: Timestamp) -> int:
        """The sequence number of the decision; `verdict` is the message's in its usual form."""
        sequence = self._record(kind, ReviewStatus.ACCEPTED, message, at)
        self._project(kind, replace(message, verdict=verdict), sequence, at)
        return sequence

    def refuse(self, kind: TaskKind, message: Submission, at: Timestamp, *, why: str) -> None:
        repeated = self.has_seen(message.review_id)
        self.refused += 1
        sequence = self._record(kind, ReviewStatus.REFUSED, message, at, refusal=why)
        if not repeated:  # else the row of the first one stands
            self._project(kind, message, sequence, at, refusal=why)

    def set_aside(self, message: Submission, at: Timestamp, *, why: str) -> None:
        """A message that cannot be ours: no table could hold it."""
        self.refused += 1
        self._decide(
            "message_malformed",
            at,
            actor=message.actor,
            subject=message.record_id,
            detail={"refusal": why, **_provenance(message)},
        )

    def adjudication_opened(
        self, opening: TaskOpening, answers: dict[str, int], at: Timestamp, *, why: str
    ) -> None:
        self._changes.opened.append(opening)
        self._decide(
            "adjudication_opened",
            at,
            subject=opening.record_id,
            detail={"answers": {answer: answers[answer] for answer in sorted(answers)}},
            reason=why,
        )

    def concluded(self, outcome: Outcome, at: Timestamp) -> None:
        self._changes.outcomes.append(outcome)
        self._decide(
            "outcome_reached",
            at,
            subject=outcome.record_id,
            detail={
                "answer": outcome.verdict.answer if outcome.verdict else None,
                "how": outcome.how,
                "label_confidence": outcome.label_confidence,
                "look": outcome.look,
            },
        )

    def deadline_message(
        self, message: DeadlineExtended, deadline: Timestamp, at: Timestamp, *, refusal: str | None
    ) -> None:
        self._seen[message.request_id] = None
        detail: dict[str, Json] = {"seconds": message.seconds, **_provenance(message)}
        detail |= {"deadline": deadline} if refusal is None else {"refusal": refusal}
        self._changes.deadline_moved |= refusal is None
        self._decide_on_shard(
            "deadline_extended" if refusal is None else "deadline_extension_refused",
            at,
            detail,
            actor=message.actor,
            reason=message.reason,
        )

    def deadline_passed(self, unsettled: int, at: Timestamp) -> None:
        self._decide_on_shard("deadline_passed", at, {"unsettled": unsettled})

    def shard_withdrawn(self, at: Timestamp, *, reason: str) -> None:
        self._decide_on_shard("shard_withdrawn", at, {}, reason=reason)

    def drain(self, deadline: Timestamp, at: Timestamp) -> Projection:
        """What has changed since the last call."""
        changes, self._changes = self._changes, _Changes()
        return Projection(
            round_id=self._rules.round_id,
            shard=self._rules.shard,
            at=at,
            deadline=deadline,
            opened=tuple(changes.opened),
            closed=tuple(changes.closed),
            reviews=tuple(changes.reviews),
            outcomes=tuple(changes.outcomes),
            deadline_moved=changes.deadline_moved,
        )

    def _record(
        self,
        kind: TaskKind,
        status: ReviewStatus,
        message: Submission,
        at: Timestamp,
        *,
        refusal: str = "",
    ) -> int:
        self._seen[message.review_id] = None
        return self._decide(
            f"{kind}_{status}",
            at,
            actor=message.actor,
            subject=message.record_id,
            detail={
                "review_id": message.review_id,
                "task_id": message.task_id,
                "answer": message.verdict.answer,
                "confidence": message.confidence,
                "seconds": message.seconds,
                "guideline": message.guideline,
                "submitted_at": message.submitted_at,
                **({"refusal": refusal} if refusal else {}),
                **_provenance(message),
            },
            reason=message.rationale,
        )

    def _project(
        self,
        kind: TaskKind,
        message: Submission,
        sequence: int,
        at: Timestamp,
        *,
        refusal: str = "",
    ) -> None:
        self._changes.reviews.append(
            ProjectedReview(
                message=message,
                kind=kind,
                status=ReviewStatus.REFUSED if refusal else ReviewStatus.ACCEPTED,
                refusal=refusal,
                sequence=sequence,
                decided_at=at,
                look=self._rules.look,
            )
        )

    def _decide_on_shard(
        self,
        kind: str,
        at: Timestamp,
        detail: dict[str, Json],
        *,
        actor: Actor = SYSTEM,
        reason: str = "",
    ) -> None:
        subject = f"shard {self._rules.shard}"
        self._decide(kind, at, subject=subject, actor=actor, detail=detail, reason=reason)

    def _decide(
        self,
        kind: str,
        at: Timestamp,
        *,
        subject: str,
        detail: dict[str, Json],
        actor: Actor = SYSTEM,
        reason: str = "",
    ) -> int:
        decision = Decision(
            kind=kind, at=at, actor=actor, subject=subject, detail=detail, reason=reason
        )
        return self.ledger.append(decision).sequence


def _provenance(message: Submission | DeadlineExtended) -> dict[str, Json]:
    return {"message_digest": signed_part(message), "signature": message.signature}
