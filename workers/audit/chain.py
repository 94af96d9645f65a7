"""Whether the recomputed ledgers are the ones that the histories themselves bear witness to."""

from __future__ import annotations

from collections.abc import Iterator

from activities.publication import Publish
from activities.rounds import CloseRound
from domain.canonical import Sha256
from domain.ids import shard_workflow_id
from domain.ledger import Entry
from domain.records import Json
from domain.reviews import signed_part
from workers.audit.evidence import ROUND, Evidence, Run
from workers.audit.findings import Finding, FindingKind
from workers.audit.recorded import Signal

UNDECIDED = frozenset({"running", "terminated", "timed_out"})
"""How a run stands whose workflow may not have looked at what came last: Temporal asks it nothing
before it ends it."""


def check_replay(evidence: Evidence) -> Iterator[Finding]:
    """Every history replays, and none is missing."""
    yield from evidence.unreadable
    for run in evidence.runs:
        if run.replayed.failure:
            yield Finding(
                kind=FindingKind.REPLAY_FAILED,
                subject=run.recorded.subject,
                message=f"The code does not do what the history of {run.recorded.workflow_id} says:"
                f" {run.replayed.failure}",
            )
    known = {run.recorded.workflow_id for run in evidence.runs}
    run_ids = {run.recorded.run_id for run in evidence.runs}
    for run in evidence.runs:
        for child in run.recorded.children:
            if child not in known:
                yield _missing(child, "its parent started it")
        if run.recorded.next_run and run.recorded.next_run not in run_ids:
            yield _missing(
                f"{run.recorded.workflow_id} run {run.recorded.next_run}",
                f"run {run.recorded.run_id} continued as it",
            )
    for source, runs in evidence.by_source.items():
        if source != ROUND and runs[0].began_at[1] > 0:
            yield _missing(f"{source}, its first runs", "the earliest one was handed a ledger")


def check_heads(evidence: Evidence) -> Iterator[Finding]:
    """Each recomputed ledger head is the one that was handed over, returned, recorded and cited."""
    for source, runs in evidence.by_source.items():
        if not evidence.replays(source):
            continue
        for run, following in zip(runs, [*runs[1:], None], strict=True):
            yield from _check_ending(run, following)
    if evidence.replays(ROUND):
        yield from _check_shards_closed(evidence)
        yield from _check_round_activities(evidence)


def check_signals(evidence: Evidence) -> Iterator[Finding]:
    """Every signal stands in the ledger exactly once, accepted or refused; nothing else does."""
    for source, runs in evidence.by_source.items():
        if not evidence.replays(source):
            continue
        matched = evidence.matched[source]
        for run, signal in matched.undecided:
            if signal.message is None:
                yield _unreadable(run, signal)
            elif run is not runs[-1] or run.recorded.status not in UNDECIDED:
                yield _unrecorded(run, signal)
        for digest in matched.unfounded:
            yield Finding(
                kind=FindingKind.ENTRY_WITHOUT_SIGNAL,
                subject=f"ledger of {source}",
                message=f"The ledger of {source} has a decision on a message that no history "
                "received.",
                found=digest,
            )


def unhandled(evidence: Evidence) -> int:
    """Signals that have arrived at a workflow which has not decided on them."""
    return sum(
        signal.message is not None and run.recorded.status in UNDECIDED
        for source in evidence.by_source
        for run, signal in evidence.matched[source].undecided
    )


def undecided(evidence: Evidence) -> frozenset[tuple[str, int]]:
    """Run and event of each signal that an open workflow has not taken note of yet."""
    return frozenset(
        (run.recorded.run_id, signal.event_id)
        for source, runs in evidence.by_source.items()
        if evidence.replays(source) and runs[-1].recorded.status == "running"
        for run, signal in evidence.matched[source].undecided
        if run is runs[-1]
    )


def _check_ending(run: Run, following: Run | None) -> Iterator[Finding]:
    recorded = run.recorded
    if recorded.result is not None:
        yield from _differing(
            run,
            "result",
            recorded.result.ledger_head,
            recorded.result.ledger_length,
        )
    carried = recorded.handed_over.carried if recorded.handed_over else None
    if carried is not None:
        yield from _differing(run, "handover", carried.ledger_head, carried.ledger_length)
    if following is None or recorded.handed_over is None:
        return
    if following.recorded.plan != recorded.handed_over:
        yield Finding(
            kind=FindingKind.LEDGER_HEAD_DIFFERS,
            subject=following.recorded.subject,
            message=f"{recorded.workflow_id} began its next run with another state than the run "
            f"before handed over.",
            expected=run.head,
            found=following.began_at[0],
        )


