"""Where a round stands, in the words of its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from api.language import N_, gettext, listed
from api.web.charts import interval_chart
from domain.rounds import ENDED, Phase
from domain.tasks import TaskKind
from storage.rounds import Round
from storage.tasks import Backlog, TaskStatus

STEPS = tuple(phase for phase in Phase if phase not in {Phase.CANCELLED, Phase.FAILED})

_AWAITED = {"reviewers": N_("reviewers"), "approver": N_("an approver")}

_WORKERS = (
    (TaskKind.REVIEW, N_("reviewers")),
    (TaskKind.ADJUDICATION, N_("adjudicators")),
)


@dataclass(frozen=True, kw_only=True)
class Step:
    phase: Phase
    state: str
    """`done`, `current`, `ahead`, or `stopped` where a round ended before its end."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """The tasks of one kind."""

    kind: TaskKind
    open: int
    claimed: int
    done: int
    """Answered, whether or not the shard has decided yet."""
    closed: int

    @property
    def wanted(self) -> int:
        return self.open + self.claimed + self.done


def steps_of(round_: Round) -> list[Step]:
    if round_.phase in STEPS:
        place = STEPS.index(round_.phase)
        here = "done" if round_.phase is Phase.CLOSED else "current"
    else:
        place = STEPS.index(Phase((round_.failure or {}).get("phase", Phase.SNAPSHOT)))
        here = "stopped"
    states = ["done"] * place + [here] + ["ahead"] * (len(STEPS) - place - 1)
    return [Step(phase=phase, state=state) for phase, state in zip(STEPS, states, strict=True)]


def work_of(backlog: Sequence[Backlog]) -> list[Work]:
    """One entry for each kind of task that the round has had."""
    counts = Counter({(each.kind, each.status): each.tasks for each in backlog})
    return [
        Work(
            kind=kind,
            open=counts[kind, TaskStatus.OPEN],
            claimed=counts[kind, TaskStatus.CLAIMED],
            done=counts[kind, TaskStatus.DONE] + counts[kind, TaskStatus.SUBMITTED],
            closed=counts[kind, TaskStatus.CLOSED],
        )
        for kind in TaskKind
        if any(each.kind is kind for each in backlog)
    ]


def awaited(round_: Round, work: Sequence[Work]) -> str:
    """Whom the round waits for; empty when it goes on by itself or has ended."""
    if round_.phase in ENDED or round_.awaiting is None:
        return ""
    who = str(round_.awaiting.get("who", ""))
    if who != "reviewers" or not work:
        return gettext(_AWAITED[who]) if who in _AWAITED else who
    needed = [
        gettext(name)
        for kind, name in _WORKERS
        if any(each.kind is kind and each.open + each.claimed for each in work)
    ]
    return listed(needed, gettext("{some} and {last}"))


def progress(work: Sequence[Work]) -> tuple[int, int]:
    """Answers given, and answers wanted, over all kinds of task."""
    return sum(each.done for each in work), sum(each.wanted for each in work)


def lift_chart(evaluation: dict[str, Any]) -> Markup | None:
    """Before and after on the frozen test set; none when neither was measured."""
    named = [
        (gettext("Before"), "var(--before)", evaluation.get("before")),
        (gettext("After"), "var(--accent)", evaluation.get("after")),
    ]
    estimates = [(name, tone, measured) for name, tone, measured in named if measured]
    if not estimates:
        return None
    return interval_chart(
        estimates,
        title=gettext("Metric before and after, with its intervals"),
    )


def comparison_chart(evaluation: dict[str, Any]) -> Markup | None:
    """The active arms against the random arm at equal labels; none when not measured."""
    comparison = evaluation.get("comparison")
    if not comparison:
        return None
    return interval_chart(
        [
            (gettext("Chosen actively"), "var(--accent)", comparison["active"]),
            (gettext("Chosen at random"), "var(--before)", comparison["random"]),
        ],
        title=gettext("Active arms against the random arm, with 95 %% intervals").replace(
            "%%", "%"
        ),
    )
