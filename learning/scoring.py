"""Scoring: one pure function, an Arrow batch in, an Arrow batch out.

Locally each partition is an activity; on Spark the same function runs in `mapInArrow`. A row's
scores depend on that row and the model only, so partitions may be cut anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.errors import MissingColumn
from domain.records import Content
from learning.models import Model

CLASSES_KEY = b"labelwright.classes"
"""Schema metadata: the model's classes as a JSON list, in the order of `probabilities`."""


def scores_schema(model: Model) -> pa.Schema:
    """What `score` returns. The measures are null where the model has no classifier yet."""
    return pa.schema(
        [
            pa.field("record_id", pa.string(), nullable=False),
            pa.field("predicted", pa.string()),
            pa.field("probabilities", pa.list_(pa.float32())),
            pa.field("margin", pa.float32()),
            pa.field("least_confidence", pa.float32()),
            pa.field("entropy", pa.float32()),
            pa.field("embedding", pa.list_(pa.float32(), model.dimensions), nullable=False),
        ],
        metadata={CLASSES_KEY: json.dumps(model.classes).encode()},
    )


def score(batch: pa.RecordBatch, model: Model) -> pa.RecordBatch:
    """Score the records of `batch`: columns `record_id` and `content` (JSON), both strings.

    Returns one row a record, in the order given, by `scores_schema(model)`: the likeliest label,
    all probabilities, three measures of uncertainty in [0, 1] (0 is certain), a unit embedding.
    Raises MissingColumn when a column is absent.
    """
    missing = {"record_id", "content"} - set(batch.schema.names)
    if missing:
        raise MissingColumn(f"records to score lack {', '.join(sorted(missing))}")
    contents = [Content(json.loads(text)) for text in batch.column("content").to_pylist()]
    embeddings, probabilities = model.embed_and_predict(contents)
    flat = pa.array(embeddings.reshape(-1), type=pa.float32())
    columns = [
        batch.column("record_id").cast(pa.string()),
        *_prediction_columns(probabilities, model.classes),
        pa.FixedSizeListArray.from_arrays(flat, model.dimensions),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=scores_schema(model))


def uncertainty(probabilities: NDArray[np.float64]) -> Mapping[str, NDArray[np.float32]]:
    """Margin, least-confidence and entropy uncertainty of (n, k ≥ 2) probabilities, each (n,).

    margin = 1 − (p₁ − p₂); least_confidence = 1 − p₁; entropy = −Σ p log p / log k.
    Source: B. Settles (2009), "Active Learning Literature Survey", section 3.1.
    """
    ordered = np.sort(probabilities, axis=1)
    first, second = ordered[:, -1], ordered[:, -2]
    # p log p goes to 0 with p; the smallest normal number stands for 0 in the logarithm.
    logs = np.log(np.maximum(ordered, np.finfo(np.float64).tiny))
    entropy = -(ordered * logs).sum(axis=1) / np.log(probabilities.shape[1])
    measures = {
        "margin": 1.0 - (first - second),
        "least_confidence": 1.0 - first,
        "entropy": entropy,
    }
    return {name: np.clip(values, 0.0, 1.0).astype(np.float32) for name, values in measures.items()}


def _prediction_columns(
    probabilities: NDArray[np.float64], classes: Sequence[str]
) -> list[pa.Array]:
    """`predicted`, `probabilities` and the three measures, as Arrow arrays."""
    count, k = probabilities.shape
    if not k:
        types = [pa.string(), pa.list_(pa.float32()), pa.float32(), pa.float32(), pa.float32()]
        return [pa.nulls(count, each) for each in types]
    measures = uncertainty(probabilities)
    likeliest = pa.array(probabilities.argmax(axis=1), type=pa.int64())
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * k)
    return [
        pa.array(classes, type=pa.string()).take(likeliest),
        pa.ListArray.from_arrays(offsets, pa.array(probabilities.reshape(-1).astype(np.float32))),
        *(pa.array(measures[name]) for name in ("margin", "least_confidence", "entropy")),
    ]
