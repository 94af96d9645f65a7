"""Candidates for a selection, from files whose rows stand in the same order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from api.offline import arrays, tables
from api.offline.known import KnownFiles, known_records
from domain.arms import LEVELS, Signal
from domain.errors import EmptyPool, InvalidInput, InvalidScores, MissingColumn
from domain.expressions import columns as columns_of
from domain.policy import PREDICTED, SamplingPolicy
from domain.policy_rules import expressions
from learning.selection import Candidates
from learning.selection.findings import COMPARED
from learning.selection.scores import SEGMENT, TIMESTAMP
from learning.signals.disagreement import (
    committee_divergence,
    instability,
    version_divergence,
    vote_entropy,
)

AMBIGUOUS = "ambiguous"
"""A column of truth values: what people could not settle in an earlier round."""
_BY_SIGNAL = {
    Signal.SEGMENT_RARITY: (SEGMENT,),
    Signal.SEGMENT_ERROR_RATE: (SEGMENT,),
    Signal.RECENCY: (TIMESTAMP,),
    Signal.FLAGGED: ("production_error", "user_correction"),
}
_READ_IF_THERE = ("usage_restriction", "quality_status")

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class PoolFiles:
    """Where the pool and what is known of other records are."""

    embeddings: Path
    probabilities: Path | None = None
    classes: Sequence[str] = ()
    ids: str = ""
    """A file with an id a line, or a column of the metadata; empty: rows are numbered."""
    metadata: Path | None = None
    text_column: str | None = None
    committee: Path | None = None
    earlier: Sequence[Path] = ()
    """Probabilities of earlier models, newest first, columns as in `classes`."""
    known: KnownFiles


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    candidates: Candidates
    """By ascending record id."""
    order: NDArray[np.int64] | None
    """The row of the files that each candidate comes from; None: the same one."""
    remarks: list[str]
    """What was done to the input, or is unusual about it."""

    def row(self, place: int) -> int:
        return place if self.order is None else int(self.order[place])


def read(files: PoolFiles, policy: SamplingPolicy, *, progress: Progress) -> Pool:
    """The pool as the policy needs it; nothing else is read.

    Raises UnreadableFile, MissingColumn, InvalidScores, InvalidInput and EmptyPool.
    """
    progress("looking at the files")
    embeddings = arrays.opened(files.embeddings, axes="rows × dimensions")
    if not embeddings.rows or not embeddings.shape[1]:
        raise EmptyPool(f"{embeddings.name} has shape {embeddings.shape}: there is no record in it")
    table = None if files.metadata is None else tables.opened(files.metadata)
    _check_columns(table, policy)
    progress("reading metadata")
    metadata, ids = _columns(files, table, policy, embeddings)
    order = tables.ascending(ids, source=files.ids or "the pool")
    progress("reading embeddings")
    points = arrays.unit_rows(embeddings, order=order)
    remarks = _remarks(embeddings, points, copied=order is not None)
    progress("reading probabilities")
    probabilities, classes = _probabilities(files, embeddings.rows, order, remarks)
    signals = _signals(files, policy, probabilities, order)
    progress("reading texts")
    texts = None
    if table is not None and files.text_column and policy.near_duplicates.text is not None:
        column = table.read([files.text_column], as_text=[files.text_column])[files.text_column]
        texts = tables.signatures_of(column)
    if order is not None:
        places = pa.array(order)
        ids, metadata = ids.take(places), _taken(metadata, places)
        texts = None if texts is None else texts[order]
    known = known_records(
        files.known, points.rows.shape[1], text_column=files.text_column, texts=texts is not None
    )
    if not len(known.labels) or all(label is None for label in known.labels):
        remarks.append("Nothing is labelled: to the policy every record is new.")
    candidates = Candidates(
        record_ids=ids,
        embeddings=points.rows,
        probabilities=probabilities,
        classes=classes,
        metadata=metadata,
        signals=signals,
        signatures=texts,
        ambiguous=_ambiguous(metadata),
        known=known,
    )
    return Pool(candidates=candidates, order=order, remarks=remarks)


def read_by(policy: SamplingPolicy) -> tuple[set[str], set[str]]:
    """Columns that the policy cannot do without, and those that it looks at where they are."""
    needed = {limit.column for limit in policy.limits}.union(
        *(columns_of(each) for each in expressions(policy))
    ) - {PREDICTED}
    wanted = {*COMPARED, *_READ_IF_THERE, AMBIGUOUS} - {PREDICTED}
    for signal in policy.signals:
        wanted |= {signal.value} if signal in LEVELS else set(_BY_SIGNAL.get(signal, ()))
    return needed, wanted


def _check_columns(table: tables.TableFile | None, policy: SamplingPolicy) -> None:
    needed, _ = read_by(policy)
    if table is not None:
        for name in sorted(needed):
            table.check(name)
    elif needed:
        raise MissingColumn(
            f"the policy looks at “{min(needed)}”, and there are no metadata",
            hint="add --metadata FILE with that column",
            column=min(needed),
        )


def _columns(
    files: PoolFiles,
    table: tables.TableFile | None,
    policy: SamplingPolicy,
    embeddings: arrays.ArrayFile,
) -> tuple[pa.Table, pa.Array]:
    """Metadata (n, …) and record ids (n,), in the order of the files."""
    by_line = bool(files.ids) and Path(files.ids).is_file()
    id_column = files.ids if files.ids and not by_line else None
    if id_column and table is None:
        raise InvalidInput(
            f"“{id_column}” is neither a file nor, without metadata, a column",
            hint="--ids takes a text file with an id a line, or a column of --metadata",
        )
    if files.text_column and table is None:
        raise InvalidInput(
            "--text-column names a column, and there are no metadata", hint="add --metadata FILE"
        )
    metadata = pa.table({})
    ids = tables.numbered(embeddings.rows)
    if table is not None:
        needed, wanted = read_by(policy)
        names = needed | (wanted & set(table.columns))
        if files.text_column:
            table.check(files.text_column)
        if id_column:
            table.check(id_column)
            names.add(id_column)
        if names:
            metadata = table.read(names, as_text=[id_column] if id_column else [])
            _check_rows(table.name, metadata.num_rows, embeddings)
    if by_line:
        ids = pa.array(tables.lines_of(Path(files.ids)), pa.string())
        _check_rows(files.ids, len(ids), embeddings)
    elif id_column:
        ids = metadata.column(id_column).combine_chunks()
        if id_column not in read_by(policy)[0]:
            metadata = metadata.drop_columns([id_column])
    return metadata, ids


def _check_rows(name: str, rows: int, embeddings: arrays.ArrayFile) -> None:
    if rows != embeddings.rows:
        raise InvalidScores(
            f"{name} has {rows:,} rows, {embeddings.name} has {embeddings.rows:,}",
            hint="give a row for each record in all files, in the same order",
        )


def _probabilities(
    files: PoolFiles,
    rows: int,
    order: NDArray[np.int64] | None,
    remarks: list[str],
) -> tuple[arrays.Float32 | None, Sequence[str]]:
    if files.probabilities is None:
        remarks.append("There are no probabilities: the policy goes without a model.")
        return None, ()
    file = arrays.opened(files.probabilities, axes="rows × classes")
    _check_same(file, rows, files)
    k = file.shape[1]
    classes = list(files.classes) or [str(place) for place in range(k)]
    if len(classes) != k:
        raise InvalidScores(
            f"{file.name} has {k} columns, and {len(classes)} classes are named",
            hint="name them in the order of the columns: --classes a,b,c",
        )
    if len(set(classes)) < k:
        raise InvalidScores("a class is named twice", hint="each column is a class of its own")
    found = arrays.distributions(file, order=order)
    if k == 1:
        remarks.append("There is one class only: the model is certain of every record.")
    elif (found == found[0]).all():
        remarks.append(
            "All records have the same probabilities: uncertainty tells none from another."
        )
    return found, classes


def _check_same(file: arrays.ArrayFile, rows: int, files: PoolFiles) -> None:
    if file.rows != rows:
        raise InvalidScores(
            f"{file.name} has {file.rows:,} rows, {files.embeddings.name} has {rows:,}",
            hint="give a row for each record in all files, in the same order",
        )


def _signals(
    files: PoolFiles,
    policy: SamplingPolicy,
    probabilities: arrays.Float32 | None,
    order: NDArray[np.int64] | None,
) -> dict[Signal, arrays.Float32]:
    """Signals of a committee and of earlier models, where the policy looks at them."""
    found: dict[Signal, arrays.Float32] = {}
    if probabilities is None:
        if files.committee or files.earlier:
            raise InvalidInput(
                "a committee and earlier models need the present model's probabilities beside them",
                hint="add --probabilities FILE",
            )
        return found
    n, k = probabilities.shape
    if files.committee is not None:
        committee = arrays.opened(files.committee, axes="rows × members × classes")
        _check_shape(committee, (n, committee.shape[1], k))
        members = arrays.distributions(committee, order=order)
        found[Signal.VOTE_ENTROPY] = vote_entropy(members)
        found[Signal.COMMITTEE_DIVERGENCE] = committee_divergence(members)
    if files.earlier:
        versions = [probabilities]
        for path in files.earlier:
            earlier = arrays.opened(path, axes="rows × classes")
            _check_shape(earlier, (n, k))
            versions.append(arrays.distributions(earlier, order=order))
        stacked = np.stack(versions, axis=1)
        found[Signal.VERSION_DIVERGENCE] = version_divergence(stacked)
        found[Signal.INSTABILITY] = instability(stacked)
    return {signal: values for signal, values in found.items() if signal in policy.signals}


def _check_shape(file: arrays.ArrayFile, wanted: tuple[int, ...]) -> None:
    if file.shape != wanted:
        raise InvalidScores(
            f"{file.name} has shape {file.shape}; {wanted} is wanted",
            hint="give a row for each record and a column for each class, in the same order",
        )


def _remarks(file: arrays.ArrayFile, points: arrays.UnitRows, *, copied: bool) -> list[str]:
    said = []
    if points.normalised:
        said.append(f"The rows of {file.name} were brought to length one.")
    if file.dtype != np.dtype("=f4"):
        said.append(f"{file.name} holds {file.dtype}; it was converted to float32.")
    if copied:
        said.append("The records were put in the order of their ids, which takes a copy in memory.")
    if points.zeros:
        said.append(
            f"{points.zeros:,} embeddings are all zeros: nothing is known of these records."
        )
    return said


def _ambiguous(metadata: pa.Table) -> NDArray[np.bool_] | None:
    if AMBIGUOUS not in metadata.column_names:
        return None
    column = metadata.column(AMBIGUOUS).combine_chunks()
    if not pa.types.is_boolean(column.type):
        raise InvalidInput(f"“{AMBIGUOUS}” holds {column.type}; it says true or false")
    marks: NDArray[np.bool_] = column.fill_null(fill_value=False).to_numpy(zero_copy_only=False)
    return marks


def _taken(table: pa.Table, places: pa.Array) -> pa.Table:
    return table.take(places).combine_chunks() if table.num_columns else table
