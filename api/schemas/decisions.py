"""What people decide about a running round: its batch, and the time that reviewing may take."""

from __future__ import annotations

from pydantic import UUID4, ConfigDict, Field, model_validator

from api.schemas.body import Body, Reason
from api.schemas.rounds import MAX_REVIEW_HOURS
from domain.rounds import BatchAction


class BatchDecisionBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "action": "amend",
                    "batch_digest": "9f86d081…",
                    "policy": "growing@2",
                    "reason": "The batch covers too little of the pool.",
                }
            ]
        }
    )

    decision_id: UUID4 | None = None
    """Made by the client. Sent again with the same body, it has one effect."""
    action: BatchAction
    batch_digest: str = Field(max_length=64)
    """Of the batch that was looked at: `awaiting.batch_digest` of the round."""
    policy: str | None = Field(default=None, max_length=100, pattern=r"@[1-9][0-9]*$")
    """With `amend`: the approved policy to select by instead, as `name@version`."""
    reason: Reason = Field(min_length=1)
    break_glass: bool = False
    """In an emergency: although the separation of duties stands against it. The reason says why,
    and approvers, auditors and admins are told at once."""

    @model_validator(mode="after")
    def _a_policy_to_amend_by(self) -> BatchDecisionBody:
        if not self.reason.strip():
            raise ValueError("say why: the reason goes into the ledger")
        if (self.action is BatchAction.AMEND) != (self.policy is not None):
            raise ValueError("amend, and nothing else, names a policy")
        return self


class ApprovalBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"approved": True, "dataset_digest": "9f86d081…", "reason": "", "records": []}
            ]
        }
    )

    decision_id: UUID4 | None = None
    """Made by the client. Sent again with the same body, it has one effect."""
    approved: bool
    dataset_digest: str = Field(max_length=64)
    """Of the dataset that the approver has looked at: `awaiting.dataset_digest` of the round."""
    reason: Reason = ""
    records: list[str] = Field(default_factory=list, max_length=1_000)
    """With a rejection: records to look at again. Without them a rejection ends the round."""
    break_glass: bool = False
    """As for a decision about a batch."""

    @model_validator(mode="after")
    def _a_rejection_has_a_reason(self) -> ApprovalBody:
        if not self.approved and not self.reason.strip():
            raise ValueError("a rejection needs a reason")
        if self.approved and self.records:
            raise ValueError("only a rejection names records to look at again")
        return self


class CancellationBody(Body):
    request_id: UUID4 | None = None
    reason: Reason = Field(min_length=1)


class DeadlineBody(Body):
    request_id: UUID4 | None = None
    seconds: float = Field(gt=0.0, le=MAX_REVIEW_HOURS * 3600)
    """How much longer reviewing may take."""
    reason: Reason = Field(min_length=1)


class ClosingBody(Body):
    request_id: UUID4 | None = None
    """Made by the client. Sent again with the same body, it has one effect."""
    reason: Reason = Field(min_length=1)

    @model_validator(mode="after")
    def _says_why(self) -> ClosingBody:
        if not self.reason.strip():
            raise ValueError("say why: the reason goes into the ledger")
        return self
