"""How long what no audit needs is kept. What an audit needs is kept for ever, and is not here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Kept(StrEnum):
    """What is forgotten in time."""

    REQUESTS = "requests"
    NOTICES = "notices"
    SIGN_INS = "sign_ins"
    SUPERSEDED = "superseded"


SAYS: dict[Kept, str] = {
    Kept.REQUESTS: "answers to requests with an idempotency key",
    Kept.NOTICES: "notices of rounds that have ended, and events that no webhook waits for",
    Kept.SIGN_INS: "sessions, one-time passwords and tokens that have ended",
    Kept.SUPERSEDED: "what records were before an import, in pools without open rounds",
}

FOR_EVER: tuple[str, ...] = (
    "histories, in the archive",
    "artifacts that a history cites",
    "published datasets",
    "policies, guidelines, label schemas and routings, every version",
    "accounts, and every change of a profile",
)
"""What the product itself never deletes."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    kept: Kept
    days: int
    """Since it was of use; 0: for ever."""

    @property
    def period(self) -> timedelta | None:
        return timedelta(days=self.days) if self.days else None


@dataclass(frozen=True, kw_only=True)
class Retention:
    """The installation's rules, one for each kind."""

    rules: tuple[Rule, ...]

    def days(self, kept: Kept) -> int:
        return next(rule.days for rule in self.rules if rule.kept is kept)
