"""Commands as a person types them."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from api.cli import app as commands

runner = CliRunner()


def run(*arguments: str) -> Any:
    """What the command prints as JSON; raises what it raises."""
    result = runner.invoke(commands, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def text(*arguments: str) -> str:
    result = runner.invoke(commands, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout
