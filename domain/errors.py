"""Every error that Labelwright raises on purpose.

    LabelwrightError
    ├── InvalidInput        422  what was sent cannot be used
    ├── NotAuthenticated    401  nobody is signed in
    ├── NotAllowed          403  signed in, but not for this
    ├── NotFound            404  no such thing, or not for these eyes
    ├── Conflict            409  the thing has moved on
    ├── TooLarge            413  more bytes than may be sent at once
    ├── TooManyAttempts     429  wait before the next try
    └── Unavailable         503  a part of the system does not answer; try again

Each leaf has a stable `code` that clients may rely on. `message` says what happened, `hint` what to
do next; `context` carries the values that a program would want.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from domain.selections import Findings


class LabelwrightError(Exception):
    code: ClassVar[str] = "labelwright_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str = "", **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.context = context


class InvalidInput(LabelwrightError):
    code = "invalid_input"
    status = 422


class NotAuthenticated(LabelwrightError):
    code = "not_authenticated"
    status = 401


class NotAllowed(LabelwrightError):
    code = "not_allowed"
    status = 403


class NotFound(LabelwrightError):
    code = "not_found"
    status = 404


class Conflict(LabelwrightError):
    code = "conflict"
    status = 409


class TooLarge(LabelwrightError):
    code = "too_large"
    status = 413


class TooManyAttempts(LabelwrightError):
    code = "too_many_attempts"
    status = 429


class TooManyPreviews(LabelwrightError):
    code = "too_many_previews"
    status = 429


class Unavailable(LabelwrightError):
    code = "unavailable"
    status = 503


# -- who asks ---------------------------------------------------------------------------------


class IdentityRefused(NotAuthenticated):
    """What an identity provider is said to have said cannot be believed."""

    code = "identity_refused"


class IdentityNotLinked(NotAllowed):
    """The provider knows this person, and no account here is theirs."""

    code = "identity_not_linked"


# -- pools ------------------------------------------------------------------------------------


class InvalidRecord(InvalidInput):
    """One row that cannot become a record; the rest of its file is not affected."""

    code = "invalid_record"


class UnreadableFile(InvalidInput):
    """The file is not what its name or the request says."""

    code = "unreadable_file"


class MissingColumn(InvalidInput):
    code = "missing_column"


class EmptyPool(InvalidInput):
    code = "empty_pool"


# -- plans ------------------------------------------------------------------------------------


class InvalidSchema(InvalidInput):
    code = "invalid_label_schema"


class InvalidPolicy(InvalidInput):
    code = "invalid_policy"


class InvalidExpression(InvalidPolicy):
    """A filter of a policy that cannot be read."""

    code = "invalid_expression"


class ImpossibleConstraints(InvalidInput):
    """The eligible records cannot meet what the policy demands, and it says to stop.

    `findings` are those of the batch that would have come nearest.
    """

    code = "impossible_constraints"

    def __init__(self, message: str, *, findings: Findings, hint: str = "") -> None:
        missing = [[each.demand, each.wanted, each.got] for each in findings.shortfalls]
        super().__init__(message, hint=hint, shortfalls=missing)
        self.findings = findings


class PolicyNotApproved(Conflict):
    """Nobody but its author has looked at the policy yet."""

    code = "policy_not_approved"


class BatchExceedsPool(InvalidInput):
    code = "batch_exceeds_pool"


class InvalidScores(InvalidInput):
    """Scores or embeddings that cannot be ranked: NaN, infinite, of differing lengths, repeated."""

    code = "invalid_scores"


class InvalidMetadata(InvalidInput):
    """A record's metadata hold what a signal cannot be read from."""

    code = "invalid_metadata"


class RecordsTaken(Conflict):
    """Another round of the same pool has chosen the same records a moment before."""

    code = "records_taken"


# -- people and routing -----------------------------------------------------------------------


class InvalidProfile(InvalidInput):
    code = "invalid_profile"


class InvalidRouting(InvalidInput):
    code = "invalid_routing"


class NotQualified(NotAllowed):
    """The task demands what this person's profile does not say they bring."""

    code = "not_qualified"


class NotCleared(NotAllowed):
    """What is asked for holds records above this person's clearance."""

    code = "not_cleared"


