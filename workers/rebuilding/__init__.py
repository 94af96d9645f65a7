"""The read model, made again from histories."""

from __future__ import annotations

from workers.rebuilding.rounds import HistoryDoesNotVerify, RoundRebuilt, rebuild_round

__all__ = ["HistoryDoesNotVerify", "RoundRebuilt", "rebuild_round"]
