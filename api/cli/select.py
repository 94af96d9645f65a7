"""`labelwright select`: the records most worth labelling, chosen from files, without a server."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from api.cli.output import JsonOption, console, print_json, print_table, remark, remarks

if TYPE_CHECKING:
    from api.offline.pool import Pool
    from domain.policy import SamplingPolicy
    from learning.selection import Selected

GATE_FAILED = 3
"""Exit code: the batch is written, and a person has to decide about it."""

SHOWN = 10
"""Records on the screen; the file has all of them."""
_WIDEST = 3
"""Values of a column whose share differs most."""

FileOption = Path | None


def register(app: typer.Typer) -> None:
    app.command("select")(select)


def select(
    *,
    embeddings: Annotated[
        Path, typer.Option("--embeddings", help="The pool's embeddings (.npy), a row a record.")
    ],
    policy: Annotated[
        str, typer.Option("--policy", help="YAML or JSON file, or growing, cold-start, mature, …")
    ],
    out: Annotated[Path, typer.Option("--out", help="Batch to write: .parquet, .csv or .jsonl.")],
    probabilities: Annotated[
        FileOption,
        typer.Option("--probabilities", help="The model's (.npy), a column a class; else none."),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option("--classes", help="a,b,c or a file with one a line, in column order."),
    ] = None,
    ids: Annotated[
        str,
        typer.Option("--ids", help="File with one a line, or a column of --metadata; else rows."),
    ] = "",
    metadata: Annotated[
        FileOption, typer.Option("--metadata", help="Parquet, CSV or JSON Lines, a row a record.")
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option("--text-column", help="Column of the texts, to tell near duplicates."),
    ] = None,
    labelled_embeddings: Annotated[
        FileOption, typer.Option("--labelled-embeddings", help="Of what is labelled (.npy).")
    ] = None,
    labels: Annotated[
        FileOption, typer.Option("--labels", help="Its labels, one a line; else column `label`.")
    ] = None,
    labelled_metadata: Annotated[
        FileOption,
        typer.Option("--labelled-metadata", help="Its metadata, with label, predicted, round."),
    ] = None,
    test_embeddings: Annotated[
        FileOption, typer.Option("--test-embeddings", help="Of what is kept for tests (.npy).")
    ] = None,
    test_metadata: Annotated[
        FileOption, typer.Option("--test-metadata", help="Its metadata, for the texts.")
    ] = None,
    committee: Annotated[
        FileOption,
        typer.Option("--committee", help="Probabilities (.npy): rows × members × classes."),
    ] = None,
    earlier: Annotated[
        list[Path] | None,
        typer.Option("--earlier", help="Probabilities of an earlier model (repeat, newest first)."),
    ] = None,
    records: Annotated[
        int | None, typer.Option("--records", min=1, help="Else the policy's batch size.")
    ] = None,
    turn: Annotated[
        int, typer.Option("--turn", min=0, help="Number of the round: each draws anew.")
    ] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the batch file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Choose the records most worth labelling, from files; needs no server.

    Ends with exit code 3 when the batch is written and fails a gate of the policy.
    """
    from api.offline import batch_file, policies, pool
    from api.offline.known import KnownFiles
    from domain.errors import ImpossibleConstraints
    from domain.selections import batch_digest
    from learning.selection import select as selected_from

    batch_file.check_target(out, force=force)
    followed = policies.load(policy)
    files = pool.PoolFiles(
        embeddings=embeddings,
        probabilities=probabilities,
        classes=_named(classes),
        ids=ids,
        metadata=metadata,
        text_column=text_column,
        committee=committee,
        earlier=tuple(earlier or ()),
        known=KnownFiles(
            embeddings=labelled_embeddings,
            labels=labels,
            metadata=labelled_metadata,
            test_embeddings=test_embeddings,
            test_metadata=test_metadata,
        ),
    )
    with _progress(4 + 3 + len(followed.arms), quiet=as_json) as progress:
        found = pool.read(files, followed, progress=progress)
        try:
            selected = selected_from(
                found.candidates, followed, records=records, turn=turn, progress=progress
            )
        except ImpossibleConstraints as error:
            for each in error.findings.shortfalls:
                remark(f"{each.demand}: {each.got:,}")
            raise
    digest = batch_digest(selected.selections)
    table = batch_file.batch_table(
        selected.selections,
        _rows(found, selected),
        said={
            "policy": followed.name,
            "policy_digest": followed.digest,
            "batch_digest": digest,
            "turn": str(turn),
        },
    )
    batch_file.write(table, out, policy_digest=followed.digest, force=force)
    passed = not selected.findings.failed_gates
    if as_json:
        print_json(
            {
                "policy": {"name": followed.name, "digest": followed.digest},
                "batch_digest": digest,
                "turn": turn,
                "pool": len(found.candidates),
                "out": out,
                "gates_passed": passed,
                "findings": selected.findings,
                "remarks": found.remarks,
                "selections": table.to_pylist(),
            }
        )
    else:
        _show(found, followed, selected, out, digest)
    if not passed:
        raise typer.Exit(GATE_FAILED)


