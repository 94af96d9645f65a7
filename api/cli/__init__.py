"""The command `labelwright`. Each module of this package brings its own commands."""

from __future__ import annotations

import sys

import typer

from api.cli import stack
from api.cli.failures import reported

app = typer.Typer(
    name="labelwright",
    help="From an unlabelled pool to a dataset worth training on, one governed round at a time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
stack.register(app)


def main() -> None:
    """The outermost loop of every command: an error ends as a sentence and an exit code."""
    with reported(as_json="--json" in sys.argv):
        app()
