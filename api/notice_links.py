"""Where a notice leads the person who reads it: to a page that they may see."""

from __future__ import annotations

from domain.accounts import Permission
from domain.events import place_of
from domain.notices import NoticeKind
from storage.notices import InboxNotice

_WORK = {NoticeKind.TASK_ASSIGNED, NoticeKind.DEADLINE_NEAR, NoticeKind.ESCALATED}
"""Of these, whoever may do the tasks is led to them."""


def link_of(notice: InboxNotice, permissions: frozenset[Permission]) -> str:
    if notice.round_id is None:
        return "/webhooks" if Permission.MANAGE_WEBHOOKS in permissions else "/inbox"
    sees_rounds = Permission.SEE_ROUNDS in permissions
    if notice.kind in _WORK or not sees_rounds:
        if Permission.REVIEW in permissions:
            return "/review"
        if Permission.ADJUDICATE in permissions:
            return "/adjudicate"
    return place_of(notice.kind, notice.round_id) if sees_rounds else "/inbox"
