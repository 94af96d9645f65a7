"""Whether the tables say what the ledgers say: reviews, outcomes, tasks, and the round itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from activities.rounds import CloseRound, RoundProjection
from domain.canonical import Sha256
from domain.directing import DIRECTED, Direction
from domain.ids import Timestamp
from domain.ledger import Entry
from domain.records import Json
from domain.reviews import Submission, Verdict, check_verdict
from domain.rounds import EvaluationByClass, ShardPlan
from domain.tasks import Projection, TaskOpening
from storage.documents import from_json, plain_text, to_json
from storage.models import evaluation_body
from storage.tables.columns import timestamp
from workers.audit.comparison import Row, compare
from workers.audit.evidence import ROUND, Evidence
from workers.audit.findings import Finding

Tables = Mapping[str, list[dict[str, Any]]]
"""The round's rows by table."""

DECIDING = {
    "review_accepted": ("review", "accepted"),
    "review_refused": ("review", "refused"),
    "adjudication_accepted": ("adjudication", "accepted"),
    "adjudication_refused": ("adjudication", "refused"),
}
"""Kind of decision → kind and status of the review's row."""

DIRECTING = {kind: direction.value for direction, kind in DIRECTED.items()}
"""Kind of decision → what the row of the task's direction says."""

UNDOING = frozenset({"review_undone", "adjudication_undone"})
ACCEPTING = frozenset(kind for kind, (_, status) in DECIDING.items() if status == "accepted")


def check_reviews(evidence: Evidence, tables: Tables) -> Iterator[Finding]:
    """Every review that the shards decided on, field by field."""
    expected: dict[str, Row] = {}
    for number, runs in evidence.shards.items():
        messages = {
            signal.digest: signal.message
            for run in runs
            for signal in run.recorded.signals
            if isinstance(signal.message, Submission)
        }
        for entry in evidence.entries(f"shard {number}"):
            message = messages.get(Sha256(str(entry.decision.detail.get("message_digest"))))
            if entry.decision.kind in DECIDING and message is not None:
                row = _review_row(evidence.shard_plans[number], entry, message)
                # Of two messages with one id the first stands.
                expected.setdefault(row["review_id"], row)
            gone = _retracted(entry)
            if gone is not None and gone[0] in expected:
                expected[gone[0]] = {
                    **expected[gone[0]],
                    "status": gone[1],
                    "retracted_at": entry.decision.at,
                }
    when = ("decided_at", "retracted_at")
    yield from _compare(evidence, "reviews", "review_id", expected.values(), tables, when=when)


def check_outcomes(evidence: Evidence, tables: Tables) -> Iterator[Finding]:
    """The last outcome of each record."""
    expected: dict[str, Row] = {}
    for number in sorted(evidence.shards):
        reviews: Counter[str] = Counter()
        for entry in evidence.entries(f"shard {number}"):
            decision = entry.decision
            reviews[decision.subject] += _reviews_gained(entry)
            if decision.kind == "outcome_withdrawn":
                expected.pop(decision.subject, None)
            if decision.kind == "outcome_reached":
                expected[decision.subject] = {
                    "record_id": decision.subject,
                    "shard": number,
                    "answer": decision.detail["answer"],
                    "label": _label(decision.detail["answer"]),
                    "how": decision.detail["how"],
                    "label_confidence": decision.detail["label_confidence"],
                    "reviews": reviews[decision.subject],
                    "look": decision.detail["look"],
                    "decided_at": decision.at,
                }
    for row in tables["outcomes"]:
        row["answer"] = row["verdict"] and from_json(Verdict, row["verdict"]).answer
    # Where something was taken back since, the record waits again and its outcome is gone.
    waiting = {
        row["record_id"]
        for row in tables["tasks"]
        if row["status"] not in {"done", "closed"}
        and evidence.is_newer(row["shard"], row["opened_at"])
    }
    yield from _compare(
        evidence,
        "outcomes",
        "record_id",
        [row for row in expected.values() if row["record_id"] not in waiting],
        tables,
    )


