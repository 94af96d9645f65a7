"""A round's batch in the terminal: what is known of it, and the decision about one that is held."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from api.batch_words import (
    all_shortfalls,
    column_words,
    differences,
    distance_words,
    findings_of,
    gate_words,
)
from api.cli.output import console, print_table
from api.cli.session import get, post
from domain.errors import InvalidInput, NotAwaitingBatchDecision


def print_batch(round_: dict[str, Any]) -> None:
    """The batch's gates, shortfalls and composition, where there is a batch."""
    findings = findings_of(round_["summary"])
    if findings is None:
        return
    facts: list[tuple[str, object]] = [
        ("gate passed" if gate.passed else "gate FAILED", gate_words(gate))
        for gate in findings.gates
    ]
    facts += [("shortfall", each) for each in all_shortfalls(findings)]
    facts += [("alarm", alarm) for alarm in findings.alarms]
    facts += [("note", note) for note in findings.notes]
    facts += [("left out", f"{count:,} {why}") for why, count in findings.excluded.items()]
    for each in round_["summary"].get("batch_decisions", []):
        what = "accepted as it is" if each["action"] == "accept" else f"amended to {each['policy']}"
        facts.append((what, f"by {each['by']}: {each['reason']}"))
    for column in findings.composition:
        told = [distance_words(column, each) for each in column.distances]
        if more := differences(column):
            told.append(more)
        facts.append((column_words(column.column), "; ".join(told)))
    if facts:
        console.print()
        print_table(["", ""], facts, title="The batch")
    if (round_["awaiting"] or {}).get("batch_digest"):
        console.print(
            f"\nIt waits for a decision: labelwright round decide {round_['round_id']} "
            "--accept | --amend POLICY --reason …",
            markup=False,
        )


def decided_batch(
    connected: httpx.Client,
    round_id: str,
    *,
    accept: bool,
    amend: str | None,
    reason: str,
    digest: str | None,
    break_glass: bool = False,
) -> dict[str, Any]:
    """Sends the decision. Raises InvalidInput, NotAwaitingBatchDecision."""
    if accept == (amend is not None):
        raise InvalidInput(
            "say either --accept or --amend POLICY",
            hint="to give the round up: labelwright round cancel",
        )
    if digest is None:
        found = get(connected, f"/rounds/{round_id}")
        digest = (found["awaiting"] or {}).get("batch_digest")
        if digest is None:
            raise NotAwaitingBatchDecision(
                f"no decision about the batch is wanted: the round is {found['phase']}"
            )
    body = {
        "decision_id": str(uuid4()),
        "action": "accept" if accept else "amend",
        "batch_digest": digest,
        "policy": None if amend is None else _pinned(connected, amend),
        "reason": reason,
        "break_glass": break_glass,
    }
    answer: dict[str, Any] = post(
        connected, f"/rounds/{round_id}/batch-decision", body, key=str(body["decision_id"])
    )
    return answer


def _pinned(connected: httpx.Client, policy: str) -> str:
    """`name@version`: of the latest one where no version is named."""
    if "@" in policy:
        return policy
    found = get(connected, f"/policies/{policy}")
    return f"{found['name']}@{found['version']}"
