"""Charts of a page: drawn once, in the language that is spoken."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt
from babel import Locale
from markupsafe import Markup

from api.drawing import svg
from api.language import MINUS, NO_BREAK_SPACE, spoken

WIDTH = 420
"""Of a chart without its axes, in pixels: shrunk to a phone's width it can still be read."""


def drawn(chart: alt.TopLevelMixin, *, title: str) -> Markup:
    """The chart as SVG, for a template. `title` is what a screen reader says in its place.

    The first time it takes some 25 ms, and the first chart of all half a second.
    """
    return _drawn(json.dumps(chart.to_dict()), title, spoken().locale)


@lru_cache(maxsize=512)
def _drawn(spec: str, title: str, locale: Locale) -> Markup:
    # The library escapes what it draws, and titles are escaped there.
    return Markup(svg(json.loads(spec), title, _numbers(locale), _times(locale)))  # noqa: S704


def _numbers(locale: Locale) -> dict[str, Any]:
    """How the language writes figures, as d3-format wants to be told."""
    symbols = locale.number_symbols["latn"]
    spaced = locale.language == "en" or NO_BREAK_SPACE in str(locale.percent_formats[None].pattern)
    return {
        "decimal": symbols["decimal"],
        "thousands": symbols["group"],
        "grouping": [3],
        "currency": ["", ""],
        "minus": MINUS,
        "percent": f"{NO_BREAK_SPACE}%" if spaced else "%",
    }


def _times(locale: Locale) -> dict[str, Any]:
    """What the language calls months and days, as d3-time-format wants to be told."""

    def names(of: str, width: str, numbers: Sequence[int]) -> list[str]:
        # As they stand in a date, with the month after the day.
        found = getattr(locale, of)["format"][width]
        return [found[number] for number in numbers]

    sunday_first = (6, 0, 1, 2, 3, 4, 5)
    return {
        "dateTime": "%x, %X",
        "date": "%Y-%m-%d",
        "time": "%H:%M:%S",
        "periods": ["AM", "PM"],
        "days": names("days", "wide", sunday_first),
        "shortDays": names("days", "abbreviated", sunday_first),
        "months": names("months", "wide", range(1, 13)),
        "shortMonths": names("months", "abbreviated", range(1, 13)),
    }
