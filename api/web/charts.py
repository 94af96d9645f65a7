"""The kinds of charts that pages use: rows in, SVG out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
from markupsafe import Markup

from api.drawing import colour
from api.language import percent
from api.web.drawing import WIDTH, drawn

ROW = 30
"""Height of a bar with the space around it, in pixels."""
HEIGHT = 200
LEGEND = 4
"""Series in a line of the legend: of more it would be wider than the chart."""
COUNTS, SHARES = ",.0f", ".0%"
"""How figures are written on an axis, by d3-format."""
TIMES: dict[str, Any] = {
    "seconds": "%H:%M:%S",
    "minutes": "%H:%M",
    "hours": "%H:%M",
    "day": "%-d %b",
    "date": "%-d %b",
    "week": "%-d %b",
    "month": "%b",
    "quarter": "%b",
    "year": "%Y",
}
"""How moments are, by the smallest unit that sets them apart."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A chart with its figures as a table: of each row the first is its name."""

    svg: Markup
    caption: str
    heads: list[str]
    rows: list[list[str]]


def interval_chart(
    estimates: Sequence[tuple[str, str, Mapping[str, float]]], *, title: str
) -> Markup:
    """Estimates `(name, colour, {value, low, high})` under each other on one scale of shares."""
    rows = [
        {
            "name": name,
            "colour": tone,
            "value": each["value"],
            "low": each["low"],
            "high": each["high"],
            "said": f"{name}: {percent(each['value'], 1)}"
            f" ({percent(each['low'], 1)} – {percent(each['high'], 1)})",
        }
        for name, tone, each in estimates
    ]
    x = alt.X(
        "low:Q",
        title=None,
        scale=alt.Scale(zero=False, padding=8),
        axis=alt.Axis(format=SHARES, tickCount=5),
    )
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False)),
        color=alt.Color("colour:N", scale=None),
        description="said:N",
    )
    return drawn(
        alt.layer(
            base.mark_rule(strokeWidth=2.5).encode(x=x, x2="high:Q"),
            base.mark_tick(thickness=2.5, size=11).encode(x=x),
            base.mark_tick(thickness=2.5, size=11).encode(x=alt.X("high:Q", title=None)),
            base.mark_circle(size=110, opacity=1, aria=True).encode(x=alt.X("value:Q", title=None)),
        ).properties(width=WIDTH - 60, height=ROW * len(rows)),
        title=title,
    )


