"""Whether each answer was given to what its round shows of the record, and to nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from domain.canonical import Sha256
from domain.ledger import Entry
from domain.rounds import RoundPlan
from domain.shown import Shown
from workers.audit.evidence import Evidence
from workers.audit.findings import Finding, FindingKind
from workers.audit.read_model import ACCEPTING, Tables


def check_shown(evidence: Evidence, tables: Tables) -> Iterator[Finding]:
    """Every accepted answer that says what its author had before them.

    The batch's rows are compared with its artifact elsewhere; here they say each content's digest.
    """
    plan = evidence.plan
    if plan is None or not evidence.policies:
        return
    contents = {row["record_id"]: row["content_digest"] for row in tables["batch_records"]}
    for number in evidence.shards:
        for entry in evidence.entries(f"shard {number}"):
            decision = entry.decision
            said = decision.detail.get("shown")
            if decision.kind not in ACCEPTING or not said:
                continue
            expected = _shown(evidence, plan, entry, contents.get(decision.subject, ""))
            if said != expected:
                yield Finding(
                    kind=FindingKind.SHOWN_DIFFERS,
                    subject=f"ledger of shard {number}, record {decision.subject}",
                    message=f"{decision.actor.name} answered to something else than what the round "
                    f"shows of record {decision.subject}.",
                    expected=expected,
                    found=said,
                )


def _shown(evidence: Evidence, plan: RoundPlan, entry: Entry, content_digest: str) -> Sha256:
    policy = evidence.policies[-1]
    suggestion = entry.decision.detail.get("suggestion")
    return Shown(
        content_digest=Sha256(content_digest),
        guideline=plan.guideline,
        guideline_digest=plan.guideline_digest,
        schema_digest=plan.schema.digest,
        policy=f"{policy.name}@{policy.version}",
        policy_digest=policy.digest,
        look=int(str(entry.decision.detail["look"])),
        suggestion=None if suggestion is None else str(suggestion),
    ).digest
