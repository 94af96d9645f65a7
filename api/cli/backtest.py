"""`labelwright backtest`: what a policy would save, replayed on records whose labels are known."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from api.cli.output import JsonOption, console, print_json, print_table, remark, remarks
from domain.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from api.offline.labelled import Data
    from domain.policy import SamplingPolicy
    from learning.backtesting import Backtest, Plan, Strategy

DEFAULT_BASELINES = ("random", "stratified")


def register(app: typer.Typer) -> None:
    app.command("backtest")(backtest)


def backtest(
    *,
    data: Annotated[Path, typer.Argument(help="CSV, JSON Lines or Parquet with known labels.")],
    label_column: Annotated[str, typer.Option("--label-column", help="Column of the labels.")],
    label_separator: Annotated[
        str | None,
        typer.Option("--label-separator", help="Between several labels of a record in one cell."),
    ] = None,
    policy: Annotated[
        str, typer.Option("--policy", help="YAML or JSON file, or growing, cold-start, mature, …")
    ],
    first_policy: Annotated[
        str | None,
        typer.Option("--first-policy", help="Followed in the first round; else --policy itself."),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            "--baseline",
            help="random, stratified, margin or a policy (repeat); else random, stratified.",
        ),
    ] = None,
    text_column: Annotated[
        str | None, typer.Option("--text-column", help="Learn from this column's texts.")
    ] = None,
    pairs: Annotated[
        bool,
        typer.Option("--pairs", help="Learn from pairs: left and right, or left_… and right_…."),
    ] = False,
    features: Annotated[
        Path | None, typer.Option("--features", help="Learn from these embeddings (.npy).")
    ] = None,
    feature_column: Annotated[
        list[str] | None,
        typer.Option("--feature-column", help="Learn from this column (repeat); else all others."),
    ] = None,
    segment_column: Annotated[
        str | None, typer.Option("--segment-column", help="Show results by its values too.")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id-column", help="Column of the record id; else `id`, or rows.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", min=1, help="Labels a round; else the policy's.")
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=1000, help="Rounds.")] = 10,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=1000, help="Repetitions, each on another split.")
    ] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first of them.")] = 0,
    error_rate: Annotated[
        float, typer.Option("--error-rate", help="Share of labels that reviewers get wrong.")
    ] = 0.0,
    test_share: Annotated[
        float, typer.Option("--test-share", help="Share of the records kept for measuring.")
    ] = 0.3,
    out: Annotated[
        Path | None, typer.Option("--out", help="Also write a page with charts (.html).")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the page.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what a policy would save, by replaying it on known labels; needs no server."""
    from api.offline import figures, labelled, policies
    from learning.backtesting import Plan, by_policy, replay, summarised
    from learning.backtesting.replay import steps
    from storage.sides import Sides

    _check(error_rate, test_share, out, force=force)
    followed = policies.load(policy)
    first = None if first_policy is None else policies.load(first_policy)
    strategies = [
        by_policy(followed, first=first),
        *_baselines(baseline or DEFAULT_BASELINES, followed),
    ]
    _check_names(strategies)
    found = labelled.read(
        labelled.DataFile(
            path=data,
            label_column=label_column,
            label_separator=label_separator,
            pairs=Sides() if pairs else None,
            text_column=text_column,
            features=features,
            feature_columns=tuple(feature_column or ()),
            segment_column=segment_column,
            id_column=id_column,
        ),
        followed,
    )
    plan = Plan(
        batch=batch or followed.batch_size,
        rounds=rounds,
        seeds=seeds,
        seed=seed,
        test_share=test_share,
        error_rate=error_rate,
    )
    with _progress(steps(plan, len(strategies)), quiet=as_json) as progress:
        replayed = replay(found.records, strategies, plan, progress=progress)
        result = summarised(found.records, plan, replayed)
    said = _remarks(found, result, plan)
    if first is not None:
        said.insert(0, f"The first round follows {first.name}.")
    if out is not None:
        _write_page(out, result, plan, found, followed, first=first, source=data.name, said=said)
    if as_json:
        print_json(
            {
                "sentence": figures.sentence(result, plan),
                "policy": {"name": followed.name, "digest": followed.digest},
                "plan": plan,
                "data": {
                    "rows": found.rows,
                    "records": len(found.records),
                    "without_label": found.unlabelled,
                    "without_text": found.without_text,
                    "classes": found.records.classes,
                    "classes_of_one_record": found.records.singles,
                    "pool": result.pool,
                },
                **figures.as_json(result),
                "remarks": said,
                "report": out,
            }
        )
        return
    _show(result, plan, out, said)


