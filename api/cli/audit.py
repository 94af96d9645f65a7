"""Commands for auditors: what was decided, whether everything follows from it, keep it.

They read database, Temporal and files of this machine themselves and ask no API, so that what is
audited does not answer for itself. Those about a bundle are in api/cli/evidence.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from api.cli.evidence_files import KeyOption, bundle_report, is_bundle
from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table, remark
from domain.errors import TemporalUnavailable
from domain.ids import RoundId

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from temporalio.client import Client
    from temporalio.converter import PayloadCodec

    from storage.artifacts import ArtifactStore
    from storage.signing_keys import KnownKey
    from workers.audit import AuditReport, LedgerLine
    from workers.settings import Settings

app = typer.Typer(
    help="Audit: what was decided, and whether everything follows from it.", no_args_is_help=True
)

RoundArgument = Annotated[str, typer.Argument(help="The round's id: labelwright round list.")]
SOURCES = {"live": "Temporal", "archive": "the archive", "bundle": "the bundle"}
MAX_SHOWN = 50
"""Findings that are printed; --json has them all."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where histories, tables and artifacts are."""

    settings: Settings
    engine: Engine
    store: ArtifactStore
    client: Client | None
    """None while Temporal does not answer: archived histories do without it."""
    codec: PayloadCodec
    """Decrypts histories, archived ones too."""