def check_tasks(evidence: Evidence, tables: Tables) -> Iterator[Finding]:
    """Each task was opened by a shard and is in the lane where it was last sent; one with an
    accepted answer is done, and no other is."""
    sent = sent_to(evidence)
    answered = _answers(evidence)
    shown = {row["task_id"]: row["status"] for row in tables["tasks"]}
    expected = []
    openings = {opening.task_id: opening for opening in _openings(evidence)}
    for opening in openings.values():
        row: dict[str, Any] = {
            "task_id": opening.task_id,
            "record_id": opening.record_id,
            "kind": opening.kind.value,
            "slot": opening.slot,
            "lane": sent.get(opening.task_id, opening.lane),
        }
        if opening.task_id in answered:
            row |= {"status": "done", "review_id": answered[opening.task_id]}
        elif evidence.result is not None:
            row |= {"status": "closed"}
        elif shown.get(opening.task_id) == "done":
            row |= {"status": "open"}
        expected.append(row)
    yield from _compare(
        evidence,
        "tasks",
        "task_id",
        expected,
        tables,
        when=("opened_at", "closed_at"),
        besides={
            row["task_id"]
            for row in tables["task_directions"]
            if evidence.is_newer(row["shard"], row["decided_at"])
        },
    )


def check_directions(evidence: Evidence, tables: Tables) -> Iterator[Finding]:
    """Everything that the shards decided about tasks besides their answers."""
    expected = []
    for number in evidence.shards:
        for entry in evidence.entries(f"shard {number}"):
            decision = entry.decision
            if decision.kind in DIRECTING:
                told = decision.detail
                expected.append(
                    {
                        "place": f"shard {number} decision {entry.sequence}",
                        "task_id": told["task_id"],
                        "record_id": decision.subject,
                        "direction": DIRECTING[decision.kind],
                        "account_id": decision.actor.account_id,
                        "reason": plain_text(decision.reason),
                        "to_account": told.get("to_account"),
                        "to_lane": told.get("to_lane"),
                        "until": told.get("until") and _instant(Timestamp(str(told["until"]))),
                        "decided_at": decision.at,
                    }
                )
    for row in tables["task_directions"]:
        row["place"] = f"shard {row['shard']} decision {row['sequence']}"
    yield from _compare(evidence, "task_directions", "place", expected, tables)


def sent_to(evidence: Evidence) -> dict[Json, Json]:
    """Task → the lane that it was last forwarded to."""
    return {
        entry.decision.detail["task_id"]: entry.decision.detail["to_lane"]
        for number in evidence.shards
        for entry in evidence.entries(f"shard {number}")
        if entry.decision.kind == DIRECTED[Direction.FORWARD]
    }


def check_round(evidence: Evidence, tables: Tables) -> Iterator[Finding]:
    """The round's own row: what it was asked, what it found, how it ended."""
    run, plan, result = evidence.round_run, evidence.plan, evidence.result
    if run is None or plan is None:
        return
    expected: dict[str, Any] = {
        "round_id": plan.round_id,
        "pool_id": plan.pool_id,
        "dataset": plan.dataset,
        "requested_by": plan.requested_by.account_id,
        "plan": to_json(plan),
    }
    if result is not None:
        summary: dict[str, Any] = {}
        for activity in run.recorded.asked("project_round"):
            summary |= activity.request(RoundProjection).summary
        for activity in run.recorded.asked("close_round"):
            expected["closed_at"] = activity.request(CloseRound).at
        expected |= {
            "phase": result.phase.value,
            "ledger_head": run.head if evidence.replays(ROUND) else result.ledger_head,
            "ledger_length": result.ledger_length,
            "failure": to_json(result.failure),
            "summary": to_json(summary),
        }
        evaluations = [
            {"name": "round", "body": to_json(evaluation_body(answer))}
            for activity in run.recorded.asked("evaluate_round")
            if (answer := activity.answer(EvaluationByClass)) is not None
        ]
        yield from compare("evaluations", "name", evaluations, tables["evaluations"])
    yield from compare("rounds", "round_id", [expected], tables["rounds"])


def _answers(evidence: Evidence) -> dict[Json, Json]:
    """Task → the answer to it that stands."""
    answered: dict[Json, Json] = {}
    for number in evidence.shards:
        for entry in evidence.entries(f"shard {number}"):
            detail = entry.decision.detail
            if entry.decision.kind in ACCEPTING:
                answered[detail["task_id"]] = detail["review_id"]
            elif entry.decision.kind in UNDOING:
                answered.pop(detail["task_id"], None)
    return answered