def _differing(run: Run, where: str, head: Sha256, length: int) -> Iterator[Finding]:
    if (head, length) != (run.head, run.length):
        yield Finding(
            kind=FindingKind.LEDGER_HEAD_DIFFERS,
            subject=run.recorded.subject,
            message=f"The {where} in the history of {run.recorded.workflow_id} cites another "
            "ledger head than its decisions give.",
            expected=f"{run.head} after {run.length} decisions",
            found=f"{head} after {length} decisions",
        )


def _check_shards_closed(evidence: Evidence) -> Iterator[Finding]:
    """What the round recorded of each shard is what the shard's own history gives."""
    run = evidence.round_run
    if run is None:
        return
    plan = evidence.plan
    last = {number: runs[-1] for number, runs in evidence.shards.items()}
    recorded: list[tuple[str, Json]] = [
        (shard_workflow_id(plan.round_id, result.shard), result.ledger_head)
        for result in run.recorded.child_results
        if plan is not None
    ]
    recorded += [
        (entry.decision.subject, entry.decision.detail["ledger_head"])
        for entry in run.replayed.entries
        if entry.decision.kind == "shard_closed"
    ]
    heads = {
        run.recorded.workflow_id: run.head
        for run in last.values()
        if evidence.replays(run.recorded.source)
    }
    for workflow_id, head in recorded:
        if workflow_id in heads and heads[workflow_id] != head:
            yield Finding(
                kind=FindingKind.LEDGER_HEAD_DIFFERS,
                subject=run.recorded.subject,
                message=f"The round recorded another ledger head for {workflow_id} than that "
                f"shard's history gives.",
                expected=heads[workflow_id],
                found=head,
            )


def _check_round_activities(evidence: Evidence) -> Iterator[Finding]:
    """The head that a published dataset cites has its approval as the last entry."""
    run = evidence.round_run
    if run is None:
        return
    for activity in run.recorded.asked("publish"):
        request = activity.request(Publish)
        approval = _entry_of(run, signed_part(request.approval))
        if approval is None or approval.hash != request.ledger_head:
            yield Finding(
                kind=FindingKind.LEDGER_HEAD_DIFFERS,
                subject=f"{run.recorded.subject}, step publish",
                message="The dataset was published under another ledger head than that of its "
                "approval.",
                expected=approval.hash if approval else None,
                found=request.ledger_head,
            )
    for activity in run.recorded.asked("close_round"):
        closing = activity.request(CloseRound)
        if (closing.ledger_head, closing.ledger_length) != (run.head, run.length):
            yield Finding(
                kind=FindingKind.LEDGER_HEAD_DIFFERS,
                subject=f"{run.recorded.subject}, step close_round",
                message="The round was closed under another ledger head than its decisions give.",
                expected=run.head,
                found=closing.ledger_head,
            )


def _entry_of(run: Run, message_digest: Sha256) -> Entry | None:
    """The decision that approved the dataset with that very message."""
    return next(
        (
            entry
            for entry in run.replayed.entries
            if entry.decision.kind == "dataset_approved"
            and entry.decision.detail["message_digest"] == message_digest
        ),
        None,
    )


def _missing(what: str, why: str) -> Finding:
    return Finding(
        kind=FindingKind.HISTORY_MISSING,
        subject=f"history {what}",
        message=f"The history of {what} is not there, though {why}.",
    )


def _unreadable(run: Run, signal: Signal) -> Finding:
    return Finding(
        kind=FindingKind.SIGNAL_UNREADABLE,
        subject=f"{run.recorded.subject} event {signal.event_id}",
        message=f"{run.recorded.workflow_id} received a signal “{signal.name}” that is no message "
        f"of ours; it was sent past the API by “{signal.identity}”.",
        found=signal.name,
    )


def _unrecorded(run: Run, signal: Signal) -> Finding:
    return Finding(
        kind=FindingKind.SIGNAL_NOT_IN_LEDGER,
        subject=f"{run.recorded.subject} event {signal.event_id}",
        message=f"{run.recorded.workflow_id} received a signal “{signal.name}” that its ledger "
        "does not hold.",
        expected=signal.digest,
    )
