"""Whether the stored batch is the one that the ledger cites, and was held to the round's policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from activities.routing import RULES_ONLY, RouteBatch, routed, selection
from domain.directing import DIRECTED, Direction
from domain.policy import SamplingPolicy
from domain.rounds import Batch, Routed
from domain.routing import Lane, forwarded
from domain.selections import GateResult, batch_digest
from storage.artifacts import ReadableArtifacts
from storage.lanes import lane_row
from workers.audit.comparison import compare
from workers.audit.evidence import ROUND, Evidence
from workers.audit.findings import Finding, FindingKind
from workers.audit.read_model import Tables


def check_batch(evidence: Evidence, store: ReadableArtifacts) -> Iterator[Finding]:
    """Each batch has the digest that the ledger says and was selected by the policy then in
    force."""
    batches = batches_of(evidence)
    cited = [
        entry.decision.subject
        for entry in evidence.entries(ROUND)
        if entry.decision.kind == "batch_selected"
    ]
    for batch, digest in zip(batches, cited, strict=False):
        found = batch_digest(map(selection, store.get_table(batch.artifact).to_pylist()))
        if digest != found:
            yield Finding(
                kind=FindingKind.DIGEST_DIFFERS,
                subject=f"artifact {batch.artifact}",
                message="The stored batch is not the one that the ledger says was selected.",
                expected=digest,
                found=found,
            )
    for batch, policy in zip(batches, evidence.policies, strict=False):
        yield from check_policy(batch, policy)


def check_routes(
    evidence: Evidence, store: ReadableArtifacts, tables: Tables | None
) -> Iterator[Finding]:
    """Each record went where the round's routing says; the tables show the same, if there are."""
    plan, run = evidence.plan, evidence.round_run
    for asked in run.recorded.asked("route_batch") if run else ():
        answer = asked.answer(Routed)
        if plan is None or answer is None:
            continue
        made, expected = routed(store, asked.request(RouteBatch), by_level=answer.by_level)
        if not store.get_table(answer.artifact).equals(expected) or answer.lanes != tuple(made):
            yield Finding(
                kind=FindingKind.ROUTE_DIFFERS,
                subject=f"artifact {answer.artifact}",
                message="The batch was not routed as the round's routing says.",
                expected=plan.routing.digest,
            )
        if tables is not None:
            yield from _check_tables(evidence, store, tables, made, expected)


def routes_need_pool(evidence: Evidence) -> bool:
    """Whether the routing looks at more of a record than the batch itself says."""
    plan, run = evidence.plan, evidence.round_run
    if plan is None or run is None:
        return False
    answers = [asked.answer(Routed) for asked in run.recorded.asked("route_batch")]
    if any(answer is not None and answer.by_level for answer in answers):
        return True
    return bool(plan.gold.share) or any(rule.when or rule.language for rule in plan.routing.rules)


def _check_tables(
    evidence: Evidence,
    store: ReadableArtifacts,
    tables: Tables,
    made: list[Lane],
    expected: pa.Table,
) -> Iterator[Finding]:
    shards = _shards_of_records(evidence, store)
    rows = expected.drop(RULES_ONLY).to_pylist()
    yield from compare(
        "batch_records",
        "record_id",
        [row | _shard_of(row, shards) for row in rows],
        tables["batch_records"],
    )
    lanes = {lane.number: lane for lane in made}
    lanes |= _forwarded_lanes(evidence, lanes, {row["record_id"]: row["lane"] for row in rows})
    used = {row["lane"] for row in tables["tasks"]}
    # A lane in which nothing waits was made for a decision that was not taken.
    there = [row for row in tables["lanes"] if row["lane"] in lanes or row["lane"] in used]
    yield from compare("lanes", "lane", map(lane_row, lanes.values()), there)


def _forwarded_lanes(
    evidence: Evidence, made: Mapping[int, Lane], lane_of: Mapping[str, int]
) -> dict[int, Lane]:
    """The lanes that tasks were forwarded to, with what the record and its new queue demand."""
    found: dict[int, Lane] = {}
    for number in evidence.shards:
        for entry in evidence.entries(f"shard {number}"):
            decision = entry.decision
            if decision.kind != DIRECTED[Direction.FORWARD] or evidence.plan is None:
                continue
            lane, queue = int(str(decision.detail["to_lane"])), str(decision.detail["to_queue"])
            if lane not in made and decision.subject in lane_of:
                own = made[lane_of[decision.subject]]
                found[lane] = forwarded(own, evidence.plan.routing.queue(queue), number=lane)
    return found


def batches_of(evidence: Evidence) -> list[Batch]:
    """Those that were selected: one, and one more for each amendment of the policy."""
    run = evidence.round_run
    answers = [each.answer(Batch) for each in run.recorded.asked("select_batch")] if run else []
    return [answer for answer in answers if answer is not None]


def check_policy(batch: Batch, policy: SamplingPolicy) -> Iterator[Finding]:
    """The batch says which policy it follows, and was measured at each of its gates."""
    if batch.policy_digest != policy.digest:
        yield Finding(
            kind=FindingKind.DIGEST_DIFFERS,
            subject=f"batch {batch.digest}",
            message="The batch was selected by another policy than the one in force.",
            expected=policy.digest,
            found=batch.policy_digest,
        )
        return
    if batch.records == 0:
        return  # nothing to measure: it is held whatever its gates say
    wanted = [(gate.measure, gate.at_least, gate.at_most) for gate in policy.gates]
    measured = [(gate.measure, gate.at_least, gate.at_most) for gate in batch.findings.gates]
    wrongly = [gate.measure.value for gate in batch.findings.gates if gate.passed != _passes(gate)]
    if wanted != measured or wrongly:
        yield Finding(
            kind=FindingKind.GATE_DIFFERS,
            subject=f"batch {batch.digest}",
            message="The batch was not measured at the gates that its policy has"
            + (f", or wrongly judged at: {', '.join(wrongly)}." if wrongly else "."),
            expected=[[measure.value, least, most] for measure, least, most in wanted],
            found=[[measure.value, least, most] for measure, least, most in measured],
        )


def _passes(gate: GateResult) -> bool:
    enough = gate.at_least is None or gate.value >= gate.at_least
    return enough and (gate.at_most is None or gate.value <= gate.at_most)


def _shard_of(row: dict[str, Any], shards: dict[str, int]) -> dict[str, Any]:
    """Where the table should say that the record is looked at; nothing before any shard began."""
    return {"shard": shards.get(row["record_id"])} if shards else {}


def _shards_of_records(evidence: Evidence, store: ReadableArtifacts) -> dict[str, int]:
    """Where each record was last looked at."""
    shards: dict[str, int] = {}
    for number, plan in sorted(evidence.shard_plans.items()):
        table = store.get_table(plan.batch).slice(plan.first, plan.last - plan.first)
        shards.update(dict.fromkeys(table["record_id"].to_pylist(), number))
    return shards
