"""What a shard has people told is a sentence, and programs are told all of its detail."""

from __future__ import annotations

import pytest

from domain.announcements import escalation, pause, reminder
from domain.events import event_data
from domain.gold import Paused
from domain.ids import AccountId
from domain.notices import Notice
from domain.progress import RecordProgress, ShardRecord
from domain.reviewing import Escalation
from domain.schedule import Step
from tests.domain.shard_world import DEADLINE, open_shard, record_id

RULES = open_shard().rules
WAITING = [RecordProgress(record=ShardRecord(ordinal=0, record_id=record_id(0)), deadline=DEADLINE)]
STEP = Step(seconds=7_200.0, escalation=Escalation(after_hours=2.0, roles=("requester",)))
PAUSED = Paused(account_id=AccountId("acc-1"), answered=20, right=12)


@pytest.mark.parametrize(
    "notice",
    [
        reminder(WAITING, RULES, sequence=1),
        escalation(STEP, WAITING, RULES, sequence=2),
        pause(PAUSED, RULES, sequence=3),
    ],
    ids=lambda notice: notice.kind.value,
)
def test_a_notice_is_a_whole_sentence_that_names_its_round(notice: Notice) -> None:
    assert notice.text.endswith(".")
    assert notice.text[0] == notice.text[0].upper()
    assert RULES.round_id in notice.text
    assert event_data(notice, RULES.round_id) == {"round_id": RULES.round_id, **notice.detail}
