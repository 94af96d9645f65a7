"""Small charts as geometry: templates turn them into SVG, with the figures beside it in text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor

from api.language import percent

WIDTH = 560
LEFT, RIGHT = 150, 20
ROW = 34
TOP = 10
TICKS = 6
STEPS = (0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True, kw_only=True)
class Whisker:
    """An estimate with its interval, one row of the chart."""

    name: str
    tone: str
    """A class of the style sheet."""
    value: float
    low: float
    high: float
    x: float
    x_low: float
    x_high: float
    y: float


@dataclass(frozen=True, kw_only=True)
class Tick:
    x: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    width: int
    height: int
    left: int
    bottom: float
    whiskers: list[Whisker]
    ticks: list[Tick]


def interval_chart(estimates: Sequence[tuple[str, str, Mapping[str, float]]]) -> Chart:
    """Estimates `(name, tone, {value, low, high})` under each other on one scale of shares."""
    lowest = min(each["low"] for _, _, each in estimates)
    highest = max(each["high"] for _, _, each in estimates)
    width = highest - lowest
    step = next((step for step in STEPS if width / step <= TICKS), width / TICKS)
    start, end = floor(lowest / step) * step, ceil(highest / step) * step
    end = max(end, start + step)

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - start) / (end - start)

    whiskers = [
        Whisker(
            name=name,
            tone=tone,
            value=each["value"],
            low=each["low"],
            high=each["high"],
            x=x(each["value"]),
            x_low=x(each["low"]),
            x_high=x(each["high"]),
            y=TOP + ROW * place + ROW / 2,
        )
        for place, (name, tone, each) in enumerate(estimates)
    ]
    bottom = TOP + ROW * len(whiskers)
    ticks = [
        Tick(x=x(start + number * step), text=percent(start + number * step))
        for number in range(round((end - start) / step) + 1)
    ]
    return Chart(
        width=WIDTH, height=bottom + 26, left=LEFT, bottom=bottom, whiskers=whiskers, ticks=ticks
    )
