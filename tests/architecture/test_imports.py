"""What a process loads: import-linter sees who names whom, this sees what is really in memory."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["workers.orchestration", "api.app"])
def test_a_process_that_only_orchestrates_loads_no_scikit_learn(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'sklearn', 'skops'}} & sys.modules.keys()))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert loaded.strip() == "[]"
