"""Events: what programs outside are told, as CloudEvents.

An event is a notice without its sentence and its people. Of the notice's detail only the fields
that `EVENTS` lists go out: ids, counts and names of things, never content or a rationale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.canonical import canonical
from domain.ids import Document, RoundId, Timestamp
from domain.notices import Notice, NoticeKind
from domain.records import Json

TYPE_PREFIX = "labelwright."
MEDIA_TYPE = "application/cloudevents+json"


@dataclass(frozen=True, kw_only=True)
class EventType:
    says: str
    fields: Mapping[str, str]
    """Name in the notice's detail → meaning. Nothing else of it goes out."""


_WAITING = {
    "records": "how many records wait",
    "deadline": "the earliest time by which one must be settled",
}

EVENTS: Mapping[NoticeKind, EventType] = {
    NoticeKind.ROUND_STARTED: EventType(
        says="A round has begun its work.",
        fields={"pool": "the pool's id", "dataset": "the dataset that it adds to"},
    ),
    NoticeKind.PHASE_ENTERED: EventType(
        says="A round has entered a phase.",
        fields={"phase": "the phase"},
    ),
    NoticeKind.BATCH_HELD: EventType(
        says="The batch failed a gate, and nobody works on it until an approver decides.",
        fields={
            "batch_digest": "the batch that a decision must cite",
            "failed_gates": "how many gates it failed",
        },
    ),
    NoticeKind.APPROVAL_WANTED: EventType(
        says="A dataset waits for its approval.",
        fields={
            "dataset": "the dataset's name",
            "dataset_digest": "what an approval must cite",
            "records": "records in it",
        },
    ),
    NoticeKind.DUTIES_OVERRIDDEN: EventType(
        says="Somebody decided in an emergency although the separation of duties stood against it. "
        "The reason is behind the link.",
        fields={
            "decision_id": "the decision",
            "account_id": "who decided",
            "what": "`approve dataset`, `reject dataset`, `accept batch` or `amend batch`",
        },
    ),
    NoticeKind.DATASET_PUBLISHED: EventType(
        says="A version of a dataset has been published.",
        fields={
            "dataset": "the dataset's name",
            "version": "its number",
            "digest": "of the version's rows",
        },
    ),
    NoticeKind.MODEL_EVALUATED: EventType(
        says="The model that the round trained has been measured on the test set.",
        fields={
            "metric": "the metric; none where nothing could be measured",
            "before": "its value before the round",
            "after": "its value after it",
            "lift": "the difference",
            "lift_low": "lower end of the difference's 95 % interval",
            "lift_high": "upper end",
        },
    ),
    NoticeKind.ROUND_ENDED: EventType(
        says="A round has ended.",
        fields={
            "phase": "`closed`, `cancelled` or `failed`",
            "code": "why it did not close; none when it did",
        },
    ),
    NoticeKind.OUTCOMES_REACHED: EventType(
        says="Records have their outcome. The outcomes themselves are behind the link.",
        fields={
            "shard": "the shard's number",
            "records": "how many",
            "outcomes": "of each record its `record_id`, `look` and `how` it was settled",
        },
    ),
    NoticeKind.OUTCOMES_WITHDRAWN: EventType(
        says="Answers were taken back, and these records have no outcome any more.",
        fields={
            "shard": "the shard's number",
            "records": "how many",
            "record_ids": "which",
        },
    ),
    NoticeKind.TASK_ASSIGNED: EventType(
        says="Somebody was given a task by name.",
        fields={"task_id": "the task", "account_id": "who was given it"},
    ),
    NoticeKind.TASK_SKIPPED: EventType(
        says="Everybody who may do a task has passed it by.",
        fields={
            "task_id": "the task",
            "record_id": "its record",
            "skips": "how many people have passed it by",
        },
    ),
    NoticeKind.DEADLINE_NEAR: EventType(
        says="Records wait to be judged, and their deadline is coming.", fields=_WAITING
    ),
    NoticeKind.ESCALATED: EventType(
        says="Records waited too long, and others are told.",
        fields={**_WAITING, "hours": "since the shard was opened"},
    ),
    NoticeKind.UNROUTABLE: EventType(
        says="Records wait for people who qualify, and there are none.",
        fields={"records": "how many records wait", "queue": "where they wait"},
    ),
    NoticeKind.REVIEWER_PAUSED: EventType(
        says="A reviewer's answers to records with known answers fell below the floor.",
        fields={
            "account_id": "the reviewer",
            "schema": "the label schema under which they are not relied on any more",
            "answered": "records with known answers that were counted",
            "right": "how many of those they answered rightly",
        },
    ),
    NoticeKind.SHARD_CLOSED: EventType(
        says="A shard has closed.",
        fields={"shard": "its number", "records": "records in it", "held": "of them unresolved"},
    ),
    NoticeKind.WEBHOOK_TEST: EventType(
        says="Somebody tries whether events arrive.", fields={"webhook_id": "the webhook"}
    ),
}
"""Every event there is. What only an admin must know, such as a paused webhook, is none."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """What is sent, the same however often it is tried."""

    event_id: str
    sequence: int
    """Grows within a round; there may be gaps."""
    kind: NoticeKind
    source: str
    """What it happened in, as a path: `/rounds/{id}`."""
    subject: str
    at: Timestamp
    data: Document


def event_data(notice: Notice, round_id: RoundId | None) -> dict[str, Json]:
    """The part of the notice that programs are told."""
    fields = EVENTS[notice.kind].fields
    about: dict[str, Json] = {} if round_id is None else {"round_id": round_id}
    return about | {name: notice.detail[name] for name in fields if name in notice.detail}


def place_of(kind: NoticeKind, round_id: RoundId | None) -> str:
    """The path of the page that shows what an event is about."""
    if round_id is None:
        return "/webhooks"
    if kind is NoticeKind.APPROVAL_WANTED:
        return f"/rounds/{round_id}/approval"
    return f"/rounds/{round_id}"


def envelope(event: Event, *, link: str) -> bytes:
    """The event as CloudEvents 1.0 in structured mode: the same bytes at each attempt."""
    document = {
        "specversion": "1.0",
        "id": event.event_id,
        "source": event.source,
        "type": TYPE_PREFIX + event.kind,
        "subject": event.subject,
        "time": event.at,
        # As text of one length, so that it sorts: CloudEvents' extension `sequence`.
        "sequence": f"{event.sequence:020d}",
        "datacontenttype": "application/json",
        "data": {**event.data, "link": link},
    }
    return canonical(document)
