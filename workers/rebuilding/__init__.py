"""The read model, made again from histories."""

from __future__ import annotations

from workers.rebuilding.exported import Exported, export_archive
from workers.rebuilding.restoring import (
    Restored,
    known_rounds,
    one_after_another,
    restore_archive,
)
from workers.rebuilding.rounds import HistoryDoesNotVerify, RoundRebuilt, rebuild_round

__all__ = [
    "Exported",
    "HistoryDoesNotVerify",
    "Restored",
    "RoundRebuilt",
    "export_archive",
    "known_rounds",
    "one_after_another",
    "rebuild_round",
    "restore_archive",
]
