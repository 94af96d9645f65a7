"""Model files: skops archives, checked against a list of types and written the same way every time.

skops names its parts after memory addresses and stamps them with the time of day. `pack` gives
them running numbers and a fixed date instead, so that a model's SHA-256 follows from its inputs.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from domain.errors import UntrustedModel

TRUSTED = frozenset(
    {
        "builtins.bool",
        "builtins.dict",
        "builtins.float",
        "builtins.int",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "builtins.type",
        "numpy.bool",
        "numpy.dtype",
        "numpy.float64",
        "numpy.int64",
        "numpy.ndarray",
        "sklearn.impute._base.MissingIndicator",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._encoders.OneHotEncoder",
    }
)
"""Every type that a model of ours is made of; nothing else is ever constructed from a file."""

_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(value: object) -> bytes:
    """`value` as a skops archive; equal values give equal bytes."""
    source = zipfile.ZipFile(io.BytesIO(skops.io.dumps(value)))
    schema = json.loads(source.read(_SCHEMA))
    files = _renumber(schema)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for old, new in files.items():
            _write(target, new, source.read(old))
        _write(target, _SCHEMA, json.dumps(schema, sort_keys=True, separators=(",", ":")).encode())
    return buffer.getvalue()


def unpack(data: bytes) -> Any:
    """The value that `pack` was given.

    Raises UntrustedModel when the bytes are no archive or name a type that is not in `TRUSTED`;
    nothing of the archive has been constructed then.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            schema = json.loads(archive.read(_SCHEMA))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise UntrustedModel("the model file is not an archive that Labelwright wrote") from error
    foreign = sorted({name for node in _nodes(schema) if (name := _type_name(node)) not in TRUSTED})
    if foreign:
        raise UntrustedModel(
            f"the model file names types that no model here is made of: {', '.join(foreign[:5])}",
            hint="restore the file from the artifact store, or train the model again",
            types=foreign,
        )
    try:
        return skops.io.loads(data, trusted=sorted(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise UntrustedModel("the model file names a type that is not trusted") from error


def _write(target: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    # Unix, whatever machine writes: the field is part of the bytes.
    entry.create_system = 3
    target.writestr(entry, data, compress_type=zipfile.ZIP_STORED)


def _renumber(schema: Any) -> dict[str, str]:
    """Give the nodes running numbers in place; the files' old names with their new ones."""
    files: dict[str, str] = {}
    for number, node in enumerate(_nodes(schema)):
        if "__id__" in node:
            # Python may or may not share equal small values; their numbers must not tell.
            node["__id__"] = number
        if "file" in node:
            node["file"] = files.setdefault(node["file"], f"{len(files)}.npy")
    return files


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every node of the schema, parents first, in the order of their keys."""
    if isinstance(value, list):
        for each in value:
            yield from _nodes(each)
    elif isinstance(value, dict):
        if "__class__" in value:
            yield value
        for key in sorted(value):
            yield from _nodes(value[key])


def _type_name(node: dict[str, Any]) -> str:
    return f"{node.get('__module__')}.{node.get('__class__')}"
