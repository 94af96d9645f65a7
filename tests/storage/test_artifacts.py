"""Artifacts: named by their digest, whole or not there."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from domain.canonical import Sha256, digest_bytes
from domain.errors import DigestMismatch, InvalidInput, NotFound
from storage.artifacts import ArtifactStore, ArtifactsUnavailable


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_bytes_come_back_by_their_digest(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    sha = store.put(b"data")
    assert sha == digest_bytes(b"data")
    assert store.put(b"data") == sha
    assert store.get(sha) == b"data"
    assert store.exists(sha)
    assert files(tmp_path) == [Path(store.path_of(sha))]
    assert ArtifactStore(tmp_path.as_uri()).get(sha) == b"data"


def test_changed_bytes_are_never_returned(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    sha = store.put(b"data")
    Path(store.path_of(sha)).write_bytes(b"dada")
    with pytest.raises(DigestMismatch):
        store.get(sha)


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    absent = digest_bytes(b"absent")
    assert not store.exists(absent)
    with pytest.raises(NotFound):
        store.get(absent)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63 + "\n", "a" * 65])
def test_only_a_digest_names_an_artifact(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        ArtifactStore(tmp_path).get(Sha256(name))


def test_equal_tables_give_equal_bytes_however_they_are_chunked(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    values = pa.table(
        {"id": [f"r{n}" for n in range(1_000)], "score": [n / 7 for n in range(1_000)]}
    )
    chunked = pa.concat_tables([values.slice(0, 13), values.slice(13)])
    described = values.replace_schema_metadata({"made": "elsewhere"})
    shas = {store.put_table(each) for each in (values, chunked, described)}
    assert len(shas) == 1
    assert store.get_table(shas.pop()).equals(values)


def test_an_embedding_column_survives(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array([1, 2, 3, 4], pa.float32()), 2)
    table = pa.table({"embedding": vectors})
    assert store.get_table(store.put_table(table)).schema == table.schema


def test_a_store_that_cannot_be_written_says_so_and_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "incoming").write_text("a file where a folder should be")
    store = ArtifactStore(tmp_path)
    with pytest.raises(ArtifactsUnavailable, match="could not be stored"):
        store.put(b"data")
    assert not store.exists(digest_bytes(b"data"))


def test_a_write_that_breaks_off_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storage.artifacts._flush", full)
    with pytest.raises(ArtifactsUnavailable, match="No space left"):
        ArtifactStore(tmp_path).put(b"data")
    assert files(tmp_path) == []
