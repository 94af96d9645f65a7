"""A person's inbox."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, Field, model_validator

from api.notice_links import link_of
from api.schemas.body import MAX_PAGE, Body
from domain.accounts import Permission
from domain.ids import RoundId, Timestamp
from domain.notices import NoticeKind
from storage.notices import InboxNotice

_EXAMPLE = "ntc-3f9b0c0f6f1f4d1c8a2b"


@dataclass(frozen=True, kw_only=True)
class NoticeView:
    notice_id: str
    kind: NoticeKind
    round_id: RoundId | None
    subject: str
    text: str
    link: str
    """The page where this person sees more, or does what is asked."""
    at: Timestamp
    read_at: Timestamp | None

    @classmethod
    def of(cls, notice: InboxNotice, permissions: frozenset[Permission]) -> NoticeView:
        return cls(
            notice_id=notice.notice_id,
            kind=notice.kind,
            round_id=notice.round_id,
            subject=notice.subject,
            text=notice.text,
            link=link_of(notice, permissions),
            at=notice.at,
            read_at=notice.read_at,
        )


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """A page of notices, the newest first, and how many of all are unread."""

    items: list[NoticeView]
    unread: int
    next: str | None = None


@dataclass(frozen=True, kw_only=True)
class Unread:
    unread: int


class ReadBody(Body):
    """Either the notices that were read, or the newest one that was seen."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"notices": [_EXAMPLE]}, {"through": _EXAMPLE}]}
    )

    notices: list[str] = Field(default=[], max_length=MAX_PAGE)
    through: str | None = Field(default=None, max_length=200)
    """This one and every older one."""

    @model_validator(mode="after")
    def _one_of_both(self) -> ReadBody:
        if bool(self.notices) == (self.through is not None):
            raise ValueError("name either `notices` or the one they were read `through`")
        return self
