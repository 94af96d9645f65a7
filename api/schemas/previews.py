"""What a policy would choose."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, Field

from api.previewing import Choice
from api.schemas.body import Body, Name
from domain.canonical import Sha256
from domain.policy import MAX_BATCH
from domain.selections import Findings


class PreviewBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"pool": "support-mail"}]})

    pool: Name
    records: int | None = Field(default=None, ge=1, le=MAX_BATCH)
    """How many to select; left out: as many as the policy's batch size."""


@dataclass(frozen=True, kw_only=True)
class PreviewStarted:
    preview_id: str


@dataclass(frozen=True, kw_only=True)
class PreviewView:
    """The batch that a round would have now, by this policy, from this pool."""

    done: bool
    """False while it is worked on: the rest is not there yet."""
    digest: Sha256 | None = None
    """Of the batch: that of a round with the same pool, policy and number of records."""
    records: int = 0
    arms: dict[str, int] | None = None
    predicted: dict[str, int] | None = None
    findings: Findings | None = None
    choices: list[Choice] | None = None
    """The first ones that the reader may see, in the order of the batch."""
