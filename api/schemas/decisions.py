"""What a person decides about a batch that failed a gate of its policy."""

from __future__ import annotations

from pydantic import UUID4, ConfigDict, Field, model_validator

from api.schemas.body import Body, Reason
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

    @model_validator(mode="after")
    def _a_policy_to_amend_by(self) -> BatchDecisionBody:
        if not self.reason.strip():
            raise ValueError("say why: the reason goes into the ledger")
        if (self.action is BatchAction.AMEND) != (self.policy is not None):
            raise ValueError("amend, and nothing else, names a policy")
        return self
