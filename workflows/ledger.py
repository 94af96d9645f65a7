"""The round's own ledger, written in workflow time."""

from __future__ import annotations

from dataclasses import asdict

from temporalio import workflow

from workflows.time import now

with workflow.unsafe.imports_passed_through():
    from domain.accounts import SYSTEM, Actor
    from domain.canonical import Sha256
    from domain.ledger import Decision, Ledger
    from domain.messages import forged_detail
    from domain.policy import SamplingPolicy
    from domain.records import Json
    from domain.reviews import signed_part
    from domain.rounds import (
        ApprovalDecided,
        Batch,
        BatchAction,
        BatchDecided,
        CancelRequested,
        RoundPlan,
        Routed,
    )
    from domain.routing import Routing

Sent = RoundPlan | BatchDecided | ApprovalDecided | CancelRequested
"""What a round can be told."""


class RoundLedger(Ledger):
    """A ledger whose entries are stamped with the workflow's clock.

    `checked` says that the round checks who signed what it is told. Entries of rounds that do not
    say what they said when those rounds began: their heads are published.
    """

    def __init__(self) -> None:
        super().__init__()
        self.checked = False

    def decide(
        self,
        kind: str,
        *,
        subject: str,
        actor: Actor = SYSTEM,
        detail: dict[str, Json] | None = None,
        reason: str = "",
    ) -> None:
        self.append(
            Decision(
                kind=kind,
                at=now(),
                actor=actor,
                subject=subject,
                detail=detail or {},
                reason=reason,
            )
        )

    def forged(self, signal: str, message: Sent, why: str) -> None:
        """A message that nobody whom we know has signed: it changes nothing."""
        subject = message.round_id
        self.decide("message_forged", subject=subject, detail=forged_detail(signal, message, why))

    def requested(self, plan: RoundPlan) -> None:
        self.decide(
            "round_requested",
            actor=plan.requested_by,
            subject=plan.round_id,
            detail={
                "message_digest": signed_part(plan),
                "signature": plan.signature,
                "policy": f"{plan.policy.name}@{plan.policy.version}",
                "policy_digest": plan.policy.digest,
                "policy_approved_by": plan.policy_approved_by,
                "policy_approved_at": plan.policy_approved_at,
                "schema": f"{plan.schema.name}@{plan.schema.version}",
                "guideline": plan.guideline,
                "routing": f"{plan.routing.name}@{plan.routing.version}",
                "routing_digest": plan.routing.digest,
                "submitted_at": plan.requested_at,
                **(self._pinned(plan) if self.checked else {}),
            },
            reason=plan.purpose,
        )

    def _pinned(self, plan: RoundPlan) -> dict[str, Json]:
        return {
            "policy_author": plan.policy_author,
            "schema_digest": plan.schema.digest,
            "guideline_digest": plan.guideline_digest,
        }

    def selected(self, batch: Batch, *, by: SamplingPolicy, model: Sha256) -> None:
        findings = batch.findings
        self.decide(
            "batch_selected",
            subject=batch.digest,
            detail={
                "artifact": batch.artifact,
                "records": batch.records,
                "policy": f"{by.name}@{by.version}",
                "policy_digest": batch.policy_digest,
                "seed": by.seed,
                "model": model,
                "arms": dict(batch.arms),
                "excluded": dict(findings.excluded),
                "shortfalls": len(findings.shortfalls),
                "alarms": list(findings.alarms),
                "notes": list(findings.notes),
            },
        )

    def routed(self, routed: Routed, *, by: Routing) -> None:
        self.decide(
            "batch_routed",
            subject=routed.artifact,
            detail={
                "records": routed.records,
                "routing": f"{by.name}@{by.version}",
                "routing_digest": by.digest,
                "lanes": len(routed.lanes),
                "unserved": [asdict(each) for each in routed.unserved],
            },
        )

    def held(self, batch: Batch) -> None:
        self.decide(
            "batch_held",
            subject=batch.digest,
            detail={
                "records": batch.records,
                "policy_digest": batch.policy_digest,
                "failed_gates": [asdict(gate) for gate in batch.findings.failed_gates],
            },
        )

    def batch_decision(self, decision: BatchDecided, *, refusal: str | None) -> None:
        accepted = decision.action is BatchAction.ACCEPT
        kind = "batch_accepted" if accepted else "batch_amended"
        policy = decision.policy
        self.decide(
            kind if refusal is None else "batch_decision_refused",
            actor=decision.actor,
            subject=decision.batch_digest,
            detail={
                "decision_id": decision.decision_id,
                "action": decision.action,
                "policy": None if policy is None else f"{policy.name}@{policy.version}",
                "policy_digest": None if policy is None else policy.digest,
                "policy_approved_by": decision.policy_approved_by,
                **(self._amendment(decision) if self.checked else {}),
                "submitted_at": decision.submitted_at,
                "message_digest": signed_part(decision),
                "signature": decision.signature,
                **({"refusal": refusal} if refusal else {}),
            },
            reason=decision.reason,
        )

    def _amendment(self, decision: BatchDecided) -> dict[str, Json]:
        return {
            "policy_author": decision.policy_author,
            "policy_approved_at": decision.policy_approved_at,
        }

    def overridden(self, decision: BatchDecided | ApprovalDecided, *, what: str) -> None:
        """That somebody decides whom the separation of duties would not let, in an emergency."""
        self.decide(
            "duties_overridden",
            actor=decision.actor,
            subject=decision.round_id,
            detail={
                "decision_id": decision.decision_id,
                "what": what,
                "submitted_at": decision.submitted_at,
            },
            reason=decision.reason,
        )

    def approval(self, decision: ApprovalDecided, *, refusal: str | None) -> None:
        kind = "dataset_approved" if decision.approved else "dataset_rejected"
        self.decide(
            kind if refusal is None else "approval_refused",
            actor=decision.actor,
            subject=decision.dataset_digest,
            detail={
                "decision_id": decision.decision_id,
                "records": list(decision.records),
                "submitted_at": decision.submitted_at,
                "message_digest": signed_part(decision),
                "signature": decision.signature,
                **({"refusal": refusal} if refusal else {}),
            },
            reason=decision.reason,
        )

    def cancellation(self, request: CancelRequested, *, refusal: str | None) -> None:
        self.decide(
            "cancel_requested" if refusal is None else "cancel_refused",
            actor=request.actor,
            subject=request.request_id,
            detail={
                "submitted_at": request.submitted_at,
                "message_digest": signed_part(request),
                "signature": request.signature,
                **({"refusal": refusal} if refusal else {}),
            },
            reason=request.reason,
        )