def _check(error_rate: float, test_share: float, out: Path | None, *, force: bool) -> None:
    if not 0.0 <= error_rate < 1.0:
        raise InvalidInput(f"--error-rate is {error_rate:g}; it is a share from 0 to below 1")
    if not 0.0 < test_share < 1.0:
        raise InvalidInput(f"--test-share is {test_share:g}; it is a share between 0 and 1")
    if out is None:
        return
    if out.is_dir() or not out.parent.is_dir():
        raise InvalidInput(f"{out} cannot be written", hint="name a file in a folder that is there")
    if out.exists() and not force:
        raise Conflict(f"{out} is there already", hint="name another file, or add --force")


def _baselines(named: Sequence[str], followed: SamplingPolicy) -> list[Strategy]:
    from api.offline import policies
    from learning.backtesting import BASELINES, by_policy
    from learning.backtesting import baseline as standard

    return [
        standard(name, exclusions=followed.exclusions)
        if name in BASELINES
        else by_policy(policies.load(name))
        for name in dict.fromkeys(named)
    ]


def _check_names(strategies: Sequence[Strategy]) -> None:
    names = [strategy.name for strategy in strategies]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(
            f"two things to compare are called “{twice}”", hint="give the policy another name"
        )


def _remarks(found: Data, result: Backtest, plan: Plan) -> list[str]:
    said = list(found.remarks)
    for count, what in (
        (found.unlabelled, "without a label"),
        (found.without_text, "without a text"),
    ):
        if count:
            said.append(f"{count:,} of {found.rows:,} rows {what} were left out.")
    if singles := found.records.singles:
        some = ", ".join(singles[:5]) + (", …" if len(singles) > 5 else "")
        said.append(
            f"{_classes(len(singles))} a single record ({some}): it may be learned from, and "
            "nothing measures it."
        )
    for name, batches in result.held.items():
        if batches:
            said.append(
                f"A gate of {name} would have held {batches:,} of {plan.rounds * plan.seeds:,} "
                "batches for a decision; here they went on."
            )
    for name, labels in result.unspent.items():
        if labels:
            said.append(
                f"{name} could not spend {labels:,} of {plan.budget * plan.seeds:,} labels: "
                "nothing else might be chosen."
            )
    said += [
        f"{name}: {note}."
        for name, notes in result.notes.items()
        for note in notes
        # Every policy begins without a model.
        if "no model yet" not in note
    ]
    return said


def _classes(count: int) -> str:
    return "1 class has" if count == 1 else f"{count:,} classes have"


def _write_page(
    out: Path,
    result: Backtest,
    plan: Plan,
    found: Data,
    policy: SamplingPolicy,
    *,
    first: SamplingPolicy | None,
    source: str,
    said: list[str],
) -> None:
    from api.offline.report import page

    command = shlex.join(["labelwright", *sys.argv[1:]])
    html = page(
        result, plan, found, policy, first=first, source=source, command=command, remarks=said
    )
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_text(html, encoding="utf-8")
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _progress(steps: int, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=remarks,
        disable=quiet or not remarks.is_terminal,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=steps)
        done = -1

        def progress(doing: str) -> None:
            nonlocal done
            done += 1
            bar.update(task, description=doing, completed=done)

        yield progress


# -- for people -------------------------------------------------------------------------------


def _show(result: Backtest, plan: Plan, out: Path | None, said: Sequence[str]) -> None:
    from api.offline import figures
    from learning.backtesting.curves import SHARES

    curves, asked = result.accuracy, figures.percent(figures.ASKED)
    console.print(Text(figures.sentence(result, plan), "bold"))
    console.print()
    print_table(
        ["labels needed for", *map(figures.percent, SHARES), f"× as many, {asked}"],
        [
            (
                name,
                *(figures.labels_shown(strategy.labels_to[share], plan.budget) for share in SHARES),
                figures.saving_shown(curves.savings[name][figures.ASKED])
                if name in curves.savings
                else "",
            )
            for name, strategy in curves.strategies.items()
        ],
    )
    full, macro = curves.full, result.macro_f1.full
    console.print(
        f"of what all labels give: accuracy {figures.share_shown(full)}, "
        f"macro-F1 {figures.share_shown(macro)}\n",
        markup=False,
    )
    names = list(curves.strategies)
    print_table(
        ["labels", *names],
        [
            (
                f"{points[0].labels:,}",
                *(figures.share_shown(each) for each in points),
            )
            for points in zip(*(each.curve for each in curves.strategies.values()), strict=True)
        ],
        title="accuracy after so many labels",
    )
    if result.segments:
        console.print()
        print_table(
            [f"labels to {asked} in", "test records", *names],
            [
                (
                    segment,
                    f"{each.tested:,.0f}",
                    *(
                        figures.labels_shown(strategy.labels_to[figures.ASKED], plan.budget)
                        for strategy in each.strategies.values()
                    ),
                )
                for segment, each in result.segments.items()
            ],
        )
    for line in said:
        remark(f"note: {line}")
    if out is not None:
        console.print(f"\nWith charts: {shlex.quote(str(out))}", markup=False)
    else:
        remark("A page with charts: add --out report.html")
