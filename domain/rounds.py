"""A round: its plan, what its steps hand to each other, and what people decide about it.

Everything here travels through Temporal's history, so it holds references and digests, never bulk.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain.accounts import Actor
from domain.canonical import Sha256, added, digest
from domain.gold import GoldRules
from domain.ids import AccountId, Document, PoolId, RecordId, RoundId, Timestamp
from domain.labels import LabelSchema
from domain.ledger import GENESIS
from domain.policy import SamplingPolicy
from domain.progress import ShardState
from domain.records import ContentKind
from domain.reviewing import ReviewRules
from domain.roles import RoleShares
from domain.routing import EVERYBODY, Lane, Routing
from domain.selections import Findings
from domain.signing import SigningKey

MAX_REVIEWS_PER_RECORD = 7


class Phase(StrEnum):
    SNAPSHOT = "snapshot"
    SCORING = "scoring"
    SELECTING = "selecting"
    CHECKING = "checking"
    """The batch failed a gate of the policy; a person decides whether and how the round goes on."""
    ROUTING = "routing"
    REVIEWING = "reviewing"
    ASSESSING = "assessing"
    APPROVAL = "approval"
    PUBLISHING = "publishing"
    RETRAINING = "retraining"
    EVALUATING = "evaluating"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    FAILED = "failed"


ENDED = frozenset({Phase.CLOSED, Phase.CANCELLED, Phase.FAILED})

PAST_CANCELLING = frozenset({Phase.PUBLISHING, Phase.RETRAINING, Phase.EVALUATING})
"""From publishing on the dataset may already be in somebody's hands."""


@dataclass(frozen=True, kw_only=True)
class RoundPlan:
    """All that a round is told. Fixed when it starts; its digest is in the ledger."""

    round_id: RoundId
    pool_id: PoolId
    kind: ContentKind
    dataset: str
    policy: SamplingPolicy
    policy_approved_by: str = ""
    """The account that approved this version of the policy."""
    policy_approved_at: str = ""
    schema: LabelSchema
    guideline: str
    """`name@version`."""
    guideline_digest: Sha256
    requested_by: Actor
    requested_at: Timestamp
    purpose: str = ""
    records: int | None = None
    """How many to select, at most the policy's batch size; none: as many as that."""
    reviews_per_record: int = 2
    review_seconds: float = 14 * 86_400.0
    """How long reviewing may take before unsettled records are held."""
    reviewing: ReviewRules = field(default_factory=ReviewRules)
    shard_size: int = 200
    partition_rows: int = 2_000
    shares: RoleShares = field(default_factory=RoleShares)
    routing: Routing = EVERYBODY
    """Who judges which record, where that is not the same for all."""
    gold: GoldRules = field(default_factory=GoldRules)
    """How reviewers are measured."""
    signature: str = ""
    policy_author: str = added(default="")
    """The account that wrote this version of the policy."""

    @property
    def digest(self) -> Sha256:
        return digest(self)

    def amended(self, decision: BatchDecided) -> RoundPlan:
        """The plan with the decision's policy, if it names one: nobody has signed it as a whole."""
        if decision.policy is None:
            return self
        size = decision.policy.batch_size
        return replace(
            self,
            policy=decision.policy,
            policy_approved_by=decision.policy_approved_by,
            policy_approved_at=decision.policy_approved_at,
            policy_author=decision.policy_author,
            records=None if self.records is None else min(self.records, size),
            signature="",
        )


# -- what the steps hand to each other --------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A table in the artifact store."""

    artifact: Sha256
    rows: int


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The pool as this round sees it, whatever is imported later."""

    digest: Sha256
    partitions: tuple[Partition, ...]
    records: int
    eligible: int
    ineligible: dict[str, int]
    """Reason → records."""
    parent_version: int | None
    """The dataset version that this round builds on."""
    parent_files: tuple[Sha256, ...]
    """Artifacts of that version's files, which hold what people saw when they labelled."""
    settled: Sha256
    """Artifact: the rows that the dataset holds before this round, imported labels included."""
    predictions: Sha256
    """Artifact: what the models of earlier rounds took the records of their batches for."""
    labelled: int
    test_records: int


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    digest: Sha256
    """Of the stored bytes; also their artifact."""
    classes: tuple[str, ...]
    """Empty at cold start: features, but nothing to predict with."""
    labelled: int
    earlier: tuple[Sha256, ...] = ()
    """Models that chose the batches of earlier rounds, newest first; only where they are asked."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    digest: Sha256
    artifact: Sha256
    records: int
    arms: dict[str, int]
    findings: Findings
    policy_digest: Sha256
    """Of the policy that selected it: the plan's, or the one that replaced it at a failed gate."""

    @property
    def held(self) -> bool:
        """Whether a person decides about it before anybody works on it.

        It failed a gate, or nothing could be selected as the policy demands.
        """
        return self.records == 0 or bool(self.findings.failed_gates)


@dataclass(frozen=True, kw_only=True)
class Unserved:
    """Records for which fewer people qualify than must judge each of them."""

    lane: int
    queue: str
    needs: tuple[str, ...]
    """What is demanded, in words."""
    records: int
    people: int
    """How many qualify at the moment."""
    wanted: int
    """How many are to judge a record at least: reviewers, and an adjudicator besides."""


@dataclass(frozen=True, kw_only=True)
class Routed:
    """The batch with where each of its records goes."""

    artifact: Sha256
    records: int
    lanes: tuple[Lane, ...]
    unserved: tuple[Unserved, ...] = ()
    by_level: bool = False
    """Whether each lane demands clearance for its records' own levels, whatever the rules say; it
    was not so before records had levels."""


