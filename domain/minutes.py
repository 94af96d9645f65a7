"""The minutes of a shard: what is written into its journal, and shown in the read model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from domain.announcements import escalation, pause, reminder
from domain.changes import Changes
from domain.directing import DIRECTED, DirectedTask, TaskDirected
from domain.gold import GoldJudged, Paused
from domain.ids import RecordId, TaskId, Timestamp
from domain.journal import Journal, Message
from domain.ledger import Ledger
from domain.messages import clipped, forged_detail
from domain.outcomes import Outcome
from domain.progress import Given, RecordProgress, ShardRules, ShardState
from domain.records import Json
from domain.reviews import (
    ClosingRequested,
    DeadlineExtended,
    Submission,
    UndoRequested,
    Verdict,
)
from domain.schedule import Step
from domain.tasks import ProjectedReview, Projection, ReviewStatus, TaskKind, TaskOpening


class Minutes:
    """Writes down what a shard decides. Each message is there once, whatever came of it."""

    def __init__(self, rules: ShardRules, state: ShardState) -> None:
        self.refused = state.refused
        self._rules = rules
        self._journal = Journal(rules.shard, state)
        self._changes = Changes()

    @property
    def ledger(self) -> Ledger:
        return self._journal.ledger

    @property
    def seen(self) -> tuple[str, ...]:
        """Ids of the messages that were handled."""
        return self._journal.seen

    def has_seen(self, message_id: str) -> bool:
        return self._journal.has_seen(message_id)

    def drain(self, at: Timestamp) -> Projection:
        """What has changed since the last call."""
        changes, self._changes = self._changes, Changes()
        rules = self._rules
        return changes.projection(
            round_id=rules.round_id, shard=rules.shard, look=rules.look, at=at
        )

    # -- answers --------------------------------------------------------------------------

    def accept(self, kind: TaskKind, message: Submission, verdict: Verdict, at: Timestamp) -> int:
        """The sequence number of the decision; `verdict` is the message's in its usual form."""
        sequence = self._record(kind, ReviewStatus.ACCEPTED, message, at, answer=verdict.answer)
        self._show(kind, replace(message, verdict=verdict), sequence, at)
        if message.corrects is not None:
            self._changes.retract(message.corrects, ReviewStatus.CORRECTED)
        return sequence

    def refuse(self, kind: TaskKind, message: Submission, at: Timestamp, *, why: str) -> None:
        repeated = self.has_seen(message.review_id)
        self.refused += 1
        answer = message.verdict.answer
        sequence = self._record(kind, ReviewStatus.REFUSED, message, at, answer=answer, refusal=why)
        if not repeated:  # else the row of the first one stands
            self._show(kind, message, sequence, at, refusal=why)

    def set_aside(
        self, message: Submission | UndoRequested | TaskDirected, at: Timestamp, *, why: str
    ) -> None:
        """A message that cannot be ours: no table could hold it."""
        self.refused += 1
        self._journal.decide(
            "message_malformed", at, {"refusal": why}, subject=message.record_id, message=message
        )

    def forged(self, signal: str, message: Message, at: Timestamp, *, why: str) -> None:
        self.refused += 1
        subject = getattr(message, "record_id", None)
        self._journal.decide(
            "message_forged",
            at,
            forged_detail(signal, message, why),
            subject=subject and clipped(subject),
        )

    def undone(self, kind: TaskKind, given: Given, message: UndoRequested, at: Timestamp) -> None:
        self._journal.note(message.request_id)
        self._changes.retract(given.review_id, ReviewStatus.UNDONE)
        detail: dict[str, Json] = {
            "review_id": given.review_id,
            "task_id": given.slot_task,
            "answer": given.verdict.answer,
        }
        self._journal.decide(
            f"{kind}_{ReviewStatus.UNDONE}", at, detail, subject=message.record_id, message=message
        )

    def undo_refused(self, message: UndoRequested, at: Timestamp, *, why: str) -> None:
        self._journal.note(message.request_id)
        self.refused += 1
        detail: dict[str, Json] = {"review_id": message.review_id, "refusal": why}
        self._journal.decide("undo_refused", at, detail, subject=message.record_id, message=message)

    def gold_answered(
        self, record_id: RecordId, given: Given, *, correct: bool, at: Timestamp
    ) -> None:
        self._changes.judge(
            GoldJudged(
                review_id=given.review_id,
                account_id=given.account_id,
                record_id=record_id,
                correct=correct,
                at=at,
            )
        )
        detail: dict[str, Json] = {"review_id": given.review_id, "correct": correct}
        self._journal.decide("gold_answered", at, detail, subject=record_id)

    def reviewer_paused(self, paused: Paused, at: Timestamp) -> None:
        detail: dict[str, Json] = {"answered": paused.answered, "right": paused.right}
        sequence = self._journal.decide("reviewer_paused", at, detail, subject=paused.account_id)
        self._changes.tell(pause(paused, self._rules, sequence=sequence))

    # -- tasks ----------------------------------------------------------------------------

    def directed(self, message: TaskDirected, at: Timestamp) -> None:
        sequence = self._direction(DIRECTED[message.direction], message, {}, at)
        directed = DirectedTask(message=message, sequence=sequence, decided_at=at)
        self._changes.direct(directed)

    def direction_refused(self, message: TaskDirected, at: Timestamp, *, why: str) -> None:
        self.refused += 1
        detail: dict[str, Json] = {"direction": message.direction, "refusal": why}
        self._direction("direction_refused", message, detail, at)

    # -- records --------------------------------------------------------------------------

    def open_tasks(self, openings: Iterable[TaskOpening]) -> None:
        self._changes.open(openings)

    def close_tasks(self, tasks: Iterable[TaskId], *, reason: str) -> None:
        self._changes.close(tasks, reason=reason)

    def extra_review_opened(self, opening: TaskOpening, at: Timestamp) -> None:
        self._journal.decide(
            "extra_review_opened",
            at,
            {"task_id": opening.task_id},
            subject=opening.record_id,
            reason="the reviewers differ",
        )

    def adjudication_opened(
        self, opening: TaskOpening, answers: dict[str, int], at: Timestamp, *, why: str
    ) -> None:
        self._journal.decide(
            "adjudication_opened",
            at,
            {"answers": {answer: answers[answer] for answer in sorted(answers)}},
            subject=opening.record_id,
            reason=why,
        )

    def adjudication_withdrawn(self, progress: RecordProgress, at: Timestamp) -> None:
        self._journal.decide("adjudication_withdrawn", at, {}, subject=progress.record.record_id)

    def concluded(self, outcome: Outcome, at: Timestamp) -> None:
        self._changes.conclude(outcome)
        detail: dict[str, Json] = {
            "answer": outcome.verdict.answer if outcome.verdict else None,
            "how": outcome.how,
            "label_confidence": outcome.label_confidence,
            "look": outcome.look,
        }
        self._journal.decide("outcome_reached", at, detail, subject=outcome.record_id)

    def outcome_withdrawn(self, outcome: Outcome, at: Timestamp) -> None:
        """What settled the record was taken back or corrected."""
        self._changes.withdraw(outcome.record_id)
        detail: dict[str, Json] = {"answer": outcome.verdict.answer if outcome.verdict else None}
        self._journal.decide("outcome_withdrawn", at, detail, subject=outcome.record_id)

    # -- the shard ------------------------------------------------------------------------

    def shard_opened(self, records: int, deadline: Timestamp, at: Timestamp) -> None:
        self._journal.decide(
            "shard_opened",
            at,
            {
                "look": self._rules.look,
                "records": records,
                "reviews_per_record": self._rules.reviews_per_record,
                "deadline": deadline,
            },
        )

    def deadline_moved(self, progress: RecordProgress) -> None:
        self._changes.move_deadline(progress.record.record_id, progress.deadline)

    def deadline_message(
        self, message: DeadlineExtended, deadline: Timestamp, at: Timestamp, *, refusal: str | None
    ) -> None:
        """`deadline` is the last of the records' deadlines, as they are now."""
        detail: dict[str, Json] = {"seconds": message.seconds}
        detail |= {"deadline": deadline} if refusal is None else {"refusal": refusal}
        kind = "deadline_extended" if refusal is None else "deadline_extension_refused"
        self._request(kind, message, detail, at)

    def closing_message(
        self, message: ClosingRequested, unsettled: int, at: Timestamp, *, refusal: str | None
    ) -> None:
        detail: dict[str, Json] = (
            {"unsettled": unsettled} if refusal is None else {"refusal": refusal}
        )
        kind = "reviewing_closed" if refusal is None else "closing_refused"
        self._request(kind, message, detail, at)

    def deadline_passed(self, unsettled: int, at: Timestamp) -> None:
        self._journal.decide("deadline_passed", at, {"unsettled": unsettled})

    def reminded(self, share: float, records: Sequence[RecordProgress], at: Timestamp) -> None:
        detail: dict[str, Json] = {"share": share, "records": _ids(records)}
        sequence = self._journal.decide("reminded", at, detail)
        self._changes.tell(reminder(records, self._rules, sequence=sequence))

    def hurried(self, progress: RecordProgress, urgency: int) -> None:
        self._changes.hurry(progress.record.record_id, urgency)

    def escalated(self, step: Step, records: Sequence[RecordProgress], at: Timestamp) -> None:
        detail: dict[str, Json] = {
            "hours": step.seconds / 3600.0,
            "roles": list(step.escalation.roles),
            "accounts": list(step.escalation.accounts),
            "records": _ids(records),
        }
        sequence = self._journal.decide("escalated", at, detail)
        self._changes.tell(escalation(step, records, self._rules, sequence=sequence))

    def shard_withdrawn(self, at: Timestamp, *, reason: str) -> None:
        self._journal.decide("shard_withdrawn", at, {}, reason=reason)

    # -- how it is written ----------------------------------------------------------------

    def _record(
        self,
        kind: TaskKind,
        status: ReviewStatus,
        message: Submission,
        at: Timestamp,
        *,
        answer: str,
        refusal: str = "",
    ) -> int:
        self._journal.note(message.review_id)
        detail: dict[str, Json] = {
            "review_id": message.review_id,
            "task_id": message.task_id,
            "answer": answer,
            "confidence": message.confidence,
            "seconds": message.seconds,
            "guideline": message.guideline,
            "submitted_at": message.submitted_at,
            **self._before_them(message),
            **({"corrects": message.corrects} if message.corrects else {}),
            **({"refusal": refusal} if refusal else {}),
        }
        return self._journal.decide(
            f"{kind}_{status}",
            at,
            detail,
            subject=message.record_id,
            message=message,
            reason=message.rationale,
        )

    def _before_them(self, message: Submission) -> dict[str, Json]:
        """What the person had before them, in rounds that write it down."""
        if not self._rules.policy:
            return {}
        seen = {} if message.suggestion is None else {"suggestion": message.suggestion}
        return {
            "policy": self._rules.policy,
            "look": self._rules.look,
            "shown": message.shown,
            **seen,
        }

    def _show(
        self,
        kind: TaskKind,
        message: Submission,
        sequence: int,
        at: Timestamp,
        *,
        refusal: str = "",
    ) -> None:
        self._changes.review(
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

    def _direction(
        self, kind: str, message: TaskDirected, detail: dict[str, Json], at: Timestamp
    ) -> int:
        self._journal.note(message.request_id)
        return self._journal.decide(
            kind,
            at,
            message.told | detail,
            subject=message.record_id,
            message=message,
            reason=message.reason,
        )

    def _request(
        self,
        kind: str,
        message: DeadlineExtended | ClosingRequested,
        detail: dict[str, Json],
        at: Timestamp,
    ) -> None:
        self._journal.note(message.request_id)
        self._journal.decide(kind, at, detail, message=message, reason=message.reason)


def _ids(records: Sequence[RecordProgress]) -> list[Json]:
    return [each.record.record_id for each in records]
