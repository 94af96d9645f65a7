"""Commands about the archive: take it elsewhere, restore it, rebuild the read model from it.

They read and write database, Temporal and files of this machine themselves and ask no API.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.audit import Sources, open_sources, public_keys_of
from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table, remark
from domain.errors import InvalidInput
from domain.ids import RoundId

if TYPE_CHECKING:
    from workers.rebuilding import Exported, Restored

app = typer.Typer(
    help="Archive: histories of rounds with all they refer to, in a folder and back.",
    no_args_is_help=True,
)

RoundsArgument = Annotated[
    list[str] | None, typer.Argument(help="Ids of rounds: labelwright round list.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Go on though the histories do not verify.")
]


class From(StrEnum):
    """Where histories are taken from."""

    LIVE = "live"
    ARCHIVE = "archive"


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="An empty folder, or one to be made.")],
    rounds: RoundsArgument = None,
    *,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy what is archived, of all rounds or of these, with every artifact that it refers to."""
    exported = asyncio.run(_export(folder, rounds, data_dir))
    if as_json:
        print_json(exported)
        return
    console.print(
        f"{folder}: {exported.histories} histories of {exported.rounds} rounds, "
        f"{exported.artifacts} artifacts.",
        markup=False,
    )
    console.print("The keys that decrypt them are not in it: keep payload.keys apart.")


@app.command("restore")
def restore(
    folder: Annotated[Path, typer.Argument(help="A folder that `archive export` made.")],
    *,
    force: ForceOption = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an exported archive in, and make its rounds from it: tables and published files."""
    _report(asyncio.run(_restore(folder, data_dir, force=force)), as_json=as_json)


def rebuild(
    rounds: RoundsArgument = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every round that is known.")] = False,
    source: Annotated[
        From | None,
        typer.Option("--from", help="Only from there; else live where Temporal has them."),
    ] = None,
    force: ForceOption = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the tables of rounds right by their histories; where nothing differs nothing changes."""
    if every == bool(rounds):
        raise InvalidInput("name rounds, or --all", hint="labelwright round list shows them")
    _report(asyncio.run(_rebuild(rounds, source, data_dir, force=force)), as_json=as_json)


async def _export(folder: Path, named: list[str] | None, data_dir: DataDirOption) -> Exported:
    from storage.database import transaction
    from storage.histories import archived_rounds
    from workers.rebuilding import export_archive

    async with open_sources(data_dir) as sources:
        with transaction(sources.engine) as connection:
            known = archived_rounds(connection)
        unknown = sorted(set(named or ()) - set(known))
        if unknown:
            raise InvalidInput(
                f"nothing is archived of {', '.join(unknown)}",
                hint="labelwright audit archive ROUND",
            )
        wanted = list(map(RoundId, named)) if named else known
        return await export_archive(
            sources.engine, sources.store, folder, wanted, codec=sources.codec
        )


async def _restore(folder: Path, data_dir: DataDirOption, *, force: bool) -> list[Restored]:
    from workers.rebuilding import restore_archive

    async with open_sources(data_dir) as sources:
        return await restore_archive(
            sources.engine,
            sources.store,
            Path(sources.settings.datasets),
            folder,
            public_keys=public_keys_of(sources),
            codec=sources.codec,
            force=force,
        )


async def _rebuild(
    named: list[str] | None, source: From | None, data_dir: DataDirOption, *, force: bool
) -> list[Restored]:
    from workers.rebuilding import known_rounds, one_after_another

    async with open_sources(data_dir) as sources:
        wanted = (
            list(map(RoundId, named))
            if named
            else await known_rounds(sources.client, sources.engine)
        )
        return await one_after_another(
            wanted, lambda round_id: _rebuild_one(sources, round_id, source, force=force)
        )


async def _rebuild_one(
    sources: Sources, round_id: RoundId, source: From | None, *, force: bool
) -> Restored:
    from workers.rebuilding import Restored, rebuild_round

    rebuilt = await rebuild_round(
        sources.client,
        sources.engine,
        sources.store,
        sources.settings.datasets,
        round_id,
        public_keys=public_keys_of(sources),
        codec=sources.codec,
        source=None if source is None else source.value,
        force=force,
    )
    return Restored(rebuilt=rebuilt, files=False)


def _report(restored: list[Restored], *, as_json: bool) -> None:
    if as_json:
        print_json(restored)
        return
    print_table(
        ["round", "from", "rows set right", "tables"],
        [
            (
                each.rebuilt.round_id,
                "Temporal" if each.rebuilt.source == "live" else "the archive",
                f"{each.rebuilt.mended:,}",
                ", ".join(table.table for table in each.rebuilt.tables),
            )
            for each in restored
        ],
    )
    for each in restored:
        for finding in each.rebuilt.findings:
            remark(f"{each.rebuilt.round_id}: {finding.message}")
