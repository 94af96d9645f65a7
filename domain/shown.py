"""What a person had before them when they judged a record, in one digest.

It is inside the signed message, and the ledger of the shard keeps it, so that an audit can say
later which content, which instructions and which labels an answer was given to.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.canonical import Sha256, digest


@dataclass(frozen=True, kw_only=True)
class Shown:
    content_digest: Sha256
    """Of the record's content as the round's snapshot has it."""
    guideline: str
    """`name@version`."""
    guideline_digest: Sha256
    schema_digest: Sha256
    policy: str
    """`name@version` of the one that selected the record."""
    policy_digest: str
    look: int
    suggestion: str | None = None
    """The model's, where the person asked for it before they answered."""

    @property
    def digest(self) -> Sha256:
        return digest(self)
