"""What a policy would choose, before any round is about it."""

from __future__ import annotations

from dataclasses import dataclass

from domain.rounds import Batch, TrainedModel


@dataclass(frozen=True, kw_only=True)
class Preview:
    batch: Batch
    model: TrainedModel
    """The one that scored the pool; no round has it."""
    records: int
    """In the pool."""
    eligible: int


def preview_workflow_id(preview_id: str) -> str:
    return f"preview/{preview_id}"
