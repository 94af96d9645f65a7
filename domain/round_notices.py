"""What people and programs are told of a round as it goes on, phase by phase."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from domain.accounts import Role
from domain.ids import Document, RecordId, Timestamp
from domain.notices import Audience, Notice, NoticeKind
from domain.outcomes import Outcome
from domain.rounds import Phase, RoundPlan, Unserved

NOBODY = Audience()
"""Told to programs only."""

_ENDINGS = {
    Phase.CLOSED: "is complete",
    Phase.CANCELLED: "was cancelled",
    Phase.FAILED: "failed",
}


def phase_entered(plan: RoundPlan, phase: Phase, at: Timestamp) -> list[Notice]:
    """That the round is in the phase, and with the first of them that it has begun."""
    entered = Notice(
        notice_id=f"phase/{phase}/{at}",
        kind=NoticeKind.PHASE_ENTERED,
        audience=NOBODY,
        subject=plan.round_id,
        text=f"Round {plan.round_id} is {phase}.",
        detail={"phase": phase.value},
    )
    if phase is not Phase.SNAPSHOT:
        return [entered]
    started = Notice(
        notice_id="started",
        kind=NoticeKind.ROUND_STARTED,
        audience=NOBODY,
        subject=plan.round_id,
        text=f"Round {plan.round_id} has started.",
        detail={"pool": plan.pool_id, "dataset": plan.dataset},
    )
    return [started, entered]


def too_few_people(plan: RoundPlan, unserved: Unserved) -> Notice:
    """That records wait for people who are not there, to those who can find or train them."""
    return Notice(
        notice_id=f"unserved/{unserved.lane}",
        kind=NoticeKind.UNROUTABLE,
        audience=Audience(roles=(Role.ADMIN,), accounts=(plan.requested_by.account_id,)),
        subject=plan.round_id,
        text=f"{unserved.records:,} records of round {plan.round_id} wait in {unserved.queue} for "
        f"{unserved.wanted} people who bring {', '.join(unserved.needs) or 'nothing special'}; "
        f"{unserved.people} do.",
        detail={"records": unserved.records, "queue": unserved.queue},
    )


def wanted_of_people(
    plan: RoundPlan, phase: Phase, awaiting: Document | None, summary: Document, at: Timestamp
) -> list[Notice]:
    """The decision that the phase waits for, to those who may make it and to who asked for it."""
    audience = Audience(roles=(Role.APPROVER,), accounts=(plan.requested_by.account_id,))
    waits = awaiting or {}
    if phase is Phase.CHECKING and "batch_digest" in waits:
        failed = len(waits.get("failed_gates") or ())
        missed = f"failed {failed} of its policy’s gates" if failed else "falls short of its policy"
        return [
            Notice(
                notice_id=f"held/{waits['batch_digest']}/{at}",
                kind=NoticeKind.BATCH_HELD,
                audience=audience,
                subject=plan.round_id,
                text=f"The batch of round {plan.round_id} {missed}, "
                "and waits for an approver’s decision.",
                detail={"batch_digest": waits["batch_digest"], "failed_gates": failed},
            )
        ]
    if phase is Phase.APPROVAL and "dataset_digest" in waits:
        records = (summary.get("candidate") or {}).get("records", 0)
        return [
            Notice(
                notice_id=f"approval/{waits['dataset_digest']}/{at}",
                kind=NoticeKind.APPROVAL_WANTED,
                audience=audience,
                subject=plan.round_id,
                text=f"Dataset {plan.dataset} of round {plan.round_id}, {records:,} records, "
                "waits for approval.",
                detail={
                    "dataset": plan.dataset,
                    "dataset_digest": waits["dataset_digest"],
                    "records": records,
                },
            )
        ]
    return []


def results_of(plan: RoundPlan, summary: Document) -> list[Notice]:
    """What has come of the round, as soon as it is known."""
    told = glass_broken(plan, summary.get("duties_overridden") or ())
    if published := summary.get("published"):
        told.append(_published(plan, published))
    if evaluation := summary.get("evaluation"):
        told.append(_evaluated(plan, evaluation))
    return told


def glass_broken(plan: RoundPlan, overridden: Collection[Document]) -> list[Notice]:
    """That somebody decided against the separation of duties, to everybody who watches over it."""
    return [
        Notice(
            notice_id=f"duties/{each['decision_id']}",
            kind=NoticeKind.DUTIES_OVERRIDDEN,
            audience=Audience(
                roles=(Role.APPROVER, Role.AUDITOR, Role.ADMIN),
                accounts=(plan.requested_by.account_id,),
            ),
            subject=plan.round_id,
            text=f"{each['by']} broke the glass to {each['what']} of round {plan.round_id}: "
            f"{str(each['reason']).rstrip('.')}.",
            detail={
                "decision_id": each["decision_id"],
                "account_id": each["account_id"],
                "what": each["what"],
            },
        )
        for each in overridden
    ]


def ended(plan: RoundPlan, phase: Phase, failure: Document | None) -> Notice:
    """To who asked for the round; to admins too, where it failed."""
    why = failure or {}
    text = f"Round {plan.round_id} {_ENDINGS.get(phase, 'has ended')}"
    if message := str(why.get("message") or "").rstrip("."):
        text += f": {message}"
    return Notice(
        notice_id="ended",
        kind=NoticeKind.ROUND_ENDED,
        audience=Audience(
            accounts=(plan.requested_by.account_id,),
            roles=(Role.ADMIN,) if phase is Phase.FAILED else (),
        ),
        subject=plan.round_id,
        text=f"{text}.",
        detail={"phase": phase.value, "code": why.get("code")},
    )


def outcomes_changed(
    shard: int,
    *,
    withdrawn: Collection[RecordId],
    reached: Collection[Outcome],
    at: Timestamp,
) -> list[Notice]:
    """The records that one projection opens again, and those that it settles."""
    told = []
    if withdrawn:
        told.append(_withdrawn(shard, list(withdrawn), at))
    if reached:
        told.append(_reached(shard, reached, at))
    return told


def _withdrawn(shard: int, records: list[RecordId], at: Timestamp) -> Notice:
    return Notice(
        notice_id=f"shard/{shard}/withdrawn/{at}",
        kind=NoticeKind.OUTCOMES_WITHDRAWN,
        audience=NOBODY,
        subject=f"shard {shard}",
        text=f"The outcomes of {len(records):,} records of shard {shard} are withdrawn.",
        detail={"shard": shard, "records": len(records), "record_ids": records},
    )


def _reached(shard: int, outcomes: Collection[Outcome], at: Timestamp) -> Notice:
    settled = [
        {"record_id": each.record_id, "look": each.look, "how": each.how.value} for each in outcomes
    ]
    return Notice(
        notice_id=f"shard/{shard}/outcomes/{at}",
        kind=NoticeKind.OUTCOMES_REACHED,
        audience=NOBODY,
        subject=f"shard {shard}",
        text=f"{len(settled):,} records of shard {shard} have their outcome.",
        detail={"shard": shard, "records": len(settled), "outcomes": settled},
    )


def _published(plan: RoundPlan, published: Mapping[str, object]) -> Notice:
    version = published["version"]
    return Notice(
        notice_id=f"published/{version}",
        kind=NoticeKind.DATASET_PUBLISHED,
        audience=Audience(accounts=(plan.requested_by.account_id,)),
        subject=f"{plan.dataset}@{version}",
        text=f"Dataset {plan.dataset}, version {version}, is published.",
        detail={"dataset": plan.dataset, "version": version, "digest": published["digest"]},
    )


def _evaluated(plan: RoundPlan, evaluation: Mapping[str, object]) -> Notice:
    before, after = _estimate(evaluation["before"]), _estimate(evaluation["after"])
    return Notice(
        notice_id="evaluated",
        kind=NoticeKind.MODEL_EVALUATED,
        audience=NOBODY,
        subject=plan.round_id,
        text=f"The model that round {plan.round_id} trained has been measured.",
        detail={
            "metric": after.get("metric") or before.get("metric"),
            "before": before.get("value"),
            "after": after.get("value"),
            "lift": evaluation["lift"],
            "lift_low": evaluation["lift_low"],
            "lift_high": evaluation["lift_high"],
        },
    )


def _estimate(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
