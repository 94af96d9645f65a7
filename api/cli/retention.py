"""What is forgotten in time, when that was last done, and doing it now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table
from domain.retention import FOR_EVER, SAYS, Kept
from workers.settings import load_settings

ApplyOption = Annotated[
    bool, typer.Option("--apply", help="Forget now what is older than the rules say.")
]


def retention(
    apply: ApplyOption = False, data_dir: DataDirOption = None, as_json: JsonOption = False
) -> None:
    """Show how long what no audit needs is kept, and what the last runs have forgotten."""
    from activities.retention import apply_retention
    from api.schemas.governance import RetentionView
    from storage.database import engine, transaction
    from storage.retention import list_runs

    settings = load_settings(data_dir)
    connecting = engine(settings.database_url, connections=1)
    try:
        if apply:
            apply_retention(connecting, settings.retention)
        with transaction(connecting) as connection:
            runs = list_runs(connection)
    finally:
        connecting.dispose()
    if as_json:
        print_json(RetentionView.of(settings.retention, runs))
        return
    print_table(
        ["kept", "what"],
        [(_days(rule.days), SAYS[rule.kept]) for rule in settings.retention.rules]
        + [("for ever", what) for what in FOR_EVER],
    )
    if not runs:
        console.print("Nothing was forgotten yet: a worker applies the rules once a day.")
    for run in runs[:5]:
        console.print(f"{run.at}: {_gone(run.forgotten)}", markup=False)


def _days(days: int) -> str:
    return f"{days:,} days" if days else "for ever"


def _gone(forgotten: Mapping[Kept, int]) -> str:
    gone = [
        f"{count:,} {kept.value.replace('_', '-')}" for kept, count in forgotten.items() if count
    ]
    return "forgot " + ", ".join(gone) if gone else "nothing was old enough"
