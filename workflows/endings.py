"""How a round ends before it has published."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from domain.records import Json
    from domain.rounds import Phase


@dataclass(frozen=True, kw_only=True)
class Ending:
    phase: Phase
    code: str
    message: str
    hint: str = ""
    during: Phase

    def plain(self) -> dict[str, Json]:
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "phase": self.during,
        }


class RoundForged(Exception):
    """Nobody whom we know has signed the plan."""


class RoundRejected(Exception):
    """The dataset was turned down, and no record is to be looked at again."""


def ending_of(error: FailureError, *, during: Phase) -> Ending:
    """What the failed activity or child said, as an ending in our own words."""
    cause: BaseException = error
    while cause.__cause__ is not None and not isinstance(cause, ApplicationError):
        cause = cause.__cause__
    code, hint = "internal_error", "the worker's log tells more; nothing was published"
    if isinstance(cause, ApplicationError):
        code = cause.type or code
        hint = str(cause.details[0]) if cause.details else hint
    return Ending(
        phase=Phase.FAILED,
        code=code,
        message=getattr(cause, "message", None) or str(cause),
        hint=hint,
        during=during,
    )
