"""What a checkup of one part finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    GOOD = "ok"
    OPTIONAL = "optional"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was seen of one part."""

    part: str
    state: State
    detail: str
    version: str = ""
    mend: str = ""
    """The command, or the deed, that mends it; empty when nothing has to be."""
