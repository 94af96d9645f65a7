"""Files and a terminal for the commands that need no server."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from api.cli import main

POLICY = """\
name: tested
batch_size: 20
arms:
  - {name: uncertain, kind: uncertain, share: 0.8}
  - {name: random, kind: random, share: 0.2}
"""
WITH_LIMIT = POLICY + "limits:\n  - {column: language, value: de, min_records: 15}\n"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a person at a terminal sees of a command."""

    code: int
    out: str
    said: str

    @property
    def json(self) -> dict[str, Any]:
        assert self.code in {0, 3}, self.said
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """Runs commands as the console script does, down to the exit code."""

    monkeypatch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: object) -> Outcome:
        self.monkeypatch.setattr(sys, "argv", ["labelwright", *map(str, arguments)])
        self.capture.readouterr()
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        shown = self.capture.readouterr()
        return Outcome(code=code, out=shown.out, said=shown.err)


@dataclass(frozen=True, kw_only=True)
class PoolFolder:
    """A folder with a pool of 100 records in six dimensions, three classes and two languages."""

    path: Path
    terminal: Terminal
    count: int = 100

    def save(self, name: str, array: NDArray[Any]) -> Path:
        file = self.path / name
        np.save(file, array)
        return file

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.write_text(text, encoding="utf-8")
        return file

    def embeddings(self) -> NDArray[np.float32]:
        rows = np.random.default_rng(1).normal(size=(self.count, 6))
        unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(
            np.float32
        )
        return unit

    def probabilities(self) -> NDArray[np.float32]:
        drawn: NDArray[np.float32] = (
            np.random.default_rng(2).dirichlet(np.ones(3), self.count).astype(np.float32)
        )
        return drawn

    def metadata(self, **columns: Any) -> Path:
        usual = {
            "id": [f"r{place:03d}" for place in range(self.count)],
            "language": ["de" if place % 10 == 0 else "en" for place in range(self.count)],
        }
        file = self.path / "M.parquet"
        pq.write_table(pa.table(usual | columns), file)
        return file

    def prepare(self) -> None:
        self.save("X.npy", self.embeddings())
        self.save("P.npy", self.probabilities())
        self.write("policy.yaml", POLICY)

    def select(self, *more: object, **changes: object) -> Outcome:
        """`labelwright select` on the usual files; a change of None leaves an option out."""
        options: dict[str, object] = {
            "embeddings": self.path / "X.npy",
            "probabilities": self.path / "P.npy",
            "policy": self.path / "policy.yaml",
            "out": self.path / "batch.parquet",
        } | changes
        flags = [
            part
            for name, value in options.items()
            if value is not None
            for part in (f"--{name.replace('_', '-')}", value)
        ]
        return self.terminal.run("select", *flags, *more)

    def batch(self, name: str = "batch.parquet") -> pa.Table:
        return pq.read_table(self.path / name)
