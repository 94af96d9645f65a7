"""`labelwright task`: which tasks wait, and having one go another way."""

from __future__ import annotations

import pytest

from api.cli.session import Refused
from domain.errors import InvalidInput
from tests.api.commanding import run, text
from tests.api.test_commands import fill_pool


@pytest.mark.usefixtures("served")
def test_the_commands_about_tasks_speak_of_what_the_api_says() -> None:
    run("schema", "create", "banking", "--label", "card", "--label", "money")
    fill_pool()
    started = run("round", "start", "--pool", "mail", "--records", "5")
    assert run("task", "list", started["round_id"]) == []
    assert "skipped by" in text("task", "list", started["round_id"])
    reason = ("--reason", "it is better so")
    for command in (
        ("delegate", "nothing", "--to", "ann"),
        ("forward", "nothing", "--queue", "experts"),
        ("suspend", "nothing", "--until", "2999-01-01T08:00"),
        ("resume", "nothing"),
        ("withdraw", "nothing"),
    ):
        with pytest.raises(Refused) as refused:
            run("task", *command, *reason)
        assert refused.value.code == "not_found"
    with pytest.raises(InvalidInput, match="is no time"):
        run("task", "suspend", "nothing", "--until", "soon", *reason)