def bar_chart(
    rows: Sequence[Mapping[str, Any]],
    *,
    title: str,
    series: Sequence[tuple[str, str]] = (),
    beside: bool = False,
    form: str = COUNTS,
    unit: str | None = None,
) -> Markup:
    """Lying bars, one a name in the order of the rows `{name, value, said?, series?}`.

    `series` are names and colours in their order, stacked in each bar or `beside` each other;
    `said` is shown when a bar is pointed at; `unit` stands under the axis.
    """
    values = [{"said": f"{row['name']}: {row['value']}", **row} for row in rows]
    names = len({row["name"] for row in rows})
    encoding: dict[str, Any] = {
        "y": alt.Y("name:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False)),
        "x": alt.X("value:Q", title=unit, axis=alt.Axis(format=form, tickCount=4)),
        "description": "said:N",
    }
    height = ROW * names
    if not series:
        encoding["color"] = alt.value(colour(0))
    else:
        encoding["color"] = _colours(series)
        encoding["order"] = alt.Order("place:Q")
        place = {name: number for number, (name, _) in enumerate(series)}
        values = [{**row, "place": place[row["series"]]} for row in values]
        if beside:
            encoding["yOffset"] = alt.YOffset("series:N", sort=[name for name, _ in series])
            height = names * (12 + 16 * len(series))
    chart = alt.Chart(alt.InlineData(values=values)).mark_bar(aria=True)
    return drawn(
        chart.encode(**encoding).properties(width=WIDTH - 60, height=max(height, ROW)), title=title
    )


def histogram(
    rows: Sequence[Mapping[str, Any]], *, title: str, unit: str, form: str = COUNTS
) -> Markup:
    """Standing bars over bins `{low, high, value, said?}` of a quantity in `unit`."""
    values = [{"said": f"{row['low']}–{row['high']}: {row['value']}", **row} for row in rows]
    return drawn(
        alt.Chart(alt.InlineData(values=values))
        .mark_bar(aria=True, color=colour(0), binSpacing=1)
        .encode(
            x=alt.X("low:Q", bin="binned", title=unit, axis=alt.Axis(format=form, grid=False)),
            x2="high:Q",
            y=alt.Y("value:Q", title=None, axis=alt.Axis(format=COUNTS, tickCount=4)),
            description="said:N",
        )
        .properties(width=WIDTH, height=HEIGHT),
        title=title,
    )


def line_chart(
    rows: Sequence[Mapping[str, Any]],
    *,
    title: str,
    over: str,
    series: Sequence[tuple[str, str]] = (),
    temporal: bool = False,
    form: str = COUNTS,
    unit: str | None = None,
    zero: bool = True,
) -> Markup:
    """A line a series through `{at, value, low?, high?, said?, series?}`, with bands for intervals.

    `at` is a number, a name, or with `temporal` an ISO timestamp, which is drawn in UTC; `over`
    says of what.
    """
    values = [{"said": f"{row['at']}: {row['value']}", **row} for row in rows]
    kind = "T" if temporal else "Q" if all(_is_number(row["at"]) for row in rows) else "O"
    scale = alt.Scale(zero=zero)
    base = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X(
            f"at:{kind}",
            title=over,
            sort=None,
            scale=alt.Scale(type="utc") if temporal else alt.Undefined,
            axis=alt.Axis(
                grid=False,
                labelAngle=0,
                labelSeparation=8,
                tickCount=5 if temporal else alt.Undefined,
                format=TIMES if temporal else alt.Undefined,
            ),
        ),
        **{"color": _colours(series)} if series else {"color": alt.value(colour(0))},
    )
    y = alt.Y("value:Q", title=unit, scale=scale, axis=alt.Axis(format=form, tickCount=5))
    layers = [
        base.mark_line(strokeWidth=2.2).encode(y=y),
        base.mark_point(filled=True, size=55, opacity=1, aria=True).encode(
            y=y, description="said:N"
        ),
    ]
    if any(row.get("low") is not None for row in rows):
        layers.insert(
            0, base.mark_area(opacity=0.15).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
        )
    return drawn(alt.layer(*layers).properties(width=WIDTH, height=HEIGHT), title=title)


def heat_map(rows: Sequence[Mapping[str, Any]], *, title: str, down: str, across: str) -> Markup:
    """A square for each `{row, column, value, text, said?}`, the darker the higher its value.

    `value` lies from 0 to 1, `text` stands in the square; `down` and `across` name the axes.
    """
    values = [
        {"said": f"{each['row']} × {each['column']}: {each['text']}", **each} for each in rows
    ]
    base = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X("column:N", sort=None, title=across, axis=alt.Axis(orient="top", labelAngle=-40)),
        y=alt.Y("row:N", sort=None, title=down),
    )
    shades = alt.Scale(domain=[0, 1], range=[0.04, 0.55])
    squares = base.mark_rect(aria=True, color=colour(0)).encode(
        opacity=alt.Opacity("value:Q", scale=shades, legend=None),
        description="said:N",
    )
    size = 34 * len({each["row"] for each in rows})
    return drawn(
        alt.layer(squares, base.mark_text().encode(text="text:N")).properties(
            width=size, height=size
        ),
        title=title,
    )


def _colours(series: Sequence[tuple[str, str]]) -> alt.Color:
    names, colours = zip(*series, strict=True)
    legend = alt.Legend(columns=LEGEND) if len(series) > LEGEND else alt.Undefined
    scale = alt.Scale(domain=names, range=colours)
    return alt.Color("series:N", sort=None, scale=scale, legend=legend)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
