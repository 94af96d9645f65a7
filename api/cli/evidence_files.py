"""What commands about evidence take and give: bundles, public keys, proofs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InvalidInput, NotFound
from domain.ids import is_name

if TYPE_CHECKING:
    from workers.audit import AuditReport

KeyOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--key",
        help="Public keys that signatures are checked with: PEM, or the JSON of "
        "GET /api/v1/signing-keys. May be repeated.",
        show_default=False,
    ),
]
BundleArgument = Annotated[Path, typer.Argument(help="The file of a bundle.", show_default=False)]


def is_bundle(argument: str) -> bool:
    """Whether the argument is a file, not a round's id. Raises NotFound for a file that is none."""
    if Path(argument).is_file():
        return True
    if is_name(argument) and not argument.endswith(".tar"):
        return False
    raise NotFound(f"there is no file {argument}")


def bundle_report(bundle: Path, keys: list[Path], tsa_certificates: list[Path]) -> AuditReport:
    """What verifying the bundle says. Raises InvalidInput without a key, NotFound, NotABundle."""
    from workers.audit.offline import verify_bundle
    from workers.audit.timestamps import read_certificates

    return verify_bundle(
        bundle,
        public_keys=trusted(keys),
        tsa_certificates=read_certificates(tsa_certificates),
    )


def trusted(keys: list[Path]) -> dict[str, str]:
    """The keys in the files. Raises InvalidInput where there are none."""
    from workers.audit.public_keys import read_keys

    if not keys:
        raise InvalidInput(
            "no public key was given, and without one anybody could have made this",
            hint="--key FILE, with what GET /api/v1/signing-keys answers or what you were given "
            "before, not with the bundle",
        )
    return read_keys(keys)


def write_new(path: Path, data: bytes) -> None:
    """Writes a file that must not be there yet. Raises InvalidInput."""
    refuse_existing(path)
    path.write_bytes(data)


def refuse_existing(path: Path) -> None:
    if path.exists():
        raise InvalidInput(f"{path} is there already", hint="choose another name, or remove it")
    if not path.parent.is_dir():
        raise InvalidInput(f"there is no folder {path.parent}")
