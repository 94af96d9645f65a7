"""Commands about bundles of evidence: export one, prove a decision, check a proof, compare two.

All but the export need nothing but the files that they are given.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from api.cli.audit import RoundArgument, open_sources
from api.cli.evidence_files import (
    BundleArgument,
    KeyOption,
    refuse_existing,
    trusted,
    write_new,
)
from api.cli.output import DataDirOption, JsonOption, console, print_json, print_table, remark
from domain.accounts import Actor
from domain.canonical import canonical
from domain.errors import InvalidInput
from domain.ids import AccountId, RecordId, RoundId
from domain.tree_heads import ROUND, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workers.audit import Finding
    from workers.audit.bundle import Listing
    from workers.audit.proofs import InclusionProof


def register(app: typer.Typer) -> None:
    """Adds the commands to `labelwright audit`."""
    app.command("export")(export)
    app.command("prove")(prove)
    app.command("check-proof")(check)
    app.command("consistency")(consistency)


def export(
    round_id: RoundArgument,
    *,
    out: Annotated[Path, typer.Option("--out", help="The file to write.", show_default=False)],
    with_pool: Annotated[
        bool,
        typer.Option(
            "--with-pool", help="The pool's snapshot too, so that contents and routes are checked."
        ),
    ] = False,
    timestamp_url: Annotated[
        str | None,
        typer.Option(
            "--timestamp-url",
            help="A time-stamp authority (RFC 3161) that stamps the head; "
            "else LABELWRIGHT_TIMESTAMP_URL.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all evidence of a round into one signed file, for an auditor on another machine.

    The round may be open or ended. The file is whole or not there.
    """
    refuse_existing(out)
    listing = asyncio.run(_export(round_id, out, with_pool, timestamp_url, data_dir))
    if as_json:
        print_json(listing.head)
        return
    head = listing.head
    print_table(
        ["", ""],
        [
            ("round", head.round),
            ("file", f"{out}, {out.stat().st_size:,} bytes, {len(listing.members)} members"),
            ("decisions", f"{head.entries:,} in {len(head.sources)} ledgers"),
            ("tree", head.root),
            ("signed with", head_key(listing.head_signature)),
        ],
    )
    for each in listing.left_out:
        remark(f"Left out: {each.name}: {each.why}.")


def prove(
    bundle: BundleArgument,
    *,
    record: Annotated[
        str | None, typer.Option("--record", help="Prove the outcome of this record.")
    ] = None,
    entry: Annotated[
        str | None,
        typer.Option("--entry", help="Prove this decision: `round:5`, or `shard 3:17`."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write; else it is printed.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that one label, or another decision, is in the round's signed ledgers."""
    from workers.audit.proofs import prove_entry, prove_record

    if (record is None) == (entry is None):
        raise InvalidInput("give --record or --entry", hint="--record ID, or --entry SOURCE:SEQ")
    proof = (
        prove_record(bundle, RecordId(record))
        if record is not None
        else prove_entry(bundle, *_place(str(entry)))
    )
    if out is None:
        print_json(json.loads(canonical(proof)))
        return
    write_new(out, canonical(proof) + b"\n")
    if as_json:
        print_json({"proof": str(out), "source": proof.source.source, **_sequence(proof)})
        return
    console.print(_said(proof), markup=False)


def check(
    proof: Annotated[Path, typer.Argument(help="The file of a proof.", show_default=False)],
    *,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a proof by itself: the entry was decided if the key is the API's.

    Ends with exit code 1 when it proves nothing, and says why.
    """
    from workers.audit.proofs import check_proof, read_proof

    given = read_proof(proof)
    findings = list(check_proof(given, trusted(key or [])))
    if as_json:
        print_json(
            {
                "proved": not findings,
                "round": given.head.round,
                "source": given.source.source,
                "entry": given.entry,
                "findings": [asdict(each) for each in findings],
            }
        )
    elif not findings:
        console.print(_said(given), markup=False)
        console.print(Text("Proved: it is in the ledgers that the API has signed.", style="green"))
    _end(findings, as_json=as_json)


def consistency(
    old: Annotated[Path, typer.Argument(help="The earlier bundle.", show_default=False)],
    new: Annotated[Path, typer.Argument(help="The later one.", show_default=False)],
    *,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that a later export extends an earlier one: nothing that was decided has changed.

    Ends with exit code 1 when it does not, and names the ledger.
    """
    from workers.audit.proofs import compare_exports

    compared = compare_exports(old, new, trusted(key or []))
    if as_json:
        print_json(json.loads(canonical(compared)))
    elif compared.consistent:
        print_table(
            ["ledger", "earlier", "later"],
            [(each.source, each.earlier, each.later) for each in compared.sources],
        )
        console.print(Text("Consistent: each ledger begins with the earlier one.", style="green"))
    _end(compared.findings, as_json=as_json)


def head_key(signature: str) -> str:
    """The id of the key that signed."""
    return signature.partition(":")[0]


async def _export(
    round_id: str, out: Path, with_pool: bool, url: str | None, data_dir: DataDirOption
) -> Listing:
    from workers.audit import Export, exported
    from workers.signing import load_or_create

    async with open_sources(data_dir) as sources:
        settings = sources.settings
        if not settings.signing_key.exists():
            raise InvalidInput(
                f"there is no signing key at {settings.signing_key}",
                hint="export on the machine of the API, or ask it: "
                "GET /api/v1/rounds/{id}/evidence",
            )
        wanted = Export(
            round_id=RoundId(round_id),
            exported_by=_person(),
            with_pool=with_pool,
            timestamp_url=settings.timestamp_url if url is None else url,
        )
        async with exported(
            sources.client,
            sources.engine,
            sources.store,
            settings.datasets,
            wanted,
            signer=load_or_create(settings.signing_key),
            codec=sources.codec,
            folder=out.parent,
        ) as sealed:
            await asyncio.to_thread(_write, out, sealed.chunks())
            return sealed.listing


def _write(out: Path, chunks: Iterator[bytes]) -> None:
    """Writes the file aside, so that it is whole when it has its name."""
    descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(out)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _person() -> Actor:
    """Who runs the command, as the operating system knows them."""
    return Actor(
        account_id=AccountId("command-line"),
        name=f"{getpass.getuser()} at the command line",
        authenticated_by="system",
    )


def _place(entry: str) -> tuple[str, int]:
    """`round:5` or `shard 3:17`. Raises InvalidInput."""
    source, _, sequence = entry.rpartition(":")
    source = source.replace("-", " ").strip()
    if source.isdigit():
        source = f"shard {source}"
    try:
        place_of(source)
        return (source if source == ROUND else f"shard {place_of(source) - 1}"), int(sequence)
    except ValueError as error:
        raise InvalidInput(
            f"“{entry}” names no decision", hint="`round:5`, or `shard 3:17`"
        ) from error


def _said(proof: InclusionProof) -> str:
    decision = proof.entry.get("decision", {})
    return (
        f"{proof.source.source}, entry {proof.entry.get('sequence')}: {decision.get('kind')} about "
        f"{decision.get('subject')} at {decision.get('at')}, of round {proof.head.round}"
    )


def _sequence(proof: InclusionProof) -> dict[str, object]:
    return {"sequence": proof.entry.get("sequence")}


def _end(findings: Sequence[Finding], *, as_json: bool) -> None:
    if not findings:
        return
    for each in () if as_json else findings:
        console.print(Text(f"{each.kind}  {each.subject}", style="bold red"))
        console.print(f"  {each.message}", markup=False)
    raise typer.Exit(1)
