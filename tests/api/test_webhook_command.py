"""Webhooks by commands, against a server that listens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from activities.delivery import DeliveryActivities
from activities.outbound import Outbound
from api.cli import app as commands
from storage.database import engine
from tests.api.commanding import run, runner, text
from tests.webhook_receiver import Receiver, receiving
from workers import sealing
from workers.settings import Settings


@pytest.fixture
def settings(database: str, tmp_path: Path, temporal_address: str) -> Settings:
    return Settings(
        data_dir=tmp_path,
        database_url=database,
        temporal_address=temporal_address,
        webhook_allow_http=True,
        webhook_networks="127.0.0.0/8",
    )


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@contextmanager
def delivering(settings: Settings) -> Iterator[None]:
    """What the orchestration worker does meanwhile."""
    database = engine(settings.database_url)
    unseal = sealing.load_or_create(settings.sealing_key).open
    activities = DeliveryActivities(database, Outbound(settings.webhook_rules), unseal)
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            asyncio.run(activities.deliver_batch())

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()
    database.dispose()


@pytest.mark.usefixtures("served")
def test_a_webhook_is_added_tried_paused_and_removed(
    settings: Settings, receiver: Receiver
) -> None:
    added = run("webhook", "add", receiver.url, "--kind", "round.ended", "--kind", "webhook.test")
    webhook_id = added["webhook"]["webhook_id"]
    with delivering(settings):
        assert "delivered: 204 in" in text("webhook", "test", webhook_id)
    assert receiver.kinds == ["labelwright.webhook.test"]
    assert "round.ended, webhook.test" in text("webhook", "show", webhook_id)
    assert "is paused" in text("webhook", "pause", webhook_id)
    assert "paused" in text("webhook", "list")
    assert "is active" in text("webhook", "resume", webhook_id)
    [delivery] = run("webhook", "deliveries", webhook_id)
    assert delivery["last_status"] == 204
    assert delivery["event_id"] in text("webhook", "deliveries", webhook_id)
    assert run("webhook", "replay", webhook_id) == {"events": 0}
    queued = text("webhook", "replay", webhook_id, "--event", delivery["event_id"])
    assert "1 events are sent again" in queued
    assert "removed" in text("webhook", "remove", webhook_id)
    assert run("webhook", "list") == []


@pytest.mark.usefixtures("served")
def test_a_test_event_that_does_not_arrive_fails_the_command(
    settings: Settings, receiver: Receiver
) -> None:
    receiver.answer = lambda _request: (500, {})
    shown = text("webhook", "add", receiver.url)
    assert "secret, shown this once: whsec_" in shown
    webhook_id = shown.split()[0]
    with delivering(settings):
        result = runner.invoke(commands, ["webhook", "test", webhook_id])
    assert result.exit_code == 1
    assert "pending: 500 in" in result.stdout
    assert "attempt 2 at" in result.stdout
