"""The words of the process as pages show them: phases, roles, kinds and reasons, each its own.

A word is translated with what it is said of as its context, since one word of English may be two of
another language. Names that people give, such as those of arms, labels and queues, are no words of
ours: they stay as they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from api.language import pgettext
from domain.accounts import Permission, Role
from domain.arms import KINDS
from domain.events import EVENTS
from domain.findings import FindingKind
from domain.outcomes import How
from domain.profiles import Standing
from domain.records import ContentKind, KnownRole
from domain.retention import FOR_EVER, SAYS
from domain.reviews import ExclusionReason, VerdictKind
from domain.roles import DatasetRole
from domain.rounds import Phase
from domain.routing import Clearance
from domain.tasks import ReviewStatus, TaskKind
from domain.webhooks import DeliveryState, WebhookState
from storage.approval import Show
from storage.rows import METADATA_NAMES

DECISIONS = (
    "adjudication_accepted",
    "adjudication_opened",
    "adjudication_refused",
    "adjudication_undone",
    "adjudication_withdrawn",
    "approval_refused",
    "batch_accepted",
    "batch_amended",
    "batch_decision_refused",
    "batch_held",
    "batch_routed",
    "batch_selected",
    "cancel_refused",
    "cancel_requested",
    "closing_refused",
    "dataset_approved",
    "dataset_published",
    "dataset_rejected",
    "dataset_superseded",
    "deadline_extended",
    "deadline_extension_refused",
    "deadline_passed",
    "direction_refused",
    "duties_overridden",
    "escalated",
    "extra_review_opened",
    "gold_answered",
    "message_forged",
    "message_malformed",
    "model_trained",
    "outcome_reached",
    "outcome_withdrawn",
    "pool_scored",
    "quality_assessed",
    "reminded",
    "review_accepted",
    "review_refused",
    "review_undone",
    "reviewer_paused",
    "reviewing_closed",
    "roles_assigned",
    "round_cancelled",
    "round_closed",
    "round_evaluated",
    "round_failed",
    "round_requested",
    "shard_closed",
    "shard_opened",
    "shard_withdrawn",
    "snapshot_pinned",
    "task_delegated",
    "task_forwarded",
    "task_resumed",
    "task_skipped",
    "task_suspended",
    "task_withdrawn",
    "undo_refused",
)
"""What a ledger's entries are of, as workflows write it."""

CHECKS = (
    "every history replays, and none is missing",
    "ledger heads in the histories",
    "every signal stands in the ledger once",
    "signatures of who acted",
    "batch and its gates",
    "reviews",
    "outcomes",
    "outcomes kept for the dataset",
    "tasks",
    "what was decided about tasks",
    "round",
    "approved dataset rows",
    "dataset version",
    "published files",
)
"""What an audit compares, as its report names it."""

VOCABULARIES: Mapping[str, tuple[str, ...]] = {
    "phase": tuple(Phase),
    "role": tuple(Role),
    "permission": tuple(Permission),
    "clearance": tuple(Clearance),
    "dataset role": tuple(DatasetRole),
    "task": tuple(TaskKind),
    "verdict": tuple(VerdictKind),
    "exclusion": tuple(ExclusionReason),
    "outcome": tuple(How),
    "records shown": tuple(Show),
    "review": tuple(ReviewStatus),
    "known role": tuple(KnownRole),
    "standing": tuple(Standing),
    "model part": ("before", "after"),
    "content": tuple(ContentKind),
    "column": METADATA_NAMES,
    "metric": ("accuracy", "macro_f1"),
    "arm": tuple(kind.meaning for kind in KINDS.values()),
    "webhook": tuple(WebhookState),
    "delivery": tuple(DeliveryState),
    "delivery failure": (
        "destination_refused",
        "no_connection",
        "no_secret",
        "redirect",
        "status",
        "timeout",
    ),
    "event": tuple(event.says for event in EVENTS.values()),
    "kept": (*SAYS.values(), *FOR_EVER),
    "key": ("Enter", "Esc", "Ctrl Z", "Space"),
    "decision": DECISIONS,
    "overriding": ("accept batch", "amend batch", "approve dataset", "reject dataset"),
    "source": ("live", "archive", "round"),
    "check": CHECKS,
    "finding": tuple(FindingKind),
}
"""What words are said of → the words, as the code spells them."""


def words(identifier: object) -> str:
    """`edge_case` → `edge case`."""
    return str(identifier).replace("_", " ")


def word(identifier: object, of: str) -> str:
    """The word in the language that is spoken; one that is not ours stays as it is."""
    return pgettext(of, words(identifier))


def vocabulary() -> Iterable[tuple[str, str]]:
    """Every word with what it is said of."""
    for context, identifiers in VOCABULARIES.items():
        for identifier in dict.fromkeys(identifiers):
            yield context, words(identifier)
