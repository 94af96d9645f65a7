"""The whole of Labelwright on one machine: what `labelwright up` runs, and tests and the demo too.

PostgreSQL and Temporal are the real ones. The services are started by exactly the commands that
docker-compose.yml uses, and learn everything from the environment.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path
from signal import SIGKILL
from types import TracebackType
from typing import Any, Self

import psutil

from domain.errors import Conflict
from storage.visibility import API_ROLE
from workers import postgres, temporal
from workers.addresses import (
    StackAddresses,
    addresses_of,
    read_state,
    running_stack,
    write_state,
)
from workers.parts import ALL_PARTS, SERVICES, command, postgres_part, service_part, temporal_part
from workers.ports import LOOPBACK, Ports, Reservation, choose_ports
from workers.processes import ProcessRecord, end_left_over, last_lines
from workers.settings import Settings
from workers.supervisor import Announce, Part, PartFailed, Supervisor

__all__ = ["ALL_PARTS", "LocalStack", "StackAddresses", "StackAlreadyRunning", "running_stack"]


class StackAlreadyRunning(Conflict):
    """A stack owns this data folder."""

    code = "stack_already_running"


class LocalStack:
    """A running stack on one data folder; a context manager that ends every process it started.

    `ports` asks for ports by name (see `Ports`), and a busy one is an error; the others are those
    of last time, else the defaults, else free ones. `parts` leaves parts out. A `database_url` or
    `temporal_address` stands for a server that runs elsewhere.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        ports: Mapping[str, int] | None = None,
        parts: Collection[str] = ALL_PARTS,
        database_url: str = "",
        temporal_address: str = "",
        temporal_options: tuple[str, ...] = (),
        postgres_options: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        announce: Announce = lambda _line: None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.logs = self.data_dir / "logs"
        self.displaced_ports: dict[str, int] = {}
        self.first_run = False
        self._wanted_ports = dict(ports or {})
        elsewhere = {
            name
            for name, address in (("postgres", database_url), ("temporal", temporal_address))
            if address
        }
        self._parts = [name for name in ALL_PARTS if name in parts and name not in elsewhere]
        self._database_url = database_url
        self._temporal_address = temporal_address
        self._temporal_options = temporal_options
        self._postgres_options = dict(postgres_options or postgres.LAPTOP)
        self._environment = dict(environment or {})
        self._announce = announce
        self._lock: int | None = None
        self._reserved = Reservation()
        self._ports: Ports | None = None
        self._addresses: StackAddresses | None = None
        self._api_database_url = ""
        self._supervisor = Supervisor(
            logs=self.logs, cwd=self.data_dir, announce=announce, recorded=self._record
        )

    # -- life ---------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start every part and wait until each is ready.

        Raises `StackAlreadyRunning`, `PortBusy`, `PartFailed`, `DatabaseUnavailable`.
        """
        for folder in (self.data_dir, self.logs, self.data_dir / "secrets"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._start_parts()
        except BaseException:
            # Whatever interrupted the start, nothing may stay behind.
            self.stop()
            raise

    def stop(self) -> None:
        """End every part, last started first. What was acknowledged is on disk."""
        self._supervisor.close()
        self._reserved.release()
        if self._ports is not None and self._addresses is not None:
            self._addresses = None
            write_state(self.data_dir, ports=self._ports, processes={}, addresses=None)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def wait(self) -> None:
        """Block for as long as the stack can be kept running. Raises `PartFailed` after that."""
        # In slices: a wait without end would not let Ctrl-C through.
        while not self._supervisor.over.wait(1.0):
            pass
        if self._supervisor.failure is not None:
            raise self._supervisor.failure

    # -- what tests and the demo do with it ----------------------------------------------------

    @property
    def addresses(self) -> StackAddresses:
        if self._addresses is None:
            raise PartFailed("The stack is not running.", hint="Start it first.")
        return self._addresses

    @property
    def settings(self) -> Settings:
        """What a process of this stack knows; with them anybody connects as it does."""
        addresses = self.addresses
        return Settings(
            data_dir=self.data_dir,
            database_url=addresses.database_url,
            temporal_address=addresses.temporal,
        )

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self._parts)

    def process(self, name: str) -> psutil.Process:
        """The process of a part that runs."""
        return self._supervisor.process(name)

    def kill(self, name: str, signal_number: int = SIGKILL) -> None:
        """Kill a part, wait until it is dead; the supervisor starts it again."""
        self._supervisor.kill(name, signal_number)

    def halt(self, name: str) -> None:
        """End a part properly and leave it down, until `resume`."""
        self._supervisor.halt(name)

    def resume(self, name: str) -> None:
        """Start a halted part and wait until it is ready."""
        self._supervisor.resume(name)
        self.wait_until_ready(name)

    def restart(self, name: str) -> None:
        """End a part properly, start it again, wait until it is ready."""
        self.halt(name)
        self.resume(name)

    def wait_until_ready(self, name: str | None = None) -> None:
        """Return when the part, or each of them, runs and answers. Raises `PartFailed`."""
        for each in [name] if name else self._parts:
            self._supervisor.wait_until_ready(each)

    def environment(self, service: str = "") -> dict[str, str]:
        """The environment of a service; also lets any `labelwright` command find this stack."""
        addresses = self.addresses
        ports = self._ports or Ports()
        metrics = ports.compute_metrics if service == "compute" else ports.orchestration_metrics
        restricted = self._api_database_url if service == "api" else ""
        return {
            **os.environ,
            "LABELWRIGHT_LOG_FORMAT": "json",
            # A service's traceback belongs in its log.
            "LABELWRIGHT_DEBUG": "1",
            "LABELWRIGHT_CODEC_ORIGINS": addresses.temporal_ui,
            **self._environment,
            "LABELWRIGHT_DATA_DIR": str(self.data_dir),
            "LABELWRIGHT_DATABASE_URL": restricted or addresses.database_url,
            "LABELWRIGHT_TEMPORAL_ADDRESS": addresses.temporal,
            "LABELWRIGHT_API_HOST": LOOPBACK,
            "LABELWRIGHT_API_PORT": str(ports.api),
            "LABELWRIGHT_API_URL": addresses.api,
            "LABELWRIGHT_METRICS_PORT": str(metrics),
        }

    # -- starting -----------------------------------------------------------------------------

    def _take_lock(self) -> None:
        lock = os.open(self.data_dir / "stack.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            found = running_stack(self.data_dir)
            where = f"at {found.api}" if found else "and still starting"
            raise StackAlreadyRunning(
                f"A stack is already running on {self.data_dir}, {where}.",
                hint="Use that one, or stop it with Ctrl-C where it runs; "
                "`labelwright up --data-dir ELSEWHERE` starts another.",
            ) from None
        self._lock = lock

    def _start_parts(self) -> None:
        before = read_state(self.data_dir)
        for name in end_left_over(before.processes):
            self._announce(f"{name}: ended a process that an earlier stack left behind")
        self._ports, self.displaced_ports = choose_ports(
            self._wanted_ports, before.ports, self._reserved
        )
        server = self._postgres_server(self._ports)
        self._addresses = addresses_of(
            self.data_dir,
            self._ports,
            database_url=self._database_url or server.url(),
            temporal=self._temporal_address,
        )
        self._start_servers(server, self._ports)
        services = [name for name in SERVICES if name in self._parts]
        if services:
            self._migrate()
            self._restrict_api(server)
        self._reserved.release()
        self._bring_up(
            [service_part(name, self._addresses, self.environment(name)) for name in services]
        )

    def _start_servers(self, server: postgres.EmbeddedPostgres, ports: Ports) -> None:
        parts: list[Part] = []
        if "postgres" in self._parts:
            if server.initialise():
                self._announce("postgres: made a new database cluster")
            parts.append(postgres_part(server))
        if "temporal" in self._parts:
            file = self.data_dir / "temporal.db"
            parts.append(temporal_part(file, ports, self._temporal_options))
        self._reserved.release("postgres", "temporal", "temporal_ui")
        self._bring_up(parts)
        if "postgres" in self._parts:
            server.create_database(postgres.ROLE)
        if "temporal" in self._parts:
            asyncio.run(temporal.keep_histories(self.addresses.temporal))

    def _bring_up(self, parts: list[Part]) -> None:
        self._supervisor.add(parts)
        for part in parts:
            self._supervisor.wait_until_ready(part.name)

    def _record(self, processes: dict[str, ProcessRecord]) -> None:
        if self._ports is not None and self._addresses is not None:
            write_state(
                self.data_dir,
                ports=self._ports,
                processes=processes,
                addresses=self._addresses,
            )

    def _postgres_server(self, ports: Ports) -> postgres.EmbeddedPostgres:
        return postgres.EmbeddedPostgres(
            folder=self.data_dir / "postgres",
            port=ports.postgres,
            password=_kept_password(self.data_dir / "secrets" / "postgres-password"),
            options=tuple(self._postgres_options.items()),
        )

    def _migrate(self) -> None:
        """Bring the tables, the signing key and the first account about, as compose does."""
        log = self.logs / "migrate.log"
        with log.open("ab") as errors:
            result = subprocess.run(
                [*command("migrate"), "--json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=self.environment(),
                cwd=self.data_dir,
                check=False,
            )
        if result.returncode != 0:
            raise PartFailed(
                f"The database could not be brought up to date. The log ends:\n{last_lines(log)}",
                hint=f"Nothing was changed by halves. Read {log}, then run `labelwright up` again.",
            )
        answer: dict[str, Any] = json.loads(result.stdout)
        self.first_run = bool(answer["first_account"])

    def _restrict_api(self, server: postgres.EmbeddedPostgres) -> None:
        """Gives the API a login of its own, where the server is ours to say: what it cannot see,
        nobody sees through it."""
        if "postgres" not in self._parts:
            return
        password = _kept_password(self.data_dir / "secrets" / "postgres-api-password")
        server.make_login(postgres.API_LOGIN, password, member_of=API_ROLE)
        self._api_database_url = server.api_url(password)


def _kept_password(path: Path) -> str:
    """The database's password: made once, readable by its owner only."""
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_text(postgres.new_password())
        unfinished.replace(path)
    return path.read_text()
