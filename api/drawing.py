"""Charts as SVG: made by Vega-Lite here, so that a page needs no script to show them.

Colours are variables of the page's style sheet, once for light and once for dark.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from html import escape
from typing import Any

import vl_convert

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
SERIES = 6
"""How many series have a colour of their own."""

_MARK = re.compile(r'<(path|text) aria-label="([^"]*)" role="graphics-symbol"([^>]*?)(/>|>)')


def colour(place: int) -> str:
    """The colour of the series at this place, counted from 0; they begin anew after the last."""
    return f"var(--series-{place % SERIES + 1})"


def svg(
    spec: Mapping[str, Any],
    title: str,
    numbers: dict[str, Any] | None = None,
    times: dict[str, Any] | None = None,
) -> str:
    """A Vega-Lite chart as an element of a page, as wide as it was drawn.

    `title` is what a screen reader says. A mark with `aria=True` and a `description` shows that
    text when it is pointed at. `numbers` and `times` are how figures and moments are
    written, as the locales of d3-format and d3-time-format.
    """
    drawn: str = vl_convert.vegalite_to_svg(
        {**spec, "background": "transparent", "config": _CONFIG},
        format_locale=numbers,
        time_format_locale=times,
    )
    drawn = _MARK.sub(_pointed_at, drawn)
    # Several of them share a page, and ids are one to a page.
    mark = hashlib.sha256(f"{title}{drawn}".encode()).hexdigest()[:8]
    drawn = re.sub(r'(id="|url\(#)', rf"\g<1>{mark}-", drawn)
    return drawn.replace(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        ' version="1.1" class="marks"',
        f'<svg class="chart" role="img" aria-label="{escape(title)}"',
        1,
    )


def _pointed_at(mark: re.Match[str]) -> str:
    """The mark with its description as a title, which browsers show beside the pointer."""
    name, description, rest, end = mark.groups()
    title = f"<title>{description}</title>"
    return f"<{name}{rest}>{title}</{name}>" if end == "/>" else f"<{name}{rest}>{title}"


_WORDS = {
    "labelColor": "var(--ink)",
    "titleColor": "var(--muted)",
    "labelFontSize": 13,
    "titleFontSize": 13,
    "titleFontWeight": "normal",
}
_CONFIG: dict[str, Any] = {
    "font": FONT,
    "view": {"stroke": None},
    "mark": {"aria": False},
    "axis": {
        **_WORDS,
        "aria": False,
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelLimit": 150,
        "labelPadding": 6,
    },
    "legend": {
        **_WORDS,
        "aria": False,
        "title": None,
        "labelLimit": 200,
        "orient": "top",
        "symbolType": "square",
        "columnPadding": 26,
    },
    "header": {**_WORDS, "title": None},
    "text": {"fontSize": 13, "color": "var(--ink)"},
}
