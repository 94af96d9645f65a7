"""`labelwright demo`: the whole stack, a real round on real data, and a report."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.failures import reported
from api.cli.output import console, print_table, remark, remarks
from api.cli.stack import stop_on_signals
from domain.errors import InvalidInput
from workers.settings import settings_for

ANSWER_SECONDS = 300.0
"""A verification replays every history before it answers."""

if TYPE_CHECKING:
    import httpx

    from api.demo.cast import Invitation
    from api.demo.client import Person
    from api.demo.progress import Display
    from api.demo.result import DemoResult
    from workers.local_stack import LocalStack


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            help="Folder for the demo's stack, which may hold an earlier demo; else a fresh one.",
            show_default=False,
        ),
    ] = None,
    leave: Annotated[
        bool, typer.Option("--exit", help="Stop after the report instead of running on.")
    ] = False,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Also write the figures as one JSON object."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**31, help="Of everything that is drawn.")
    ] = 7,
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65535, help="Port of the API and the pages."),
    ] = None,
) -> None:
    """Run a whole round on real data, with simulated people, and show what came of it."""
    # `--json` names a file here: what fails is still said in words.
    with reported(as_json=False):
        _run(data_dir, leave=leave, json_file=json_file, seed=seed, port=port)


def _run(
    data_dir: Path | None, *, leave: bool, json_file: Path | None, seed: int, port: int | None
) -> None:
    import httpx

    from api.demo.progress import Display
    from workers.local_stack import LocalStack

    if json_file is not None:
        _check_writable(json_file)
    folder = _fresh_folder() if data_dir is None else data_dir.absolute()
    display = Display(remarks)
    # A database of its own, whatever LABELWRIGHT_DATABASE_URL names: these people are invented.
    stack = LocalStack(folder, ports={"api": port} if port else None, announce=display.say)
    stop_on_signals()
    display.say(f"A round on 1,797 handwritten digits. Everything is kept in {folder}\n")
    result = None
    try:
        with display.step("start", "Starting PostgreSQL, Temporal, two workers, the API") as step:
            stack.start()
            step.done = "PostgreSQL, Temporal, two workers and the API run on this machine"
        with httpx.Client(base_url=stack.addresses.api, timeout=ANSWER_SECONDS) as http:
            result = _round(http, stack, display, json_file, seed=seed)
            if not leave:
                _present(stack, result, *_open_round(http, stack, display, seed=seed))
        if not leave:
            stack.wait()
    except KeyboardInterrupt:
        if result is None:
            display.say(f"Stopped before the report. What was done so far is kept in {folder}")
            raise
    finally:
        with display.step("stop", "Stopping every part") as step:
            stack.stop()
            step.done = "every part has ended"
    _farewell(folder, result.round)


def _round(
    http: httpx.Client, stack: LocalStack, display: Display, json_file: Path | None, *, seed: int
) -> DemoResult:
    """The simulated people's round, and its report."""
    from api.demo.cast import assemble
    from api.demo.collect import Place, collect
    from api.demo.data import load_digits
    from api.demo.errors import DemoFailed
    from api.demo.play import play, prepare
    from api.demo.report import show

    with display.step("prepare", "Accounts, label schema, guideline and digits") as step:
        digits = load_digits(seed=seed)
        cast = assemble(http, _admin(http, stack), seed=seed)
        prepare(cast.requester, digits)
        step.done = f"8 people have accounts; Ada imported {len(digits.digits):,} digits"
    played = play(cast, digits, display, seed=seed)
    result = collect(
        cast.approver,
        played,
        digits.truth,
        place=Place(
            data_dir=stack.data_dir,
            datasets=Path(settings_for(stack.data_dir).datasets),
            database_url=stack.addresses.database_url,
        ),
        seconds=display.seconds,
    )
    console.print()
    show(console, result)
    if json_file is not None:
        _write(json_file, result)
    if not result.audit.verified:
        raise DemoFailed("The audit found differences; they are listed above.")
    return result


def _open_round(
    http: httpx.Client, stack: LocalStack, display: Display, *, seed: int
) -> tuple[str, list[Invitation]]:
    """A second, small round that waits for the person at the keyboard."""
    from api.demo.cast import assemble, invite
    from api.demo.data import LEFT_TO_A_PERSON
    from api.demo.play import agree_on_policy, await_tasks, start_round

    with display.step("invite", "Opening a round for you") as step:
        admin = _admin(http, stack)
        cast = assemble(http, admin, seed=seed)
        round_ = start_round(
            cast.requester,
            agree_on_policy(cast.requester, cast.approver, seed=seed),
            records=LEFT_TO_A_PERSON,
            purpose="A round for you.",
            undo_seconds=60.0,
        )
        await_tasks(cast.requester, round_["round_id"])
        step.done = f"round {round_['round_id']} waits for {LEFT_TO_A_PERSON} digits"
    return round_["round_id"], invite(admin)


def _admin(http: httpx.Client, stack: LocalStack) -> Person:
    from api.demo.client import Person

    token = stack.addresses.admin_token_file.read_text().strip()
    return Person(http=http, name="admin", token=token)


def _present(
    stack: LocalStack, result: DemoResult, round_id: str, invitations: list[Invitation]
) -> None:
    addresses = stack.addresses
    pages = {
        "reviewer-1": "/review",
        "reviewer-2": "/review",
        "adjudicator": "/adjudicate",
        "approver": f"/rounds/{round_id}/approval",
        "auditor": f"/rounds/{result.round}/ledger",
    }
    console.print(
        "\nNow you: a small round is open. Sign in as one person after another; each password "
        "works once.\n"
    )
    print_table(
        ["name", "one-time password", "page"],
        [
            (each.name, each.one_time_password, addresses.api + pages[each.name])
            for each in invitations
        ],
    )
    console.print(
        "\nEvery digit wants both reviewers; where they differ, the adjudicator settles it; then "
        "the approver decides."
    )
    console.print(f"Temporal's own pages: {addresses.temporal_ui}", markup=False)
    console.print("Running. Ctrl-C stops it; nothing is lost.")


def _farewell(folder: Path, round_id: str) -> None:
    labelwright, where = _program(), shlex.quote(str(folder))
    remark(
        "Stopped; everything is kept. Go on with:\n"
        f"  {labelwright} up --data-dir {where}\n"
        "and, while that runs, look further:\n"
        f"  {labelwright} audit verify {round_id} --data-dir {where}"
    )


def _program() -> str:
    """How the person at the terminal can call this program again."""
    if shutil.which("labelwright"):
        return "labelwright"
    program = Path(sys.argv[0])
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    return shlex.quote(str(program))


def _fresh_folder() -> Path:
    """A new folder beside the usual data folder, so that no demo meets what matters."""
    usual = settings_for(None).data_dir
    usual.parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        folder = usual.with_name(f"{usual.name}-demo" + (f"-{number}" if number > 1 else ""))
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return folder
    raise AssertionError  # pragma: no cover - count() has no end


def _check_writable(file: Path) -> None:
    """Raises InvalidInput now rather than when the figures are there."""
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise InvalidInput(f"{file} cannot be written.", hint="Name a file in a folder of yours.")


def _write(file: Path, result: DemoResult) -> None:
    # The database's password is among the figures.
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps(result.as_json(), indent=2, ensure_ascii=False) + "\n")