# -- reviews ----------------------------------------------------------------------------------


class UnknownLabel(InvalidInput):
    code = "unknown_label"


class LabelOfAnotherSchema(InvalidInput):
    code = "label_of_another_schema"


class WrongNumberOfLabels(InvalidInput):
    """More or fewer labels than the schema lets a record have."""

    code = "wrong_number_of_labels"


class InvalidReview(InvalidInput):
    code = "invalid_review"


class RationaleRequired(InvalidReview):
    """The round wants a reason with this verdict."""

    code = "rationale_required"


class InvalidReviewRules(InvalidInput):
    """Rules of reviewing that cannot be kept."""

    code = "invalid_review_rules"


class TaskHeldByAnother(Conflict):
    code = "task_held_by_another"


class LeaseExpired(Conflict):
    code = "lease_expired"


class TaskClosed(Conflict):
    code = "task_closed"


class TaskSuspended(Conflict):
    """Nobody works on the task until a given time."""

    code = "task_suspended"


class NotTheHolder(Conflict):
    code = "task_not_claimed"


class ReviewStands(Conflict):
    """The review cannot be taken back or corrected any more."""

    code = "review_stands"


class IdempotencyConflict(Conflict):
    """The same key came again with another body."""

    code = "idempotency_conflict"


# -- what waits for a decision ----------------------------------------------------------------


class ShownDiffers(Conflict):
    """The answer was given to something else than what the task shows."""

    code = "shown_differs"


class SuggestionsHidden(NotAllowed):
    """The round lets nobody see what the model says before they answer."""

    code = "suggestions_hidden"


class DutiesNotSeparate(NotAllowed):
    code = "duties_not_separate"


class GlassNotBroken(InvalidInput):
    """A decision claims an emergency that is none, or does not say enough of it."""

    code = "glass_not_broken"


class StaleApproval(Conflict):
    """The approval cites another dataset than the one that waits."""

    code = "stale_approval"


class NotAwaitingApproval(Conflict):
    code = "not_awaiting_approval"


class StaleBatchDecision(Conflict):
    """The decision cites another batch than the one that is held."""

    code = "stale_batch_decision"


class NotAwaitingBatchDecision(Conflict):
    code = "not_awaiting_batch_decision"


# -- models and datasets ----------------------------------------------------------------------


class InvalidTraining(InvalidInput):
    """Contents and labels that no model can be fitted to."""

    code = "invalid_training"


class EmptyTestSet(InvalidInput):
    """There is nothing to measure a model on."""

    code = "empty_test_set"


class UntrustedModel(InvalidInput):
    """A stored model names a type that is not on the list of types that models are made of."""

    code = "untrusted_model"


class DigestMismatch(Conflict):
    """Stored bytes are not the bytes that were written."""

    code = "digest_mismatch"


# -- histories --------------------------------------------------------------------------------


class UnknownPayloadKey(Unavailable):
    """A message in a history is encrypted with a key that this process does not have."""

    code = "unknown_payload_key"


class DamagedPayload(Conflict):
    """A message in a history cannot be decrypted with the key that it names."""

    code = "damaged_payload"


# -- evidence ---------------------------------------------------------------------------------


class NotABundle(InvalidInput):
    """A file that is no evidence bundle, nor a proof or a key, though it was given as one."""

    code = "not_evidence"


class BundleDamaged(Conflict):
    """The bundle is not what was exported, so nothing is taken from it."""

    code = "bundle_damaged"


class TimestampRefused(Unavailable):
    """The time-stamp authority did not answer, or not with a time stamp over what was sent."""

    code = "timestamp_unavailable"


# -- webhooks ---------------------------------------------------------------------------------


class DestinationRefused(InvalidInput):
    """A URL, or an address behind its name, that events are not sent to."""

    code = "destination_refused"


# -- parts of the system ----------------------------------------------------------------------


class TemporalUnavailable(Unavailable):
    code = "temporal_unavailable"


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"


class ProviderUnavailable(Unavailable):
    """The identity provider does not answer, or not as one should."""

    code = "provider_unavailable"


class StackNotRunning(Unavailable):
    code = "stack_not_running"


class PortBusy(LabelwrightError):
    code = "port_busy"
    status = 409
