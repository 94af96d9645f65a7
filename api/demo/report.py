"""The report at the end of the demo, for somebody who sees Labelwright for the first time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from api.demo.result import AuditResult, BaselineResult, DatasetResult, DemoResult, ModelResult

WHY = {
    "uncertain": "like many others that the model hesitates about",
    "diverse": "unlike everything that is labelled already",
    "random": "drawn blindly, as the baseline to compare with",
}


INDENT = 4
WIDTH = 96
"""Of prose and rules: longer lines are hard to read."""


def show(console: Console, result: DemoResult) -> None:
    """Prints the whole report."""
    # Words wrap; what is to be copied stays on its line, however narrow the terminal is.
    console.print(_report(result), width=min(console.width, WIDTH), soft_wrap=False, crop=False)


def _report(result: DemoResult) -> RenderableType:
    return Group(
        Rule(Text(f"Round {result.round}", style="bold"), align="left"),
        *_selection(result),
        *_reviewing(result),
        *_dataset(result.dataset),
        *_worth(result.model, result.baseline, result.notes),
        *_audit(result.audit),
        _seconds(result.seconds),
    )


def comparison_in_words(baseline: BaselineResult) -> str:
    """What the active arms were worth against the random one, and no more than the data say."""
    interval = f"95 % interval {points(baseline.low)} to {points(baseline.high)}"
    difference = f"{points(abs(baseline.difference)).lstrip('+')} points ({interval})"
    if baseline.low > 0:
        return f"The active labels were worth more than as many random ones, by {difference}."
    if baseline.high < 0:
        return (
            f"The random labels were worth more this time, by {difference}. "
            "Every batch keeps a random arm so that this shows."
        )
    ahead = "active" if baseline.difference > 0 else "random"
    lead = f"The {ahead} labels are" if baseline.difference else "Neither is"
    return (
        f"{lead} ahead by {difference}. The interval includes 0: "
        "one round of this size cannot tell which are worth more."
    )


def points(share: float) -> str:
    """A difference of two shares in percentage points, with its sign."""
    rounded = round(100 * share, 1)
    return "0.0" if rounded == 0 else f"{rounded:+.1f}".replace("-", "−")


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _selection(result: DemoResult) -> Iterable[RenderableType]:
    yield _heading(
        "Chosen",
        f"{result.selected} digits from a pool of {result.pool_records:,}, "
        f"of which {result.pool_unlabelled:,} came without a label",
    )
    yield _table(
        ["arm", ">digits", "why"],
        [(arm, result.arms[arm], why) for arm, why in WHY.items() if arm in result.arms],
    )


def _reviewing(result: DemoResult) -> Iterable[RenderableType]:
    yield _heading(
        "Reviewed", f"{result.reviews} answers; two people a digit, neither sees the other's"
    )
    yield _table(
        ["reviewer", ">answers", ">wrong", ">simulated to err in"],
        [
            (each.name, each.answers, each.wrong, f"{each.error_rate:.0%}".replace("%", " %"))
            for each in result.reviewers
        ],
    )
    alpha = "not defined" if result.agreement is None else f"{result.agreement:.3f}"
    yield _prose(
        f"They agreed on {result.agreed} digits; {result.adjudicated} went to an adjudicator. "
        f"Krippendorff's alpha is {alpha} (1: full agreement, 0: chance).\n"
        f"{result.right} of {result.selected} final labels are right, which only this demo knows."
    )


def _dataset(dataset: DatasetResult) -> Iterable[RenderableType]:
    yield _heading(
        "Published", f"{dataset.name} version {dataset.version}, approved by {dataset.approved_by}"
    )
    roles = " · ".join(f"{role} {number}" for role, number in dataset.roles.items())
    yield _line("roles", roles)
    yield _line("digest", dataset.digest)
    yield _line("files", dataset.path)


def _worth(
    model: ModelResult, baseline: BaselineResult | None, notes: Sequence[str]
) -> Iterable[RenderableType]:
    yield _heading("Worth it?", f"on {model.test_records} test digits that no model learnt from")
    rows: list[Sequence[object]] = []
    for name, labels, figure in (
        ("before", model.labels_before, model.before),
        ("after", model.labels_after, model.after),
    ):
        if figure is not None:
            interval = f"{percent(figure.low)} to {percent(figure.high)}"
            rows.append((f"{name}, {labels} labels", percent(figure.value), interval))
    if model.lift is not None and model.low is not None and model.high is not None:
        interval = f"{points(model.low)} to {points(model.high)}"
        rows.append(("lift, in points", points(model.lift), interval))
    if baseline is not None:
        for name, value in (("active", baseline.active), ("random", baseline.random)):
            what = f"{model.labels_before} + {baseline.labels} {name} labels"
            rows.append((what, percent(value), ""))
    yield _table(["", ">accuracy", "95 % interval"], rows)
    if baseline is not None:
        yield _prose(comparison_in_words(baseline))
    for note in notes:
        yield _prose(f"Not measured: {note}.")


def _audit(audit: AuditResult) -> Iterable[RenderableType]:
    what = f"{audit.histories} histories, {audit.events:,} events, {audit.decisions:,} decisions"
    if audit.verified:
        yield _heading("Audited", what)
        yield _prose("All replayed; everything that was published follows from them.")
    else:
        yield _heading("Audited", f"{what}: DIFFERENCES FOUND", style="bold red")
        yield from (_prose(f"– {finding}") for finding in audit.findings[:10])
    yield _line("ledger", audit.ledger_head)


def _seconds(seconds: dict[str, float]) -> RenderableType:
    listed = " · ".join(f"{name} {value:.1f}" for name, value in seconds.items())
    return Group(_heading("Seconds", f"{sum(seconds.values()):.0f} in all"), _prose(listed), Text())


def _heading(name: str, rest: str, *, style: str = "bold cyan") -> RenderableType:
    """A section's name and its one most important fact."""
    return Text.assemble("\n", (name, style), "  ", rest)


def _prose(text: str) -> RenderableType:
    return Padding(Text(text), (0, 0, 0, INDENT), expand=False)


def _line(name: str, value: str) -> RenderableType:
    """On one line however long it is, so that it can be copied."""
    line = Text.assemble(" " * INDENT, (f"{name:<8}", "dim"), value)
    line.no_wrap, line.overflow = True, "ignore"
    return line


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> RenderableType:
    """A table without lines; a column whose name begins with `>` is aligned to the right."""
    table = Table(
        box=None,
        header_style="dim",
        padding=(0, 3, 0, 0),
        pad_edge=False,
    )
    for column in columns:
        table.add_column(
            column.removeprefix(">"),
            justify="right" if column.startswith(">") else "left",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    return Padding(table, (0, 0, 0, INDENT), expand=False)
