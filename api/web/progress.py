"""How a round gets on, as its page shows it: charts with their figures beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.language import decimal, gettext, percent
from api.round_progress import Pace, Progress
from api.vocabulary import word, words
from api.web.charts import SHARES, Figure, bar_chart, heat_map, histogram, line_chart
from domain.arms import RANDOM_ARM
from domain.gold import GOLD_ARM
from storage.progress import BINS, ArmYield, QueueBacklog

MANY = 14
"""More classes than this make a table that nobody reads: the most frequent ones are shown."""
_Z = 1.96


@dataclass(frozen=True, kw_only=True)
class ProgressView:
    queues: list[QueueBacklog]
    backlog: Figure | None
    throughput: Figure | None
    pace: Pace | None
    median_seconds: float | None
    confidence: Figure | None
    distribution: Figure | None
    confusion: Figure | None
    arms: Figure | None
    blind: bool


def progress_view(found: Progress, *, blind: bool) -> ProgressView:
    return ProgressView(
        queues=found.queues,
        backlog=_backlog(found.queues),
        throughput=_throughput(found),
        pace=found.pace,
        median_seconds=found.median_seconds,
        confidence=_confidence(found.label_confidence),
        distribution=_distribution(found.labels_before, found.labels),
        confusion=_confusion(found.answer_pairs),
        arms=_arms(found.arms),
        blind=blind,
    )


def _ages() -> list[tuple[str, str]]:
    names = (
        gettext("under an hour"),
        gettext("under a day"),
        gettext("under three days"),
        gettext("older"),
    )
    colours = ("var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--bad)")
    return list(zip(names, colours, strict=True))


def _backlog(queues: Sequence[QueueBacklog]) -> Figure | None:
    if not queues:
        return None
    ages = _ages()
    named = [(f"{each.queue} · {word(each.kind, 'task')}", each) for each in queues]
    rows = [
        {"name": name, "series": age, "value": count, "said": f"{name}, {age}: {decimal(count)}"}
        for name, each in named
        for (age, _), count in zip(ages, each.by_age, strict=True)
        if count
    ]
    caption = gettext("What waits, by queue and age")
    return Figure(
        svg=bar_chart(rows, title=caption, series=ages, unit=gettext("tasks")),
        caption=caption,
        heads=[gettext("Queue"), *(age for age, _ in ages), gettext("claimed")],
        rows=[
            [name, *(decimal(count) for count in each.by_age), decimal(each.claimed)]
            for name, each in named
        ],
    )


def _throughput(found: Progress) -> Figure | None:
    if len(found.hours) < 2:
        return None
    caption = gettext("Answers an hour, in UTC")
    told = [[each.hour[:16].replace("T", " "), decimal(each.answers)] for each in found.hours]
    rows = [
        {"at": each.hour, "value": each.answers, "said": ": ".join(said)}
        for each, said in zip(found.hours, told, strict=True)
    ]
    return Figure(
        svg=line_chart(rows, title=caption, over=gettext("hour"), temporal=True),
        caption=caption,
        heads=[gettext("Hour"), gettext("Answers")],
        rows=told,
    )


def _confidence(bins: Sequence[int]) -> Figure | None:
    if not any(bins):
        return None
    caption = gettext("Label confidence: the share of answers that gave the label")
    rows = [
        {
            "low": place / BINS,
            "high": (place + 1) / BINS,
            "value": count,
            "said": f"{percent(place / BINS)} – {percent((place + 1) / BINS)}: {decimal(count)}",
        }
        for place, count in enumerate(bins)
    ]
    return Figure(
        svg=histogram(rows, title=caption, unit=gettext("label confidence"), form=SHARES),
        caption=caption,
        heads=[gettext("Label confidence"), gettext("Records")],
        rows=[[str(row["said"]).split(":")[0], decimal(float(str(row["value"])))] for row in rows],
    )


def _distribution(before: Mapping[str, int], here: Mapping[str, int]) -> Figure | None:
    """Shares of classes before the round, and with its labels."""
    if not here:
        return None
    after = {label: before.get(label, 0) + here.get(label, 0) for label in {*before, *here}}
    labels = sorted(after, key=lambda label: (-after[label], label))
    shown = sorted(labels[:MANY])
    series = [(gettext("before"), "var(--before)"), (gettext("with this round"), "var(--accent)")]
    all_before, all_after = sum(before.values()), sum(after.values())

    def share(counts: Mapping[str, int], whole: int, label: str) -> float:
        return counts.get(label, 0) / whole if whole else 0.0

    rows = []
    table = []
    for label in shown:
        shares = (share(before, all_before, label), share(after, all_after, label))
        rows += [
            {"name": label, "series": name, "value": value, "said": f"{label}: {percent(value, 1)}"}
            for (name, _), value in zip(series, shares, strict=True)
        ]
        table.append(
            [label, percent(shares[0], 1), percent(shares[1], 1), decimal(here.get(label, 0))]
        )
    caption = gettext("Classes before the round and with its labels")
    if len(labels) > MANY:
        caption = gettext("The most frequent classes before the round and with its labels")
    return Figure(
        svg=bar_chart(rows, title=caption, series=series, beside=True, form=SHARES),
        caption=caption,
        heads=[gettext("Class"), *(name for name, _ in series), gettext("new labels")],
        rows=table,
    )


def _confusion(pairs: Sequence[tuple[str, str, int]]) -> Figure | None:
    """What two people said of one record; symmetric, since neither is the first."""
    counts: dict[tuple[str, str], int] = {(one, other): n for one, other, n in pairs}
    totals: dict[str, int] = {}
    for (one, _), n in counts.items():
        totals[one] = totals.get(one, 0) + n
    if len(totals) < 2:
        return None
    shown = sorted(sorted(totals, key=lambda each: (-totals[each], each))[:MANY])
    rows: list[dict[str, Any]] = [
        {
            "row": one,
            "column": other,
            "value": counts.get((one, other), 0) / totals[one],
            "text": decimal(counts[one, other]) if (one, other) in counts else "",
        }
        for one in shown
        for other in shown
    ]
    caption = gettext("What two reviewers said of the same record")
    return Figure(
        svg=heat_map(rows, title=caption, down=gettext("one said"), across=gettext("another said")),
        caption=caption,
        heads=[gettext("one said"), *shown],
        rows=[[one, *(decimal(counts.get((one, other), 0)) for other in shown)] for one in shown],
    )


def _arms(arms: Sequence[ArmYield]) -> Figure | None:
    """How often the model was mistaken in what each arm chose, against the random arm."""
    told = [each for each in arms if each.arm != GOLD_ARM and each.compared]
    if not told:
        return None
    caption = gettext("Label efficiency by arm: records that the model had taken for another class")
    rows = []
    table = []
    for each in told:
        low, high = _wilson(each.mistaken, each.compared)
        share = each.mistaken / each.compared
        name = words(each.arm)
        rows.append({"name": name, "value": share, "said": f"{name}: {percent(share)}"})
        table.append(
            [
                words(each.arm),
                decimal(each.compared),
                f"{percent(share)} ({percent(low)} – {percent(high)})",
                decimal(100 * each.mistaken / each.reviews, 1) if each.reviews else "–",
            ]
        )
    rows.sort(key=lambda row: row["name"] == RANDOM_ARM)
    return Figure(
        svg=bar_chart(rows, title=caption, form=SHARES),
        caption=caption,
        heads=[
            gettext("Arm"),
            gettext("Records"),
            gettext("mistaken, with its interval"),
            gettext("mistakes found in 100 answers"),
        ],
        rows=table,
    )


def _wilson(found: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, Probable inference, 1927)."""
    share = found / of
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * (share * (1 - share) / of + _Z**2 / (4 * of**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)
