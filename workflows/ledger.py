"""The round's own ledger, written in workflow time."""

from __future__ import annotations

from temporalio import workflow

from workflows.time import now

with workflow.unsafe.imports_passed_through():
    from domain.accounts import SYSTEM, Actor
    from domain.ledger import Decision, Ledger
    from domain.records import Json
    from domain.reviews import signed_part
    from domain.rounds import ApprovalDecided, CancelRequested, RoundPlan


class RoundLedger(Ledger):
    """A ledger whose entries are stamped with the workflow's clock."""

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
                "schema": f"{plan.schema.name}@{plan.schema.version}",
                "guideline": plan.guideline,
                "submitted_at": plan.requested_at,
            },
            reason=plan.purpose,
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
