"""Every kind of decision that a ledger can hold: who decides, and what the entry carries.

An entry has its time, its actor with how they proved who they are, its subject and its reason
besides (`domain.ledger.Decision`). `docs/ledger.md` is written from this, and a test holds it
against the entries of rounds that really ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class By(StrEnum):
    """Whose decision it is."""

    PERSON = "a person, in a signed message"
    ROUND = "the round"
    SHARD = "a shard"
    EITHER = "the round or a shard"


@dataclass(frozen=True, kw_only=True)
class KindOfDecision:
    says: str
    by: By
    carries: tuple[str, ...] = ()
    """Names in its detail, each of which every entry has."""
    reason: str = ""
    """What its reason is; empty where it has none."""

    @property
    def fields(self) -> tuple[str, ...]:
        """All that is in the detail of each."""
        return self.carries + (SIGNED if self.by is By.PERSON else ())


SIGNED = ("message_digest", "signature")
"""What an entry keeps of the message that it answers."""

_POLICY = ("policy", "policy_digest", "policy_author", "policy_approved_by", "policy_approved_at")
_REVIEW = (
    "review_id",
    "task_id",
    "answer",
    "confidence",
    "seconds",
    "guideline",
    "policy",
    "look",
    "shown",
    "submitted_at",
)
_WHY = "why, in the person's words"
_REFUSED = "of the refused message"


def _person(says: str, *carries: str, reason: str = _WHY) -> KindOfDecision:
    return KindOfDecision(says=says, by=By.PERSON, carries=carries, reason=reason)


def _round(says: str, *carries: str) -> KindOfDecision:
    return KindOfDecision(says=says, by=By.ROUND, carries=carries)


def _shard(says: str, *carries: str, reason: str = "") -> KindOfDecision:
    return KindOfDecision(says=says, by=By.SHARD, carries=carries, reason=reason)


KINDS: Mapping[str, KindOfDecision] = {
    # -- the round --------------------------------------------------------------------------
    "round_requested": _person(
        "Somebody asked for the round; its rules of selection, and who approved them, are fixed.",
        *_POLICY,
        "schema",
        "schema_digest",
        "guideline",
        "guideline_digest",
        "routing",
        "routing_digest",
        "submitted_at",
        reason="the purpose of the round",
    ),
    "snapshot_pinned": _round(
        "The pool is fixed as it is now.",
        "digest",
        "records",
        "eligible",
        "ineligible",
        "parent_version",
    ),
    "model_trained": _round("A model was trained.", "part", "classes", "labelled"),
    "pool_scored": _round("The model scored the pool.", "model", "partitions"),
    "batch_selected": _round(
        "A batch was selected. Its artifact has each record with arm, score, propensity and the "
        "reason why it was chosen.",
        "artifact",
        "records",
        "policy",
        "policy_digest",
        "seed",
        "model",
        "arms",
        "excluded",
        "shortfalls",
        "alarms",
        "notes",
    ),
    "batch_held": _round(
        "The batch failed a gate, and waits for a person.",
        "records",
        "policy_digest",
        "failed_gates",
    ),
    "batch_accepted": _person(
        "An approver had people work on a batch that failed a gate.",
        "decision_id",
        "action",
        *_POLICY,
        "submitted_at",
    ),
    "batch_amended": _person(
        "An approver named another approved policy to select by.",
        "decision_id",
        "action",
        *_POLICY,
        "submitted_at",
    ),
    "batch_decision_refused": _person(
        "A decision about a batch did not count.",
        "decision_id",
        "action",
        *_POLICY,
        "submitted_at",
        "refusal",
        reason=_REFUSED,
    ),
    "batch_routed": _round(
        "Each record of the batch has its route.",
        "records",
        "routing",
        "routing_digest",
        "lanes",
        "unserved",
    ),
    "shard_closed": _round(
        "A shard has ended.",
        "look",
        "records",
        "outcomes",
        "ledger_head",
        "ledger_length",
        "answered_by",
    ),
    "quality_assessed": _round(
        "The reviewers' agreement was measured.",
        "records",
        "reviews",
        "agreed",
        "consensus",
        "adjudicated",
        "held",
        "excluded",
        "alpha",
        "alpha_of_sets",
    ),
    "roles_assigned": _round(
        "A dataset waits for approval.", "digest", "rows", "records", "roles", "parent_version"
    ),
    "dataset_approved": _person(
        "An approver approved the dataset of that digest.",
        "decision_id",
        "records",
        "submitted_at",
    ),
    "dataset_rejected": _person(
        "An approver rejected the dataset, for good or to have records looked at again.",
        "decision_id",
        "records",
        "submitted_at",
    ),
    "approval_refused": _person(
        "An approval or rejection did not count.",
        "decision_id",
        "records",
        "submitted_at",
        "refusal",
        reason=_REFUSED,
    ),
    "duties_overridden": KindOfDecision(
        says="Somebody broke the glass: the decision that follows counts although the separation "
        "of duties stood against it.",
        by=By.ROUND,
        carries=("decision_id", "what", "submitted_at"),
        reason="what the emergency was",
    ),
    "dataset_superseded": _round("Another round had published first."),
    "dataset_published": _round(
        "The dataset version is there.",
        "dataset",
        "version",
        "digest",
        "manifest",
        "path",
        "approved_by",
        "approval",
    ),
    "round_evaluated": _round(
        "The new model was measured.",
        "before",
        "after",
        "lift",
        "lift_low",
        "lift_high",
        "comparison",
        "notes",
    ),
    "cancel_requested": _person("Somebody cancelled the round.", "submitted_at"),
    "cancel_refused": _person(
        "A cancellation did not count.", "submitted_at", "refusal", reason=_REFUSED
    ),
    "round_closed": _round("The round is complete.", "failure"),
    "round_cancelled": _round("The round ended without a dataset.", "failure"),
    "round_failed": _round("The round failed.", "failure"),
    # -- either -----------------------------------------------------------------------------
    "message_forged": KindOfDecision(
        says="A message came that no known key of the API has signed for this workflow and "
        "signal. It changed nothing; whom it names is a claim.",
        by=By.EITHER,
        carries=("signal", "claimed_account", "claimed_name", *SIGNED, "refusal"),
    ),
    # -- a shard ----------------------------------------------------------------------------
    "shard_opened": _shard(
        "Its records wait for reviewers.", "look", "records", "reviews_per_record", "deadline"
    ),
    "review_accepted": _person("A review, or a correction of one, counts.", *_REVIEW),
    "review_refused": _person(
        "A review did not count.", *_REVIEW, "refusal", reason="its rationale"
    ),
    "review_undone": _person(
        "A reviewer took a review back.", "review_id", "task_id", "answer", reason=""
    ),
    "adjudication_accepted": _person("An adjudicator settled the record.", *_REVIEW),
    "adjudication_refused": _person(
        "An adjudication did not count.", *_REVIEW, "refusal", reason="its rationale"
    ),
    "adjudication_undone": _person(
        "An adjudicator took a decision back.", "review_id", "task_id", "answer", reason=""
    ),
    "undo_refused": _person("Nothing was taken back.", "review_id", "refusal", reason=""),
    "message_malformed": _person("A message that no table could hold.", "refusal", reason=""),
    "task_delegated": _person("A task was given to a person.", "task_id", "to_account"),
    "task_forwarded": _person(
        "A task was sent to another queue.", "task_id", "to_lane", "to_queue"
    ),
    "task_suspended": _person("A task was put off.", "task_id", "until"),
    "task_resumed": _person("A suspended task goes on.", "task_id"),
    "task_skipped": _person("A person passed a task by.", "task_id"),
    "task_withdrawn": _person("A record is held as it is.", "task_id"),
    "direction_refused": _person(
        "A task stayed as it was.", "task_id", "direction", "refusal", reason=_REFUSED
    ),
    "extra_review_opened": _shard("One more review is wanted.", "task_id", reason="why"),
    "adjudication_opened": _shard("An adjudicator is wanted.", "answers", reason="why"),
    "adjudication_withdrawn": _shard("No adjudicator is wanted any more."),
    "outcome_reached": _shard(
        "The record is settled, or held.", "answer", "how", "label_confidence", "look"
    ),
    "outcome_withdrawn": _shard("What settled the record was taken back.", "answer"),
    "gold_answered": _shard("An answer to gold was marked.", "review_id", "correct"),
    "reviewer_paused": _shard("A reviewer is not relied on any more.", "answered", "right"),
    "reminded": _shard("Reviewers were reminded.", "share", "records"),
    "escalated": _shard("Others were told.", "hours", "roles", "accounts", "records"),
    "deadline_extended": _person("Reviewing may take longer.", "seconds", "deadline"),
    "deadline_extension_refused": _person(
        "The deadline stays.", "seconds", "refusal", reason=_REFUSED
    ),
    "deadline_passed": _shard("What nobody has settled is held.", "unsettled"),
    "reviewing_closed": _person("Reviewing ended early.", "unsettled"),
    "closing_refused": _person("Reviewing goes on.", "refusal", reason=_REFUSED),
    "shard_withdrawn": _shard("Its open tasks were taken back.", reason="why"),
}
