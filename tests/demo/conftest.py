"""A finished demo's figures, made up, for what only shows them."""

from __future__ import annotations

import pytest

from api.demo.result import (
    AuditResult,
    BaselineResult,
    DatasetResult,
    DemoResult,
    Figure,
    ModelResult,
    ReviewerResult,
)


@pytest.fixture
def result() -> DemoResult:
    return DemoResult(
        round="digits-20260101-abcdefgh",
        pool_records=1_797,
        pool_unlabelled=1_407,
        selected=120,
        arms={"random": 30, "uncertain": 60, "diverse": 30},
        reviews=240,
        agreed=103,
        adjudicated=17,
        agreement=0.8409,
        right=119,
        reviewers=[ReviewerResult(name="Bruno", answers=60, wrong=1, error_rate=0.02)],
        dataset=DatasetResult(
            name="digits",
            version=1,
            digest="1c" * 32,
            roles={"test": 360, "train": 148},
            path="/a/folder/whose/name/is/so/long/that/no/line/of/eighty/columns/holds/it/digits/v1",
            approved_by="Goran",
        ),
        model=ModelResult(
            before=Figure(metric="accuracy", value=0.808, low=0.767, high=0.847),
            after=Figure(metric="accuracy", value=0.917, low=0.889, high=0.944),
            lift=0.108,
            low=0.067,
            high=0.153,
            test_records=360,
            labels_before=30,
            labels_after=148,
        ),
        baseline=BaselineResult(
            labels=28, active=0.854, random=0.831, difference=0.023, low=-0.016, high=0.062
        ),
        notes=[],
        audit=AuditResult(
            histories=2,
            events=1_438,
            decisions=408,
            replayed=True,
            verified=True,
            ledger_head="af" * 32,
            findings=[],
        ),
        seconds={"start": 7.0, "review": 15.8},
        data_dir="/a/folder",
        database_url="postgresql://…",
    )
