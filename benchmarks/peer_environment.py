"""The environment that the peers of a benchmark run in, made on first use."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-peers"
PINNED = Path(__file__).with_name("peers.txt")


def peers_python() -> Path:
    """The interpreter of the peers' environment, which holds what `peers.txt` pins.

    Made with pip from whatever index it is configured for; made again when the file has changed.
    Raises CalledProcessError when pip cannot install them.
    """
    python = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / "peers.sha256"
    digest = hashlib.sha256(PINNED.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return python
    print(f"installing the peers into {ENVIRONMENT.name}/, once", file=sys.stderr)
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "-r", str(PINNED)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    stamp.write_text(digest, encoding="ascii")
    return python


def with_threads(threads: int) -> dict[str, str]:
    """This process's environment, with so many threads for every BLAS."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return os.environ | dict.fromkeys(names, str(threads))