@app.command("show")
def show(
    round_id: RoundArgument,
    *,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only decisions of this kind: review_accepted, …")
    ] = None,
    record: Annotated[
        str | None, typer.Option("--record", help="Only what concerns this record.")
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every decision of a round, replayed from its histories: who, what, when and why."""
    lines = [
        line
        for line in asyncio.run(_ledger(round_id, data_dir))
        if kind in (None, line.kind) and record in (None, line.subject)
    ]
    if as_json:
        print_json(lines)
        return
    _print_ledger(lines)


@app.command("verify")
def verify(
    round_or_bundle: Annotated[
        str, typer.Argument(help="The round's id, or the file of a bundle.", show_default=False)
    ],
    *,
    key: KeyOption = None,
    tsa_certificate: Annotated[
        list[Path] | None,
        typer.Option(
            "--tsa-certificate",
            help="Certificates in PEM of the authority that stamped a bundle, the root among them.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay a round and compare tables, artifacts and published files with what follows.

    A bundle of evidence is verified by itself: no server, no database and no settings are needed.
    Ends with exit code 1 when anything differs, and names it.
    """
    if is_bundle(round_or_bundle):
        report = bundle_report(Path(round_or_bundle), key or [], tsa_certificate or [])
    else:
        report = asyncio.run(_verification(round_or_bundle, data_dir, key or []))
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if not report.verified:
        raise typer.Exit(1)


@app.command("keys")
def keys(*, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Show every key with which the API has signed who acted, those of before a rotation too."""
    known = asyncio.run(_keys(data_dir))
    if as_json:
        print_json(known)
        return
    print_table(
        ["key", "public key (Ed25519)", "first seen (UTC)", "retired (UTC)"],
        [
            (
                each.key.key_id,
                each.key.public_key,
                each.first_seen[:19].replace("T", " "),
                (each.retired_at or "")[:19].replace("T", " "),
            )
            for each in known
        ],
    )


@app.command("archive")
def archive(
    round_id: Annotated[
        str | None, typer.Argument(help="Left out: every round that has ended.")
    ] = None,
    *,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a round's histories now, before Temporal's retention deletes them."""
    kept = asyncio.run(_archive(round_id, data_dir))
    if as_json:
        print_json(kept)
        return
    if not kept:
        remark("Every round that has ended is archived.")
    for name, histories in kept.items():
        console.print(f"{name}: {histories} histories kept", markup=False)


async def _ledger(round_id: str, data_dir: DataDirOption) -> list[LedgerLine]:
    from workers.audit import ledger_of

    async with open_sources(data_dir) as sources:
        return await ledger_of(
            sources.client,
            sources.engine,
            sources.store,
            RoundId(round_id),
            codec=sources.codec,
        )


async def _verification(round_id: str, data_dir: DataDirOption, keys: list[Path]) -> AuditReport:
    from workers.audit import verify_round
    from workers.audit.public_keys import read_keys

    async with open_sources(data_dir) as sources:
        return await verify_round(
            sources.client,
            sources.engine,
            sources.store,
            sources.settings.datasets,
            RoundId(round_id),
            public_keys=public_keys_of(sources) | read_keys(keys),
            codec=sources.codec,
        )


async def _keys(data_dir: DataDirOption) -> list[KnownKey]:
    async with open_sources(data_dir) as sources:
        return _known_keys(sources)


async def _archive(round_id: str | None, data_dir: DataDirOption) -> dict[str, int]:
    """Histories kept, by round."""
    from activities.archive import SWEEP, archive_round
    from storage.database import transaction
    from storage.rounds import get_round, open_rounds_without_archive

    async with open_sources(data_dir) as sources:
        if sources.client is None:
            raise TemporalUnavailable(
                "Temporal does not answer, and only it has histories to archive.",
                hint="`labelwright doctor` says what is wrong; `labelwright up` starts one.",
            )
        with transaction(sources.engine) as connection:
            wanted = (
                open_rounds_without_archive(connection, SWEEP)
                if round_id is None
                else [get_round(connection, RoundId(round_id)).round_id]
            )
        return {
            each: (
                await archive_round(sources.client, sources.engine, sources.store, each)
            ).histories
            for each in wanted
        }


@asynccontextmanager
async def open_sources(data_dir: DataDirOption) -> AsyncIterator[Sources]:
    """What commands of this machine read: settings, database, artifacts, Temporal if it answers."""
    from storage.artifacts import ArtifactStore
    from storage.database import engine as connect_database
    from workers.client import connect, payload_codec
    from workers.settings import load_settings

    settings = load_settings(data_dir)
    engine = connect_database(settings.database_url)
    try:
        try:
            client = await connect(settings)
        except TemporalUnavailable:
            client = None
            remark("Temporal does not answer; looking for archived histories.")
        yield Sources(
            settings=settings,
            engine=engine,
            store=ArtifactStore(settings.artifacts),
            client=client,
            codec=payload_codec(settings),
        )
    finally:
        engine.dispose()


def public_keys_of(sources: Sources) -> dict[str, str]:
    """Key id → public key, of every key with which a process of the API has ever signed."""
    return {each.key.key_id: each.key.public_key for each in _known_keys(sources)}


def _known_keys(sources: Sources) -> list[KnownKey]:
    """Every key with which a process of the API has ever signed."""
    from storage.database import transaction
    from storage.signing_keys import list_keys

    with transaction(sources.engine) as connection:
        return list_keys(connection)


def _print_ledger(lines: list[LedgerLine]) -> None:
    from api.cli.ledger_words import words

    print_table(
        ["when (UTC)", "who", "what", "about", "why"],
        [
            (
                line.at[:19].replace("T", " "),
                line.actor,
                words(line),
                _short(line.subject),
                line.reason,
            )
            for line in lines
        ],
    )
    remark(f"{len(lines)} decisions")


def _print_report(report: AuditReport) -> None:
    source = SOURCES[report.source]
    print_table(
        ["", ""],
        [
            ("round", report.round),
            ("histories", f"{report.histories} from {source}, {report.events:,} events"),
            ("decisions", f"{report.decisions:,}, recomputed by replay"),
            ("ledger head", report.ledger_head),
            ("builds that decided", ", ".join(report.builds) or "not recorded"),
            ("tree", f"{report.tree.root} over {len(report.tree.sources)} ledgers"),
        ],
    )
    console.print("\nCompared: " + "; ".join(report.checks) + ".", markup=False)
    for note in report.notes:
        console.print(f"Note: {note}.", markup=False)
    console.print()
    if report.verified:
        console.print(Text("Verified: everything follows from the histories.", style="green"))
        return
    count = len(report.findings)
    console.print(Text(f"{count} difference{'s' if count > 1 else ''}:", style="bold red"))
    for finding in report.findings[:MAX_SHOWN]:
        console.print(f"  {finding.kind}  {finding.subject}", markup=False)
        console.print(f"    {finding.message}", markup=False)
    if count > MAX_SHOWN:
        console.print(f"  … and {count - MAX_SHOWN} more: --json shows all.", markup=False)


def _short(subject: str) -> str:
    """Digests by their first digits and shards by their number: nobody reads the rest."""
    if "/shard/" in subject:
        return "shard " + subject.rpartition("/")[2]
    is_digest = len(subject) == 64 and all(digit in "0123456789abcdef" for digit in subject)
    return subject[:12] if is_digest else subject
