"""What the demo found out, for the report and as one JSON object."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A metric on the test digits with its 95 % interval."""

    metric: str
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, estimate: dict[str, Any]) -> Figure:
        return cls(**{name: estimate[name] for name in ("metric", "value", "low", "high")})


@dataclass(frozen=True, kw_only=True)
class ReviewerResult:
    name: str
    answers: int
    wrong: int
    """Answers other than the truth, which only the demo knows."""
    error_rate: float
    """The rate that this person was told to err at."""


@dataclass(frozen=True, kw_only=True)
class DatasetResult:
    name: str
    version: int
    digest: str
    roles: dict[str, int]
    path: str
    approved_by: str


@dataclass(frozen=True, kw_only=True)
class ModelResult:
    before: Figure | None
    after: Figure | None
    lift: float | None
    low: float | None
    high: float | None
    test_records: int
    labels_before: int
    labels_after: int


@dataclass(frozen=True, kw_only=True)
class BaselineResult:
    """Accuracy after as many active as random labels."""

    labels: int
    active: float
    random: float
    difference: float
    low: float
    high: float

    @classmethod
    def of(cls, comparison: dict[str, Any]) -> BaselineResult:
        return cls(
            labels=comparison["labels"],
            active=comparison["active"]["value"],
            random=comparison["random"]["value"],
            difference=comparison["difference"],
            low=comparison["low"],
            high=comparison["high"],
        )


@dataclass(frozen=True, kw_only=True)
class AuditResult:
    histories: int
    events: int
    decisions: int
    replayed: bool
    verified: bool
    ledger_head: str
    findings: list[str]

    @classmethod
    def of(cls, report: dict[str, Any]) -> AuditResult:
        return cls(
            histories=report["histories"],
            events=report["events"],
            decisions=report["decisions"],
            replayed=report["replayed"],
            verified=report["verified"],
            ledger_head=report["ledger_head"],
            findings=[finding["message"] for finding in report["findings"]],
        )


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    round: str
    pool_records: int
    pool_unlabelled: int
    """Records that were imported without a label."""
    selected: int
    arms: dict[str, int]
    reviews: int
    agreed: int
    adjudicated: int
    agreement: float | None
    """Krippendorff's alpha."""
    right: int
    """Selected records whose final label is the truth."""
    reviewers: list[ReviewerResult]
    dataset: DatasetResult
    model: ModelResult
    baseline: BaselineResult | None
    notes: list[str]
    """Why something was not measured."""
    audit: AuditResult
    seconds: dict[str, float]
    data_dir: str
    database_url: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
