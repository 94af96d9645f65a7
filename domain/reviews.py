"""What people say of a record, and the messages that carry it to the workflow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from domain.accounts import Actor
from domain.canonical import Sha256, added, digest
from domain.errors import InvalidReview
from domain.ids import RecordId, ReviewId, RoundId, TaskId, Timestamp
from domain.labels import LabelSchema, members_of, powerset_label

MAX_RATIONALE = 2_000
MAX_SECONDS = 86_400.0
MAX_BETWEEN = 10
"""Labels in one ambiguity: a shard carries the verdicts of all its records in one message."""


class VerdictKind(StrEnum):
    LABEL = "label"
    USEFUL_AMBIGUITY = "useful_ambiguity"
    UNUSABLE_AMBIGUITY = "unusable_ambiguity"
    EXCLUDE = "exclude"
    ESCALATE = "escalate"


class ExclusionReason(StrEnum):
    OUT_OF_SCOPE = "out_of_scope"
    LOW_QUALITY = "low_quality"
    DUPLICATE = "duplicate"
    RESTRICTED = "restricted"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A judgement of one record: a label, or why it has none."""

    kind: VerdictKind
    label: str | None = None
    """Of a schema of multiple choice: the powerset label of `labels`."""
    labels: tuple[str, ...] = ()
    """The set of labels that a schema of multiple choice asks for, sorted; else empty."""
    between: tuple[str, ...] = ()
    """The labels that a useful ambiguity lies between, sorted. In a schema of multiple choice
    those of which nobody can say whether the record has them."""
    exclusion: ExclusionReason | None = None

    @property
    def answer(self) -> str:
        """The verdict in one string: two verdicts agree when their answers are equal."""
        match self.kind:
            case VerdictKind.LABEL:
                return f"label:{self.label}"
            case VerdictKind.USEFUL_AMBIGUITY:
                return "ambiguous:" + "|".join(self.between)
            case VerdictKind.EXCLUDE:
                return f"exclude:{self.exclusion}"
            case _:
                return self.kind.value


def labels_answered(answer: str) -> frozenset[str] | None:
    """The set of labels that an `answer` of multiple choice gives; none where it gives no label."""
    kind, _, label = answer.partition(":")
    return frozenset(members_of(label)) if kind == VerdictKind.LABEL else None


def check_verdict(verdict: Verdict, schema: LabelSchema, *, named: str | None = None) -> Verdict:
    """The verdict if it is whole and of this schema; `named` is the `name@version` meant.

    Raises UnknownLabel, LabelOfAnotherSchema, WrongNumberOfLabels or InvalidReview.
    """
    if verdict.kind is VerdictKind.LABEL:
        verdict = _labelled(verdict, schema, named)
    elif verdict.label is not None or verdict.labels:
        raise InvalidReview(f"a verdict of kind {verdict.kind} has no label")
    if verdict.kind is VerdictKind.USEFUL_AMBIGUITY:
        _check_between(verdict, schema, named)
    elif verdict.between:
        raise InvalidReview("only a useful ambiguity lies between labels")
    if (verdict.kind is VerdictKind.EXCLUDE) != (verdict.exclusion is not None):
        raise InvalidReview("an exclusion, and nothing else, gives an exclusion reason")
    return replace(verdict, between=tuple(sorted(set(verdict.between))))


def _labelled(verdict: Verdict, schema: LabelSchema, named: str | None) -> Verdict:
    if not schema.multiple:
        if verdict.labels:
            raise InvalidReview("this schema gives a record one label: name it as `label`")
        if verdict.label is None:
            raise InvalidReview("a label verdict names a label")
        schema.check_label(verdict.label, schema=named)
        return verdict
    label = powerset_label(verdict.labels)
    if verdict.label not in {None, label}:
        raise InvalidReview("this schema gives a record several labels: list them as `labels`")
    return replace(verdict, label=label, labels=schema.check_set(verdict.labels, schema=named))


def _check_between(verdict: Verdict, schema: LabelSchema, named: str | None) -> None:
    count = len(set(verdict.between))
    # Whether a record has a label can be in doubt of one label alone, where it may have several.
    if count < (1 if schema.multiple else 2):
        raise InvalidReview(
            "a useful ambiguity names the labels that are in doubt"
            if schema.multiple
            else "a useful ambiguity names the two or more labels it lies between"
        )
    if count > MAX_BETWEEN:
        raise InvalidReview(f"a useful ambiguity lies between {MAX_BETWEEN} labels at the most")
    for label in verdict.between:
        schema.check_label(label, schema=named)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """Signals `review` and `adjudicate`: one person's answer to one task."""

    review_id: ReviewId
    """Made by the client, so that sending it again changes nothing."""
    task_id: TaskId
    record_id: RecordId
    verdict: Verdict
    confidence: float | None
    """The person's own, 0 to 1."""
    rationale: str
    seconds: float
    """Time spent on the record, as the page measured it."""
    guideline: str
    """`name@version` of the guideline that the person saw."""
    actor: Actor
    submitted_at: Timestamp
    corrects: ReviewId | None = None
    """An earlier review of the same task by the same person, whose place this one takes."""
    signature: str = ""
    """The API's Ed25519 signature over the digest of the message without it, base64."""
    audience: str = added(default="")
    """The workflow and signal that it was signed for: `audience_of`."""
    shown: str = added(default="")
    """Digest of what the person had before them: `domain.shown`."""
    suggestion: str | None = added(default=None)
    """What the model said of the record, where the person asked before they answered."""


@dataclass(frozen=True, kw_only=True)
class UndoRequested:
    """Signal `undo`: whoever gave an answer takes it back, soon after it was accepted."""

    request_id: str
    round_id: RoundId
    record_id: RecordId
    review_id: ReviewId
    actor: Actor
    submitted_at: Timestamp
    signature: str = ""
    audience: str = added(default="")
    """The workflow and signal that it was signed for: `audience_of`."""


@dataclass(frozen=True, kw_only=True)
class DeadlineExtended:
    """Signal `extend_deadline`."""

    request_id: str
    round_id: RoundId
    seconds: float
    reason: str
    actor: Actor
    submitted_at: Timestamp
    signature: str = ""
    audience: str = added(default="")
    """The workflow and signal that it was signed for: `audience_of`."""


@dataclass(frozen=True, kw_only=True)
class ClosingRequested:
    """Signal `close_shard`: reviewing ends now, and what nobody has settled is held."""

    request_id: str
    round_id: RoundId
    reason: str
    actor: Actor
    submitted_at: Timestamp
    signature: str = ""
    audience: str = added(default="")
    """The workflow and signal that it was signed for: `audience_of`."""


def check_submission(confidence: float | None, rationale: str, seconds: float) -> None:
    """Raises InvalidReview unless confidence, rationale and time spent are within bounds."""
    if confidence is not None and not 0.0 <= confidence <= 1.0:
        raise InvalidReview("confidence is a number from 0 to 1")
    if len(rationale) > MAX_RATIONALE:
        raise InvalidReview(f"the rationale is longer than {MAX_RATIONALE:,} characters")
    if not 0.0 <= seconds <= MAX_SECONDS:
        raise InvalidReview("the seconds spent are a number from 0 to 86,400")


def signed_part(message: object) -> Sha256:
    """Digest of a message without its signature: what the API signs."""
    return digest(replace(message, signature=""))  # type: ignore[type-var]