def _named(classes: str | None) -> list[str]:
    from api.offline.tables import lines_of

    if not classes:
        return []
    if "," not in classes and Path(classes).is_file():
        return [line.strip() for line in lines_of(Path(classes)) if line.strip()]
    return [name.strip() for name in classes.split(",")]


def _rows(found: Pool, selected: Selected) -> list[int]:
    """The row of the input files that each selected record is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chosen = pa.array([each.record_id for each in selected.selections], pa.string())
    places = pc.index_in(chosen, found.candidates.record_ids).to_pylist()
    return [found.row(place) for place in places]


@contextmanager
def _progress(steps: int, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
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


def _show(found: Pool, policy: SamplingPolicy, selected: Selected, out: Path, digest: str) -> None:
    findings, chosen = selected.findings, selected.selections
    headline = (
        f"{len(chosen):,} of {len(found.candidates):,} records chosen by {policy.name}, "
        f"written to {shlex.quote(str(out))}"
    )
    console.print(Text(headline, "bold"))
    console.print(f"batch {digest[:16]}…, policy {policy.digest[:16]}…\n", markup=False)
    _show_arms(policy, selected)
    if findings.excluded:
        print_table(
            ["left out because", "records"],
            [(reason, f"{count:,}") for reason, count in findings.excluded.items()],
        )
        console.print()
    _show_composition(selected)
    if findings.gates:
        print_table(
            ["gate", "reached", "wanted", ""],
            [
                (
                    gate.measure.value.replace("_", " "),
                    f"{gate.value:.3f}",
                    _wanted(gate.at_least, gate.at_most),
                    Text("passed", "green") if gate.passed else Text("FAILED", "bold red"),
                )
                for gate in findings.gates
            ],
        )
        console.print()
    if findings.shortfalls:
        print_table(
            ["not met", "wanted", "got"],
            [(each.demand, f"{each.wanted:,}", f"{each.got:,}") for each in findings.shortfalls],
        )
        console.print()
    _show_first(selected)
    for alarm in findings.alarms:
        remark(f"ALARM: {alarm}")
    for note in (*found.remarks, *map(_sentence, findings.notes)):
        remark(f"note: {note}")
    remark("note: No server was asked: nobody looked whether this policy is approved.")
    if findings.failed_gates:
        remark(
            "A gate failed: the batch is written, and somebody should decide before it is "
            f"labelled (exit code {GATE_FAILED})."
        )


def _show_arms(policy: SamplingPolicy, selected: Selected) -> None:
    from domain.arms import KINDS

    rows = []
    for arm in policy.arms:
        scores = [each.score for each in selected.selections if each.arm == arm.name]
        known = [score for score in scores if score is not None]
        span = f"{min(known):.2f} – {max(known):.2f}" if known else ""
        rows.append((arm.name, f"{len(scores):,}", span, KINDS[arm.kind].meaning))
    print_table(["arm", "records", "scores", "picks"], rows)
    console.print()


def _show_composition(selected: Selected) -> None:
    """Each column with its distance from the pool, and where the batch differs most."""
    rows = []
    for each in selected.findings.composition:
        batch, pool = sum(each.batch), sum(each.pool)
        shares = [
            (value, here / batch if batch else 0.0, there / pool if pool else 0.0)
            for value, here, there in zip(each.values, each.batch, each.pool, strict=True)
        ]
        shares.sort(key=lambda share: -abs(share[1] - share[2]))
        widest = ", ".join(
            f"{_printable(value)} {here:.0%} (pool {there:.0%})"
            for value, here, there in shares[:_WIDEST]
            if round(here - there, 2)
        )
        rows.append(
            (each.column, f"{each.distances.get('pool', 0.0):.2f}", widest or "as the pool")
        )
    if rows:
        print_table(["batch against pool", "distance", "differs most in"], rows)
        console.print()


def _show_first(selected: Selected) -> None:
    chosen = selected.selections
    print_table(
        ["", "record", "arm", "why"],
        [
            (each.ordinal + 1, _printable(each.record_id), each.arm, _printable(each.reason))
            for each in chosen[:SHOWN]
        ],
    )
    if len(chosen) > SHOWN:
        remark(f"… and {len(chosen) - SHOWN:,} more in the file.")


def _wanted(at_least: float | None, at_most: float | None) -> str:
    bounds = [
        f"at least {at_least:g}" if at_least is not None else "",
        f"at most {at_most:g}" if at_most is not None else "",
    ]
    return " and ".join(bound for bound in bounds if bound)


def _sentence(note: str) -> str:
    return note[:1].upper() + note[1:] + ("" if note.endswith(".") else ".")


def _printable(text: str) -> str:
    """What a file holds is never sent to a terminal as a command."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
