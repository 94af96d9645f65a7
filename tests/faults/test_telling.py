"""What programs outside are told when the one that tells them dies in the middle of a sentence."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Survived
from tests.faults.people import eventually
from tests.faults.world import World
from tests.webhook_receiver import receiving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]


def test_the_worker_is_killed_while_a_webhook_has_not_answered(
    world: World, survived: Survived
) -> None:
    with receiving() as receiver:
        receiver.silent = True
        made = world.admin.post("/api/v1/webhooks", {"url": receiver.url})["webhook"]
        round_ = world.start()
        eventually("an event is under way", lambda: bool(receiver.received))
        world.kill("orchestration")
        receiver.silent = False
        world.finish(round_)
        eventually("its end is told", lambda: receiver.kinds[-1].endswith("round.ended"))
        address = f"/api/v1/webhooks/{made['webhook_id']}"
        world.admin.ask("DELETE", address)
    told = [each.event for each in receiver.received]
    assert told[0]["type"] == "labelwright.round.started"
    assert told[0]["id"] in {each["id"] for each in told[1:]}
    in_order = list(dict.fromkeys(each["sequence"] for each in told))
    assert in_order == sorted(in_order)
    phases = [each["data"]["phase"] for each in told if each["type"].endswith("round.phase")]
    assert phases[0] == "snapshot"
    assert phases[-1] == "evaluating"
    survived(round_, f"1 kill, {len(told) - len(in_order)} events told twice")
