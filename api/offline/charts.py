"""Learning curves of a backtest."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import altair as alt

from api.drawing import SERIES, colour, svg
from learning.backtesting.curves import MetricCurves

DASHES: tuple[tuple[int, ...], ...] = ((1, 0), (6, 3), (2, 3), (8, 3, 2, 3), (4, 4), (1, 2))
"""One for each strategy, so that nobody needs to tell colours apart."""
_STEP = 0.05
_WORDS: dict[str, Any] = {"color": "var(--muted)", "fontSize": 12}


@dataclass(frozen=True, kw_only=True)
class Size:
    width: int
    height: int


WIDE, NARROW, SMALL = (
    Size(width=860, height=330),
    Size(width=330, height=260),
    Size(width=300, height=170),
)


def span(*every: MetricCurves) -> tuple[float, float]:
    """The range of figures that all of these fit into, so that charts beside each other compare."""
    values = [
        point.mean
        for curves in every
        for strategy in curves.strategies.values()
        for point in strategy.curve
    ] + [curves.full.mean for curves in every]
    # Intervals may be cut off: with few seeds they would flatten every line.
    low, high = min(values) - _STEP / 2, max(values) + _STEP / 2
    start, end = floor(low / _STEP) * _STEP, ceil(high / _STEP) * _STEP
    return max(0.0, start), min(1.0, max(end, start + _STEP))


def learning_curves(
    curves: MetricCurves, size: Size, *, between: tuple[float, float], share: float, title: str
) -> str:
    """An SVG: a line with its interval for each strategy, the full-data figure, and `share` of it.

    `title` is what a screen reader says.
    """
    names = list(curves.strategies)
    chart = alt.layer(
        *_goal(curves, share, size),
        *_lines(curves, names, between, size),
    ).properties(width=size.width - 56, height=size.height - 44, padding=2)
    return svg(chart.to_dict(), title)


def _lines(
    curves: MetricCurves, names: list[str], between: tuple[float, float], size: Size
) -> list[Any]:
    rows = [
        {
            "strategy": name,
            "labels": point.labels,
            "mean": point.mean,
            "low": point.mean if point.low is None else point.low,
            "high": point.mean if point.high is None else point.high,
        }
        for name, strategy in curves.strategies.items()
        for point in strategy.curve
    ]
    labels = sorted({int(str(row["labels"])) for row in rows})
    ticks = labels[:: max(1, ceil(len(labels) / (size.width / 60)))]
    x = alt.X(
        "labels:Q",
        title="labels" if size is not SMALL else None,
        axis=alt.Axis(values=ticks, grid=False),
        scale=alt.Scale(domain=[labels[0], labels[-1]], nice=False),
    )
    scale = alt.Scale(domain=list(between), nice=False, zero=False)
    axis = alt.Axis(format="%", tickCount=5, title=None)
    y = alt.Y("mean:Q", scale=scale, axis=axis)
    colours = alt.Color(
        "strategy:N",
        sort=None,
        scale=alt.Scale(domain=names, range=[colour(place) for place in range(len(names))]),
        legend=None,
    )
    dashes = alt.StrokeDash(
        "strategy:N",
        sort=None,
        scale=alt.Scale(
            domain=names, range=[list(DASHES[place % SERIES]) for place in range(len(names))]
        ),
        legend=None,
    )
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x, color=colours)
    first = alt.datum.strategy == names[0]
    band = base.mark_area(opacity=0.13, clip=True).encode(
        y=alt.Y("low:Q", scale=scale, axis=axis), y2="high:Q"
    )
    line = base.mark_line(strokeWidth=1.8, clip=True).encode(y=y, strokeDash=dashes)
    strong = line.transform_filter(first).mark_line(strokeWidth=3, clip=True)
    points = base.transform_filter(first).mark_point(filled=True, size=36, opacity=1).encode(y=y)
    return [band, line, strong, points] if size is not SMALL else [band, line, strong]


def _goal(curves: MetricCurves, share: float, size: Size) -> list[Any]:
    full = curves.full.mean
    rows = [
        {"value": full, "words": f"all labels: {100 * full:.1f} %"},
        {"value": share * full, "words": f"{100 * share:.0f} % of that"},
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=alt.Y("value:Q"))
    rule = base.mark_rule(color="var(--muted)", strokeDash=[3, 3], strokeWidth=1)
    if size is SMALL:
        return [rule]
    above, below = (alt.Chart(alt.InlineData(values=[row])) for row in rows)
    words = [
        above.mark_text(align="left", baseline="bottom", dx=4, dy=-3, **_WORDS),
        below.mark_text(align="left", baseline="top", dx=4, dy=3, **_WORDS),
    ]
    at = {"x": alt.value(0), "y": alt.Y("value:Q"), "text": "words:N"}
    return [rule, *(each.encode(**at) for each in words)]
