"""A policy for work without a server: from a file, or one that comes with the product."""

from __future__ import annotations

from pathlib import Path

from api.policies import ready_made
from api.policies.documents import parse_policy
from domain.errors import InvalidPolicy, UnreadableFile
from domain.policy import SamplingPolicy


def load(named: str) -> SamplingPolicy:
    """The policy in a YAML or JSON file, or the ready-made one of that name.

    Raises UnreadableFile, and InvalidPolicy whose message has each fault with its line.
    """
    path = Path(named)
    if not path.exists() and named in ready_made.NAMES:
        return ready_made.load(named)[0]
    try:
        return parse_policy(path.read_bytes())
    except OSError as error:
        raise UnreadableFile(
            f"{path} cannot be read: {error.strerror}",
            hint=f"name a file, or one of {', '.join(ready_made.NAMES)}",
        ) from error
    except InvalidPolicy as error:
        faults = error.context.get("faults")
        lines = [_line(fault) for fault in faults] if isinstance(faults, list) else [error.message]
        raise InvalidPolicy(
            "\n  ".join([f"{path} cannot be followed:", *lines]),
            hint=error.hint or f"labelwright policy check {path}",
            faults=faults,
        ) from None


def _line(fault: dict[str, object]) -> str:
    line = f"line {fault['line']}" if fault["line"] else ""
    return ": ".join(str(part) for part in (line, fault["where"], fault["message"]) if part)