@dataclass(frozen=True, kw_only=True)
class ShardPlan:
    """Input of a ReviewShardWorkflow."""

    round_id: RoundId
    shard: int
    look: int
    batch: Sha256
    """Artifact of the routed records: the shard's are those of rows `first` to `last` - 1."""
    first: int
    last: int
    pool_id: PoolId
    schema: LabelSchema
    guideline: str
    reviews_per_record: int
    review_seconds: float
    reviewing: ReviewRules = field(default_factory=ReviewRules)
    carried: ShardState | None = None
    """Set when an earlier run of this shard handed over."""
    keys: tuple[SigningKey, ...] | None = None
    """Those whose signatures count; none in a round that began before its messages were checked."""
    policy: str = ""
    """`name@version` of the one in force, for the ledger."""
    guideline_digest: str = ""


@dataclass(frozen=True, kw_only=True)
class ShardResult:
    shard: int
    look: int
    records: int
    outcomes: Sha256
    """Artifact: one row a record, with its reviews."""
    reviews: int
    adjudicated: int
    held: int
    refused: int
    ledger_head: Sha256
    ledger_length: int
    answered_by: tuple[AccountId, ...] = ()
    """Everybody who reviewed or adjudicated here, whether or not the answer stands; sorted."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How well the reviewers agreed."""

    records: int
    reviews: int
    agreed: int
    consensus: int = 0
    adjudicated: int
    held: int
    excluded: int
    alpha: float | None
    """Krippendorff's alpha, nominal; none when no record has two answers. Sets of labels agree when
    they are equal."""
    alpha_of_sets: float | None = None
    """The same where sets that share labels agree in part; none but for multiple choice."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The dataset that waits for approval."""

    digest: Sha256
    rows: Sha256
    """Artifact: one DatasetRow a record."""
    records: int
    roles: dict[str, int]
    parent_version: int | None


@dataclass(frozen=True, kw_only=True)
class Published:
    dataset: str
    version: int
    digest: Sha256
    manifest: Sha256
    """SHA-256 of manifest.json."""
    path: str


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A metric on the frozen test set with its 95 % bootstrap interval."""

    metric: str
    value: float
    low: float
    high: float
    records: int


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The active arms against the random arm at equal labels."""

    labels: int
    active: Estimate
    random: Estimate
    difference: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the labels were worth; a part that was not measured is none and `notes` says why."""

    before: Estimate | None
    after: Estimate | None
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    comparison: Comparison | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClassCounts:
    """What a model made of one class on the frozen test set."""

    label: str
    records: int
    """Test records of this class."""
    predicted: int
    """Test records that the model took for it."""
    right: int
    """Those that are both."""

    @property
    def precision(self) -> float | None:
        """None where the model took nothing for it."""
        return self.right / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """None where the test set has none of it."""
        return self.right / self.records if self.records else None

    @property
    def f1(self) -> float:
        return 2 * self.right / ((self.records + self.predicted) or 1)


@dataclass(frozen=True, kw_only=True)
class EvaluationByClass(Evaluation):
    """What the activity answers, and tables hold. By class there is nothing in older answers.

    A round reads it as an Evaluation: all fields of that are in its ledger, and one more would
    change the hashes of rounds that are over.
    """

    before_by_class: tuple[ClassCounts, ...] = ()
    after_by_class: tuple[ClassCounts, ...] = ()


# -- what people decide -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ApprovalDecided:
    """Signal `decide_approval`: yes or no to the dataset of that digest, and to no other."""

    decision_id: str
    round_id: RoundId
    approved: bool
    dataset_digest: Sha256
    reason: str
    actor: Actor
    submitted_at: Timestamp
    records: tuple[RecordId, ...] = ()
    """With a rejection: the records to look at again."""
    signature: str = ""
    audience: str = added(default="")
    """The workflow and signal that it was signed for: `audience_of`."""
    break_glass: bool = added(default=False)
    """Decided although the separation of duties stands against it; `reason` says why."""


class BatchAction(StrEnum):
    ACCEPT = "accept"
    """Go on with the batch as it is."""
    AMEND = "amend"
    """Select again by another approved policy."""


@dataclass(frozen=True, kw_only=True)
class BatchDecided:
    """Signal `decide_batch`: what becomes of the batch of that digest, which failed a gate.

    To give the round up, it is cancelled.
    """

    decision_id: str
    round_id: RoundId
    action: BatchAction
    batch_digest: Sha256
    reason: str
    actor: Actor
    submitted_at: Timestamp
    policy: SamplingPolicy | None = None
    """With amend: the policy to select by, approved like any other."""
    policy_approved_by: str = ""
    policy_approved_at: str = ""
    signature: str = ""
    audience: str = added(default="")
    """The workflow and signal that it was signed for: `audience_of`."""
    break_glass: bool = added(default=False)
    """As for an approval."""
    policy_author: str = added(default="")
    """The account that wrote the policy that it names."""


@dataclass(frozen=True, kw_only=True)
class CancelRequested:
    """Signal `cancel_round`. Too late once publishing has begun."""

    request_id: str
    round_id: RoundId
    reason: str
    actor: Actor
    submitted_at: Timestamp
    signature: str = ""
    audience: str = added(default="")
    """The workflow and signal that it was signed for: `audience_of`."""


@dataclass(frozen=True, kw_only=True)
class RoundResult:
    phase: Phase
    ledger_head: Sha256 = GENESIS
    ledger_length: int = 0
    published: Published | None = None
    failure: Document | None = None
