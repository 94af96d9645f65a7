"""Files that hold a secret: made once, readable by their owner only."""

from __future__ import annotations

import os
from pathlib import Path


def create_once(path: Path, data: bytes) -> None:
    """Writes the file unless there is one; of processes that do so at once, one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails where a rename would replace: of two processes, the first one's key stays.
        os.link(unfinished, path)
    except FileExistsError:
        pass
    finally:
        unfinished.unlink()
