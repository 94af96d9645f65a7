"""The page of a backtest: one file with everything in it, which asks no server for anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from api.drawing import SERIES, colour
from api.offline import charts, figures
from api.offline.labelled import Data
from api.policies.words import in_words
from domain.policy import SamplingPolicy
from learning.backtesting import Backtest, Plan
from learning.backtesting.curves import SHARES, MetricCurves


@dataclass(frozen=True, kw_only=True)
class Chart:
    title: str
    wide: str
    """SVG."""
    narrow: str
    """The same for a phone."""
    said: str = ""


def page(
    found: Backtest,
    plan: Plan,
    data: Data,
    policy: SamplingPolicy,
    *,
    first: SamplingPolicy | None,
    source: str,
    command: str,
    remarks: Sequence[str],
) -> str:
    """The report as HTML; `first` is the policy of the first round where it is another."""
    environment = Environment(
        loader=PackageLoader("api.offline", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("backtest.html").render(
        source=source,
        sentence=figures.sentence(found, plan),
        names=found.names,
        colours=[colour(place) for place in range(len(found.names))],
        dashes=[
            " ".join(map(str, charts.DASHES[place % SERIES])) for place in range(len(found.names))
        ],
        facts=_facts(found, plan, data),
        needed=_needed(found.accuracy, plan),
        shares=[figures.percent(share) for share in SHARES],
        last=_last(found),
        curves=_main(found),
        segments=_segments(found, plan),
        unlisted=found.unlisted_segments,
        rounds=_rounds(found.accuracy),
        policy=policy,
        policy_words=in_words(policy, plan.batch),
        first=first,
        first_words=[] if first is None else in_words(first, plan.batch),
        plan=plan,
        command=command,
        remarks=remarks,
    )


def _facts(found: Backtest, plan: Plan, data: Data) -> list[tuple[str, str]]:
    records = data.records
    tested = f"{found.accuracy.tested:,.0f}"
    return [
        ("Records", f"{len(records):,} with a label, {len(records.classes)} classes"),
        ("Learned from", data.learned_from),
        ("Each seed", f"{found.pool:,.0f} records to choose from, {tested} kept for measuring"),
        ("Replayed", f"{plan.rounds} rounds of {plan.batch} labels, {plan.seeds} seeds"),
        (
            "Reviewers",
            f"{plan.error_rate:.1%} of labels wrong" if plan.error_rate else "never wrong",
        ),
    ]


def _needed(curves: MetricCurves, plan: Plan) -> list[dict[str, Any]]:
    """A row a strategy: labels needed for each share, and what the policy saves against it."""
    return [
        {
            "name": name,
            "labels": [
                figures.labels_shown(strategy.labels_to[share], plan.budget) for share in SHARES
            ],
            "saving": figures.saving_shown(curves.savings[name][figures.ASKED])
            if name in curves.savings
            else None,
        }
        for name, strategy in curves.strategies.items()
    ]


def _last(found: Backtest) -> list[tuple[str, list[figures.Shown]]]:
    """Accuracy and macro-F1 of each strategy after the last round, and of all labels."""
    metrics = (found.accuracy, found.macro_f1)
    return [
        *(
            (name, [figures.share_shown(each.strategies[name].curve[-1]) for each in metrics])
            for name in found.names
        ),
        ("all labels", [figures.share_shown(each.full) for each in metrics]),
    ]


def _main(found: Backtest) -> list[Chart]:
    return [
        _chart(title, curves)
        for title, curves in (("Accuracy", found.accuracy), ("Macro-F1", found.macro_f1))
    ]


def _chart(title: str, curves: MetricCurves) -> Chart:
    said = f"{title} by labels spent, a line for each of {', '.join(curves.strategies)}"

    def drawn(size: charts.Size) -> str:
        return charts.learning_curves(
            curves, size, between=charts.span(curves), share=figures.ASKED, title=said
        )

    return Chart(title=title, wide=drawn(charts.WIDE), narrow=drawn(charts.NARROW))


def _segments(found: Backtest, plan: Plan) -> list[Chart]:
    if not found.segments:
        return []
    between = charts.span(*found.segments.values())
    policy = found.names[0]
    return [
        Chart(
            title=name,
            wide=charts.learning_curves(
                curves,
                charts.SMALL,
                between=between,
                share=figures.ASKED,
                title=f"Accuracy by labels spent in the segment {name}",
            ),
            narrow="",
            said=_of_segment(curves, policy, plan),
        )
        for name, curves in found.segments.items()
    ]


def _of_segment(curves: MetricCurves, policy: str, plan: Plan) -> str:
    reached = curves.strategies[policy].labels_to[figures.ASKED]
    return (
        f"{curves.tested:,.0f} test records; all labels {100 * curves.full.mean:.1f} %; "
        f"labels to {figures.percent(figures.ASKED)} of that by {policy}: "
        f"{figures.labels_shown(reached, plan.budget)}"
    )


def _rounds(curves: MetricCurves) -> list[tuple[int, list[figures.Shown]]]:
    """Every figure of the chart, for whoever would rather read."""
    by_strategy = [strategy.curve for strategy in curves.strategies.values()]
    return [
        (
            points[0].labels,
            [figures.share_shown(each) for each in points],
        )
        for points in zip(*by_strategy, strict=True)
    ]
