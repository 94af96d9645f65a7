"""Commands that run things: the stack, one service of it, the database's upgrade, the doctor."""

from __future__ import annotations

import asyncio
import signal
from enum import Enum
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table, remark
from api.cli.retention import retention
from workers.settings import Settings, load_settings, settings_for

if TYPE_CHECKING:
    from workers.local_stack import LocalStack

database = typer.Typer(help="Look after the database.", no_args_is_help=True)

HostOption = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]


class Queue(Enum):
    """The two kinds of worker, named after the task queue that each polls."""

    ORCHESTRATION = "orchestration"
    COMPUTE = "compute"


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(doctor)
    app.command()(worker)
    app.command(name="api")(serve_api)
    database.command()(retention)
    app.add_typer(database, name="db")


def up(
    data_dir: DataDirOption = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=1, max=65535, help="Port of the API and the pages; 8420, or a free one."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start the whole stack on this machine and keep it running until Ctrl-C."""
    from workers.local_stack import LocalStack

    settings = settings_for(data_dir)
    stack = LocalStack(
        settings.data_dir,
        ports={"api": port} if port else None,
        database_url=settings.database_url,
        temporal_address=settings.temporal_address,
        announce=remark,
    )
    stop_on_signals()
    try:
        with stack:
            _present(stack, as_json=as_json)
            stack.wait()
    except KeyboardInterrupt:
        remark("Stopped. Everything acknowledged is on disk; `labelwright up` resumes.")


def stop_on_signals() -> None:
    """Let the first Ctrl-C, SIGTERM or closed terminal end the stack, and none disturb its end."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        remark("Stopping …")
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)


def _present(stack: LocalStack, *, as_json: bool) -> None:
    addresses = stack.addresses
    if as_json:
        print_json(
            {
                "data_dir": addresses.data_dir,
                "api": addresses.api,
                "temporal": addresses.temporal,
                "temporal_ui": addresses.temporal_ui,
                "admin_token_file": addresses.admin_token_file,
                "first_run": stack.first_run,
                "displaced_ports": stack.displaced_ports,
            }
        )
        return
    for name, busy in stack.displaced_ports.items():
        remark(f"Port {busy} ({name.replace('_', ' ')}) is in use; a free one was taken.")
    if stack.first_run:
        remark(f"Made the account “admin”; its token is in {addresses.admin_token_file}.")
    print_table(
        ["", ""],
        [
            ("Labelwright", addresses.api),
            ("Temporal's history pages", addresses.temporal_ui or "elsewhere"),
            ("Temporal", addresses.temporal),
            ("PostgreSQL", addresses.database_url.rsplit("@", maxsplit=1)[-1]),
            ("Metrics", f"{addresses.orchestration_metrics}/metrics"),
            ("", f"{addresses.compute_metrics}/metrics"),
            ("Data", addresses.data_dir),
            ("Logs", stack.logs),
        ],
    )
    console.print("Running. Ctrl-C stops it; nothing is lost.")


def worker(
    queue: Annotated[Queue, typer.Argument(help="Which kind of work to do.")],
    data_dir: DataDirOption = None,
    as_json: JsonOption = True,
) -> None:
    """Run one worker; it finds its servers by LABELWRIGHT_ variables or the running stack."""
    from workers import telemetry

    settings = _service_settings(data_dir, as_json=as_json)
    telemetry.start(settings, queue.value)
    with telemetry.serving_metrics(settings.metrics_host, settings.metrics_port):
        asyncio.run(_work(queue, settings))


async def _work(queue: Queue, settings: Settings) -> None:
    # Imported apart: the orchestration worker stays free of scikit-learn.
    if queue is Queue.ORCHESTRATION:
        from workers import orchestration

        await orchestration.run(settings)
    else:
        from workers import compute

        await compute.run(settings)


def serve_api(
    data_dir: DataDirOption = None,
    host: HostOption = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Port to listen on.")
    ] = None,
    as_json: JsonOption = True,
) -> None:
    """Run the HTTP API and the web pages."""
    import uvicorn

    from api.app import create_app
    from workers import telemetry

    settings = _service_settings(data_dir, as_json=as_json)
    telemetry.start(settings, "api")
    uvicorn.run(
        create_app(settings),
        host=host or settings.api_host,
        port=port or settings.api_port,
        # The process's own logging is set up already; metrics count the requests.
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


def _service_settings(data_dir: DataDirOption, *, as_json: bool) -> Settings:
    settings = load_settings(data_dir)
    return settings if as_json else settings.model_copy(update={"log_format": "console"})


@database.command()
def upgrade(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Bring tables and ready-made policies up to date; at first also make key and account."""
    from workers.installation import install

    settings = load_settings(data_dir)
    installed = install(settings)
    _put_policies_in_place(settings.database_url)
    if as_json:
        print_json(installed)
        return
    console.print(f"The database is at revision {installed.revision}.")
    if installed.first_account:
        console.print(
            f"Made the account “admin”; its token is in {installed.admin_token_file}.",
            markup=False,
        )


def _put_policies_in_place(database_url: str) -> None:
    from api.policies import ready_made
    from storage.database import engine, transaction

    connecting = engine(database_url, connections=1)
    try:
        with transaction(connecting) as connection:
            ready_made.put_in_place(connection)
    finally:
        connecting.dispose()


def doctor(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Check every part and say what mends it."""
    from workers.doctor import State, examine

    findings = asyncio.run(examine(settings_for(data_dir)))
    broken = any(finding.state is State.BROKEN for finding in findings)
    if as_json:
        print_json({"healthy": not broken, "checks": findings})
    else:
        print_table(
            ["", "part", "", "version"],
            [(one.state.value, one.part, one.detail, one.version) for one in findings],
        )
        for mend in dict.fromkeys(one.mend for one in findings if one.mend):
            parts = ", ".join(one.part for one in findings if one.mend == mend)
            console.print(f"{parts}: {mend}", markup=False)
    raise typer.Exit(1 if broken else 0)
