"""Scoring: one pure function, an Arrow batch in, an Arrow batch out.

Locally each partition is an activity; on Spark the same function runs in `mapInArrow`. A row's
scores depend on that row and the models only, so partitions may be cut anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.errors import MissingColumn
from domain.records import Content, ContentKind
from learning.models import Model
from learning.near_duplicates import SIGNATURE_WIDTH, signatures, to_arrow
from learning.signals.disagreement import (
    aligned,
    committee_divergence,
    instability,
    version_divergence,
    vote_entropy,
)
from learning.signals.probabilities import entropy, least_confidence, margin

CLASSES_KEY = b"labelwright.classes"
"""Schema metadata: the model's classes as a JSON list, in the order of `probabilities`."""

SIGNALS = (
    "margin",
    "least_confidence",
    "entropy",
    "vote_entropy",
    "committee_divergence",
    "version_divergence",
    "instability",
)
"""Columns that are signals: float32 in [0, 1], null where the model cannot say."""


def scores_schema(model: Model) -> pa.Schema:
    """What `score` returns. What a model or its committee says is null where there is none yet."""
    return pa.schema(
        [
            pa.field("record_id", pa.string(), nullable=False),
            pa.field("predicted", pa.string()),
            pa.field("probabilities", pa.list_(pa.float32())),
            *(pa.field(name, pa.float32()) for name in SIGNALS),
            pa.field("signature", pa.list_(pa.uint16(), SIGNATURE_WIDTH)),
            pa.field("embedding", pa.list_(pa.float32(), model.dimensions), nullable=False),
        ],
        metadata={CLASSES_KEY: json.dumps(model.classes).encode()},
    )


def score(batch: pa.RecordBatch, model: Model, earlier: Sequence[Model] = ()) -> pa.RecordBatch:
    """Score the records of `batch`: columns `record_id` and `content` (JSON), both strings.

    Returns one row a record, in the order given, by `scores_schema(model)`: the likeliest label,
    all probabilities, measures of uncertainty and disagreement in [0, 1], a MinHash signature of a
    text, a unit embedding. `earlier` are models of the same kind, newest first, which `model` is
    compared with; those of a cold start have nothing to compare. Raises MissingColumn when a column
    is absent.
    """
    missing = {"record_id", "content"} - set(batch.schema.names)
    if missing:
        raise MissingColumn(f"records to score lack {', '.join(sorted(missing))}")
    contents = [Content(json.loads(text)) for text in batch.column("content").to_pylist()]
    outputs = model.outputs(contents)
    signals: dict[str, NDArray[np.float32]] = {}
    if model.classes:
        signals |= uncertainty(outputs.probabilities)
        signals |= _changes(contents, model, outputs.probabilities, earlier)
    if outputs.committee is not None:
        signals["vote_entropy"] = vote_entropy(outputs.committee)
        signals["committee_divergence"] = committee_divergence(outputs.committee)
    columns = [
        batch.column("record_id").cast(pa.string()),
        *_predictions(outputs.probabilities, model.classes),
        *(
            pa.array(signals[name]) if name in signals else pa.nulls(len(contents), pa.float32())
            for name in SIGNALS
        ),
        _signatures(model.kind, contents),
        pa.FixedSizeListArray.from_arrays(
            pa.array(outputs.embeddings.reshape(-1), type=pa.float32()), model.dimensions
        ),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=scores_schema(model))


def uncertainty(probabilities: NDArray[np.float64]) -> Mapping[str, NDArray[np.float32]]:
    """Margin, least-confidence and entropy uncertainty of (n, k ≥ 2) probabilities, each (n,)."""
    return {
        "margin": margin(probabilities),
        "least_confidence": least_confidence(probabilities),
        "entropy": entropy(probabilities),
    }


def _changes(
    contents: Sequence[Content],
    model: Model,
    probabilities: NDArray[np.float64],
    earlier: Sequence[Model],
) -> Mapping[str, NDArray[np.float32]]:
    """How far `model` says something else than the `earlier` ones did."""
    before = [(each.classes, each.predict_proba(contents)) for each in earlier if each.classes]
    if not before:
        return {}
    versions = aligned([(model.classes, probabilities), *before])
    return {
        "version_divergence": version_divergence(versions),
        "instability": instability(versions),
    }


def _predictions(probabilities: NDArray[np.float64], classes: Sequence[str]) -> list[pa.Array]:
    """`predicted` and `probabilities` as Arrow arrays."""
    count, k = probabilities.shape
    if not k:
        return [pa.nulls(count, pa.string()), pa.nulls(count, pa.list_(pa.float32()))]
    likeliest = pa.array(probabilities.argmax(axis=1), type=pa.int64())
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * k)
    return [
        pa.array(classes, type=pa.string()).take(likeliest),
        pa.ListArray.from_arrays(offsets, pa.array(probabilities.reshape(-1).astype(np.float32))),
    ]


def _signatures(kind: ContentKind, contents: Sequence[Content]) -> pa.Array:
    if kind is not ContentKind.TEXT:
        return pa.nulls(len(contents), pa.list_(pa.uint16(), SIGNATURE_WIDTH))
    return to_arrow(signatures([str(content["text"]) for content in contents]))
