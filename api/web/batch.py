"""A round's batch as its page shows it: gates, composition, and the decision that is wanted."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from api.authentication import Caller
from api.batch_words import (
    Share,
    all_shortfalls,
    column_words,
    differences,
    distance_words,
    findings_of,
    gate_meaning,
    gate_words,
    shares,
)
from api.deciding import author_in_force
from api.recorded_words import told
from domain.accounts import Permission
from domain.duties import batch_conflict
from domain.rounds import Phase
from domain.selections import Distribution, Findings, GateResult
from storage import policies
from storage.rounds import Round


@dataclass(frozen=True, kw_only=True)
class GateLine:
    passed: bool
    words: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the batch beside what it was drawn from."""

    name: str
    likeness: str
    differences: str
    others: list[str]
    """How it compares with what is labelled, and with production."""
    rows: list[Share]
    labelled: bool
    """Whether anything is labelled."""
    production: bool
    scale: float
    """The largest share of batch and pool: the whole width of a bar."""

    def width(self, share: float) -> float:
        """In hundredths of a bar."""
        return 100.0 * share / self.scale


@dataclass(frozen=True, kw_only=True)
class BatchView:
    gates: list[GateLine]
    shortfalls: list[str]
    alarms: list[str]
    notes: list[str]
    excluded: list[tuple[str, int]]
    columns: list[Column]

    @property
    def failed(self) -> list[GateLine]:
        return [gate for gate in self.gates if not gate.passed]


@dataclass(frozen=True, kw_only=True)
class PolicyChoice:
    named: str
    """`name@version`."""
    description: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The decision that a held batch waits for, as far as this caller has a part in it."""

    digest: str
    records: int
    may_decide: bool
    conflict: str | None
    """Which part of the caller's stands against their deciding."""
    policies: list[PolicyChoice]
    """Approved ones that would select another batch."""


def batch_view(round_: Round) -> BatchView | None:
    """None before there is a batch."""
    findings = findings_of(round_.summary)
    return None if findings is None else view_of(findings)


def wanted_decision(connection: Connection, round_: Round, caller: Caller) -> Wanted | None:
    """None when no decision about the batch is wanted."""
    digest = (round_.awaiting or {}).get("batch_digest")
    if round_.phase is not Phase.CHECKING or digest is None:
        return None
    batch = round_.summary["batch"]
    conflict = batch_conflict(
        caller.account_id,
        requested_by=round_.plan.requested_by.account_id,
        policy_author=author_in_force(connection, round_),
    )
    may_decide = caller.may(Permission.APPROVE) and conflict is None
    approved = policies.list_approved(connection) if may_decide else []
    return Wanted(
        digest=str(digest),
        records=batch["records"],
        may_decide=may_decide,
        conflict=conflict,
        policies=[
            PolicyChoice(
                named=f"{each.policy.name}@{each.policy.version}",
                description=each.policy.description,
            )
            for each in approved
            if each.policy.digest != batch["policy_digest"] and each.author != caller.account_id
        ],
    )


def view_of(findings: Findings) -> BatchView:
    return BatchView(
        gates=[_gate(gate) for gate in findings.gates],
        shortfalls=all_shortfalls(findings),
        alarms=[told(each) for each in findings.alarms],
        notes=[told(each) for each in findings.notes],
        excluded=[
            (told(reason), records)
            for reason, records in sorted(findings.excluded.items(), key=lambda pair: -pair[1])
        ],
        columns=[_column(each) for each in findings.composition],
    )


def _gate(gate: GateResult) -> GateLine:
    return GateLine(passed=gate.passed, words=gate_words(gate), meaning=gate_meaning(gate))


def _column(distribution: Distribution) -> Column:
    rows = shares(distribution)
    widest = max((max(row.batch, row.pool or 0.0) for row in rows), default=1.0)
    return Column(
        name=column_words(distribution.column),
        likeness=distance_words(distribution, "pool") if "pool" in distribution.distances else "",
        differences=differences(distribution),
        others=[
            distance_words(distribution, reference)
            for reference in ("labelled", "production")
            if reference in distribution.distances
        ],
        rows=rows,
        labelled=any(distribution.labelled),
        production=any(distribution.production),
        scale=widest or 1.0,
    )
