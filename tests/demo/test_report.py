"""The report: what a newcomer reads, and what a program reads."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from api.demo.report import comparison_in_words, points, show
from api.demo.result import BaselineResult, DemoResult


def shown(result: DemoResult, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as captured:
        show(console, result)
    return captured.get()


def compared(difference: float, low: float, high: float) -> str:
    return comparison_in_words(
        BaselineResult(
            labels=28,
            active=0.8,
            random=0.8 - difference,
            difference=difference,
            low=low,
            high=high,
        )
    )


def test_the_report_says_what_was_chosen_reviewed_published_gained_and_audited(
    result: DemoResult,
) -> None:
    text = shown(result)
    for fact in (
        "120 digits from a pool of 1,797",
        "uncertain       60",
        "alpha",
        "0.841",
        "119 of 120 final labels",
        "digits version 1, approved by Goran",
        "test 360 · train 148",
        "80.8 %   76.7 % to 84.7 %",
        "+10.8   +6.7 to +15.3",
        "2 histories, 1,438 events, 408 decisions",
        "23 in all",
    ):
        assert fact in text


def test_what_somebody_may_copy_is_on_one_line(result: DemoResult) -> None:
    lines = [line.strip() for line in shown(result, width=60).splitlines()]
    for value in (result.dataset.digest, result.dataset.path, result.audit.ledger_head):
        assert any(line.endswith(value) for line in lines)


def test_the_report_fits_a_terminal_of_eighty_columns(result: DemoResult) -> None:
    lines = shown(result).splitlines()
    assert [line for line in lines if len(line) > 80 and result.dataset.path not in line] == []


def test_a_lead_is_claimed_only_when_the_interval_leaves_0_out() -> None:
    assert "active labels were worth more" in compared(0.03, 0.01, 0.05)
    assert "random labels were worth more" in compared(-0.03, -0.05, -0.01)
    for unsure in (compared(0.02, -0.01, 0.05), compared(-0.02, -0.05, 0.01)):
        assert "cannot tell" in unsure
        assert "includes 0" in unsure


def test_an_undecided_comparison_names_who_is_ahead_and_by_how_much() -> None:
    assert "The random labels are ahead by 2.0 points" in compared(-0.02, -0.05, 0.01)
    assert "95 % interval −5.0 to +1.0" in compared(-0.02, -0.05, 0.01)
    assert "Neither" in compared(0.0, -0.01, 0.01)


@pytest.mark.parametrize(
    ("share", "said"), [(0.108, "+10.8"), (-0.016, "−1.6"), (0.0, "0.0"), (-0.0001, "0.0")]
)
def test_a_difference_is_said_in_points_with_its_sign(share: float, said: str) -> None:
    assert points(share) == said


def test_what_was_not_measured_is_said(result: DemoResult) -> None:
    model = replace(result.model, before=None, lift=None, low=None, high=None)
    text = shown(
        replace(result, model=model, baseline=None, notes=["there was no model before this round"])
    )
    assert "Not measured: there was no model before this round." in text
    assert "before, 30 labels" not in text


def test_an_audit_that_found_something_says_what(result: DemoResult) -> None:
    audit = replace(result.audit, verified=False, findings=["A row was changed."])
    text = shown(replace(result, audit=audit))
    assert "DIFFERENCES FOUND" in text
    assert "A row was changed." in text


def test_the_figures_are_one_json_object_with_the_promised_names(result: DemoResult) -> None:
    figures = json.loads(json.dumps(result.as_json()))
    assert {
        "round", "pool_records", "selected", "arms", "reviews", "adjudicated", "agreement",
        "dataset", "model", "baseline", "audit", "seconds", "data_dir", "database_url",
    } <= set(figures)  # fmt: skip
    assert {"name", "version", "digest", "roles", "path"} <= set(figures["dataset"])
    for moment in ("before", "after"):
        assert {"metric", "value", "low", "high"} == set(figures["model"][moment])
    assert {"labels", "active", "random", "difference", "low", "high"} == set(figures["baseline"])
    assert {
        "histories", "events", "decisions", "replayed", "verified", "ledger_head",
    } <= set(figures["audit"])  # fmt: skip
