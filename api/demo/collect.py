"""What the demo reads back once the round has closed, from the API and the published files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.demo.cast import REVIEWERS
from api.demo.client import Person
from api.demo.errors import DemoFailed
from api.demo.play import Played
from api.demo.result import (
    AuditResult,
    BaselineResult,
    DatasetResult,
    DemoResult,
    Figure,
    ModelResult,
    ReviewerResult,
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the demo's stack keeps its things."""

    data_dir: Path
    datasets: Path
    database_url: str


def collect(
    reader: Person,
    played: Played,
    truth: Mapping[str, str],
    *,
    place: Place,
    seconds: Mapping[str, float],
) -> DemoResult:
    """Raises DemoFailed when what was published is not what was approved."""
    round_ = played.round
    summary = round_["summary"]
    quality = summary["quality"]
    outcomes = list(reader.pages(f"/rounds/{round_['round_id']}/outcomes"))
    return DemoResult(
        round=round_["round_id"],
        pool_records=played.pool["records"],
        pool_unlabelled=played.pool["eligible"],
        selected=summary["batch"]["records"],
        arms=summary["batch"]["arms"],
        reviews=quality["reviews"],
        agreed=quality["agreed"],
        adjudicated=quality["adjudicated"],
        agreement=quality["alpha"],
        right=sum(
            (outcome["verdict"] or {}).get("label") == truth[outcome["record_id"]]
            for outcome in outcomes
        ),
        reviewers=reviewer_results(outcomes, truth),
        dataset=_dataset(reader, played, place.datasets),
        model=_model(reader, round_),
        baseline=BaselineResult.of(summary["evaluation"]["comparison"])
        if summary["evaluation"]["comparison"]
        else None,
        notes=summary["evaluation"]["notes"],
        audit=AuditResult.of(played.verification),
        seconds=dict(seconds),
        data_dir=str(place.data_dir),
        database_url=place.database_url,
    )


def reviewer_results(
    outcomes: list[dict[str, Any]], truth: Mapping[str, str]
) -> list[ReviewerResult]:
    """How many digits each simulated reviewer answered, and how many of them wrongly."""
    answers: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for outcome in outcomes:
        for review in outcome["reviews"]:
            if review["kind"] != "review" or review["status"] != "accepted":
                continue
            answers[review["reviewer"]] += 1
            wrong[review["reviewer"]] += review["verdict"]["label"] != truth[outcome["record_id"]]
    return [
        ReviewerResult(name=name, answers=answers[name], wrong=wrong[name], error_rate=rate)
        for name, rate in REVIEWERS.items()
    ]


def _dataset(reader: Person, played: Played, datasets: Path) -> DatasetResult:
    round_ = played.round
    versions = reader.get(f"/datasets/{round_['dataset']}")["versions"]
    of_round = [version for version in versions if version["round_id"] == round_["round_id"]]
    if not of_round:
        raise DemoFailed("The round closed without a dataset version of its own.")
    version = reader.get(f"/datasets/{round_['dataset']}/versions/{of_round[0]['version']}")
    path = datasets / version["dataset"] / f"v{version['version']}"
    manifest = path / "manifest.json"
    if not manifest.is_file():
        raise DemoFailed(f"The published version should be in {path}, and is not.")
    on_disk = hashlib.sha256(manifest.read_bytes()).hexdigest()
    if version["digest"] != played.approved_digest or version["manifest_sha256"] != on_disk:
        raise DemoFailed("What was published is not what was approved: the digests differ.")
    return DatasetResult(
        name=version["dataset"],
        version=version["version"],
        digest=version["digest"],
        roles=version["roles"],
        path=str(path),
        approved_by=version["manifest"]["approved_by"],
    )


def _model(reader: Person, round_: dict[str, Any]) -> ModelResult:
    evaluation = round_["summary"]["evaluation"]
    labels = {
        model["part"]: model["labelled"]
        for model in reader.get(f"/rounds/{round_['round_id']}/models")
    }
    return ModelResult(
        before=Figure.of(evaluation["before"]) if evaluation["before"] else None,
        after=Figure.of(evaluation["after"]) if evaluation["after"] else None,
        lift=evaluation["lift"],
        low=evaluation["lift_low"],
        high=evaluation["lift_high"],
        test_records=evaluation["after"]["records"] if evaluation["after"] else 0,
        labels_before=labels.get("before", 0),
        labels_after=labels.get("after", 0),
    )
