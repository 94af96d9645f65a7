"""The ledger: the ordered list of decisions that a round's histories contain, hash-chained.

Each entry's hash covers the entry and the hash before it, so the last hash, the **ledger head**,
stands for every decision and their order. Workflows append as they decide; an audit replays them
and compares heads.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.accounts import Actor
from domain.canonical import Sha256, canonical, digest_bytes
from domain.ids import Timestamp
from domain.records import Json

GENESIS = Sha256("0" * 64)
"""What stands before the first entry."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Who decided what about which subject, when and why."""

    kind: str
    at: Timestamp
    """Workflow time, not the clock of whoever sent the message."""
    actor: Actor
    subject: str
    """A record id, a task id, or what else the decision is about."""
    detail: dict[str, Json] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    sequence: int
    decision: Decision
    hash: Sha256


class Ledger:
    """Appends decisions. After continue-as-new it goes on from the head that was carried."""

    def __init__(self, *, head: Sha256 = GENESIS, length: int = 0) -> None:
        self.head = head
        self.length = length
        self.entries: list[Entry] = []
        """Of this run only; the runs before hold theirs."""

    def append(self, decision: Decision) -> Entry:
        entry = Entry(sequence=self.length, decision=decision, hash=chain(self.head, decision))
        self.entries.append(entry)
        self.head = entry.hash
        self.length += 1
        return entry


def chain(before: Sha256, decision: Decision) -> Sha256:
    """The hash of an entry that follows `before`."""
    return digest_bytes(before.encode() + b"\n" + canonical(decision))