def _retracted(entry: Entry) -> tuple[str, str] | None:
    """The review that does not stand from this decision on, and what became of it."""
    detail = entry.decision.detail
    if entry.decision.kind in UNDOING:
        return str(detail["review_id"]), "undone"
    if entry.decision.kind == "review_accepted" and "corrects" in detail:
        return str(detail["corrects"]), "corrected"
    return None


def _reviews_gained(entry: Entry) -> int:
    """How many more reviews of its record stand."""
    detail = entry.decision.detail
    if entry.decision.kind == "review_accepted":
        return 0 if "corrects" in detail else 1
    return -1 if entry.decision.kind == "review_undone" else 0


def _review_row(plan: ShardPlan, entry: Entry, message: Submission) -> dict[str, Any]:
    decision = entry.decision
    kind, status = DECIDING[decision.kind]
    verdict = message.verdict
    if status == "accepted":
        verdict = check_verdict(verdict, plan.schema)
    return {
        "review_id": plain_text(message.review_id),
        "record_id": plain_text(decision.subject),
        "shard": plan.shard,
        "sequence": entry.sequence,
        "task_id": plain_text(message.task_id),
        "kind": kind,
        "account_id": decision.actor.account_id,
        "reviewer": decision.actor.name,
        "answer": plain_text(verdict.answer),
        "verdict": to_json(verdict),
        "confidence": message.confidence,
        "rationale": plain_text(message.rationale),
        "seconds": message.seconds,
        "guideline": plain_text(message.guideline),
        "submitted_at": _instant(message.submitted_at),
        "decided_at": decision.at,
        "look": plan.look,
        "status": status,
        "refusal": plain_text(str(decision.detail.get("refusal", ""))),
        "corrects": message.corrects and plain_text(message.corrects),
        "retracted_at": None,
    }


def _instant(said: Timestamp) -> str:
    """As the table holds it."""
    try:
        return timestamp(datetime.fromisoformat(said))
    except ValueError:
        return said


def _label(answer: Json) -> str | None:
    kind, _, label = str(answer).partition(":")
    return label if kind == "label" else None


def _compare(
    evidence: Evidence,
    table: str,
    key: str,
    expected: Iterable[Row],
    tables: Tables,
    *,
    when: tuple[str, ...] = ("decided_at",),
    besides: Collection[str] = (),
) -> Iterator[Finding]:
    """Compares what can be compared.

    An open shard may not have shown yet what it decided a moment ago, and may have decided more
    since its history was read; `when` are the columns that tell. A shard that cannot be replayed
    has no ledger to compare with.
    """
    projecting = _projecting(evidence).union(besides)
    unknown = {number for number in evidence.shards if not evidence.replays(f"shard {number}")}
    left_out = projecting | {
        row[key]
        for row in tables[table]
        if row["shard"] in unknown
        or evidence.is_newer(row["shard"], max(row[at] or "" for at in when))
    }
    yield from compare(
        table,
        key,
        [row for row in expected if row[key] not in left_out],
        [row for row in tables[table] if row[key] not in left_out],
        about="" if key == "record_id" else "record_id",
    )


def _openings(evidence: Evidence) -> Iterator[TaskOpening]:
    for runs in evidence.shards.values():
        for run in runs:
            for activity in run.recorded.asked("project_shard"):
                yield from activity.request(Projection).opened


def _projecting(evidence: Evidence) -> frozenset[str]:
    """Ids of what is on its way into the tables, or never got there as its shard was stopped."""
    waiting: set[str] = set()
    for runs in evidence.shards.values():
        for activity in runs[-1].recorded.asked("project_shard"):
            if activity.result is None:
                projection = activity.request(Projection)
                waiting.update(each.message.review_id for each in projection.reviews)
                waiting.update(each.message.task_id for each in projection.reviews)
                waiting.update(each.review_id for each in projection.retracted)
                waiting.update(each.record_id for each in projection.outcomes)
                waiting.update(projection.withdrawn)
                waiting.update(each.message.task_id for each in projection.directed)
                waiting.update(
                    f"shard {projection.shard} decision {each.sequence}"
                    for each in projection.directed
                )
                waiting.update(each.task_id for each in projection.opened)
                waiting.update(each.task_id for each in projection.closed)
    return frozenset(waiting)
