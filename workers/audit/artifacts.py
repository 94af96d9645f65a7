"""Whether the stored outcomes and dataset rows are the ones that the ledgers cite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from activities.review import Reviewed, read_concluded, read_reviewed
from activities.roles import AssignRoles
from domain.canonical import Sha256
from domain.ids import RecordId
from domain.roles import DatasetRole, DatasetRow, assign_role, dataset_digest, keep_apart, merge
from domain.rounds import Batch, Candidate, RoundPlan
from storage.artifacts import ReadableArtifacts
from storage.dataset_rows import read_rows
from workers.audit.evidence import Evidence
from workers.audit.findings import Finding, FindingKind


def check_outcomes_kept(evidence: Evidence, store: ReadableArtifacts) -> Iterator[Finding]:
    """What each shard stored for the dataset is what its ledger concluded, answer by answer."""
    for number, runs in evidence.shards.items():
        source = f"shard {number}"
        for activity in runs[-1].recorded.asked("store_outcomes"):
            artifact = activity.answer(str)
            if artifact is None or not evidence.replays(source):
                continue
            expected = _concluded(evidence, source)
            stored = read_concluded(store, (Sha256(artifact),))
            for record_id in sorted(expected.keys() | stored.keys()):
                found = _said(stored.get(record_id))
                if expected.get(record_id) != found:
                    yield Finding(
                        kind=FindingKind.OUTCOME_DIFFERS,
                        subject=f"artifact {artifact}, record {record_id}",
                        message=f"The stored outcome of record {record_id} is not the one in the "
                        f"ledger of {source}.",
                        expected=expected.get(record_id),
                        found=found,
                    )


def check_candidate(evidence: Evidence, store: ReadableArtifacts) -> Iterator[Finding]:
    """The approved rows have the digest that was approved, and follow from the outcomes."""
    run, plan = evidence.round_run, evidence.plan
    if run is None or plan is None:
        return
    for activity in run.recorded.asked("assign_roles"):
        candidate = activity.answer(Candidate)
        if candidate is None:
            continue
        rows = read_rows(store, candidate.rows)
        found = dataset_digest(rows.values())
        if found != candidate.digest:
            yield Finding(
                kind=FindingKind.DIGEST_DIFFERS,
                subject=f"artifact {candidate.rows}",
                message="The stored dataset rows are not the ones whose digest was put up for "
                "approval.",
                expected=candidate.digest,
                found=found,
            )
        followed = replace(plan, policy=evidence.policies[-1])
        yield from _check_rows(followed, activity.request(AssignRoles), candidate, rows, store)


def candidate_of(evidence: Evidence) -> Candidate | None:
    """The dataset that was last put up for approval."""
    run = evidence.round_run
    answers = (
        [activity.answer(Candidate) for activity in run.recorded.asked("assign_roles")]
        if run
        else []
    )
    return next((answer for answer in reversed(answers) if answer is not None), None)


def _check_rows(
    plan: RoundPlan,
    request: AssignRoles,
    candidate: Candidate,
    rows: dict[RecordId, DatasetRow],
    store: ReadableArtifacts,
) -> Iterator[Finding]:
    """Each record of the round has the label of its outcome and the role that the rules give it."""
    arms = _arms(request.batch, store)
    reviewed = read_reviewed(store, request.outcomes)
    number = (candidate.parent_version or 0) + 1
    earlier = {key: row for key, row in rows.items() if row.round_number < number}
    frozen = any(row.role is DatasetRole.TEST for row in earlier.values())
    new = []
    for record_id, each in reviewed.items():
        row = rows.get(record_id)
        if row is None:
            yield _row_differs(record_id, "is missing from the dataset", None, None)
            continue
        verdict = each.outcome.verdict
        new.append(
            replace(
                row,
                role=assign_role(
                    each.outcome,
                    arm=arms[record_id],
                    shares=plan.shares,
                    seed=plan.policy.seed,
                    test_is_frozen=frozen,
                ),
                label=verdict.label if verdict else None,
                between=verdict.between if verdict else (),
                how=each.outcome.how,
                label_confidence=each.outcome.label_confidence,
                arm=arms[record_id],
                round_number=number,
            )
        )
    for expected in keep_apart(merge(earlier, new).values()):
        found = rows[expected.record_id]
        if expected != found:
            yield _row_differs(
                expected.record_id,
                "is not what its outcome gives",
                f"{expected.role} {expected.label}",
                f"{found.role} {found.label}",
            )


def _row_differs(
    record_id: RecordId, what: str, expected: str | None, found: str | None
) -> Finding:
    return Finding(
        kind=FindingKind.DATASET_ROW_DIFFERS,
        subject=f"dataset row {record_id}",
        message=f"Record {record_id} {what}.",
        expected=expected,
        found=found,
    )


def _arms(batch: Batch, store: ReadableArtifacts) -> dict[RecordId, str]:
    table = store.get_table(batch.artifact)
    pairs = zip(table["record_id"].to_pylist(), table["arm"].to_pylist(), strict=True)
    return {RecordId(record_id): arm for record_id, arm in pairs}


def _concluded(evidence: Evidence, source: str) -> dict[RecordId, dict[str, Any]]:
    """The shard's outcomes and the answers they rest on, by record, from its ledger."""
    answers: dict[str, dict[Any, list[Any]]] = {}
    outcomes: dict[RecordId, dict[str, Any]] = {}
    for entry in evidence.entries(source):
        decision, detail = entry.decision, entry.decision.detail
        standing = answers.setdefault(decision.subject, {})
        if decision.kind == "review_accepted":
            standing.pop(detail.get("corrects"), None)
            standing[detail["review_id"]] = [decision.actor.account_id, detail["answer"]]
        if decision.kind == "review_undone":
            standing.pop(detail["review_id"], None)
        if decision.kind == "outcome_withdrawn":
            outcomes.pop(RecordId(decision.subject), None)
        if decision.kind == "outcome_reached":
            outcomes[RecordId(decision.subject)] = {
                "answer": detail["answer"],
                "how": detail["how"],
                "label_confidence": detail["label_confidence"],
                "look": detail["look"],
            }
    return {
        record_id: outcome | {"answers": sorted(answers[record_id].values())}
        for record_id, outcome in outcomes.items()
    }


def _said(reviewed: Reviewed | None) -> dict[str, Any] | None:
    if reviewed is None:
        return None
    outcome = reviewed.outcome
    return {
        "answer": outcome.verdict.answer if outcome.verdict else None,
        "how": outcome.how.value,
        "label_confidence": outcome.label_confidence,
        "look": outcome.look,
        "answers": sorted(list(pair) for pair in reviewed.answers),
    }
