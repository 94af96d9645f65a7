"""The command `labelwright`. Each module of this package brings its own commands."""

from __future__ import annotations

import sys

import typer

from api.cli import (
    accounts,
    archive,
    audit,
    backtest,
    datasets,
    definitions,
    demo,
    evidence,
    importing,
    keys,
    policies,
    pools,
    rounds,
    routings,
    select,
    stack,
    tasks,
    webhooks,
)
from api.cli.failures import reported

app = typer.Typer(
    name="labelwright",
    help="From an unlabelled pool to a dataset worth training on, one governed round at a time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
stack.register(app)
demo.register(app)
importing.register(app)
select.register(app)
backtest.register(app)
app.add_typer(accounts.app, name="account")
app.add_typer(definitions.schemas, name="schema")
app.add_typer(definitions.guidelines, name="guideline")
app.add_typer(policies.app, name="policy")
app.add_typer(routings.app, name="routing")
app.add_typer(pools.app, name="pool")
app.add_typer(rounds.app, name="round")
app.add_typer(tasks.app, name="task")
app.add_typer(datasets.app, name="dataset")
evidence.register(audit.app)
app.add_typer(audit.app, name="audit")
app.add_typer(archive.app, name="archive")
stack.database.command("rebuild")(archive.rebuild)
app.add_typer(keys.app, name="key")
app.add_typer(webhooks.app, name="webhook")


def main() -> None:
    """The outermost loop of every command: an error ends as a sentence and an exit code."""
    with reported(as_json="--json" in sys.argv):
        app()
