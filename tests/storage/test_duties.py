"""The database itself refuses a dataset whose approver had another part in its round."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine

from domain.errors import DutiesNotSeparate
from domain.ids import AccountId, RoundId, Timestamp
from domain.tasks import ReviewStatus
from storage import datasets, reviews, signing_keys
from storage.datasets import DatasetVersion
from tests.signing import SIGNER
from tests.storage.samples import decided, make_round, sha

R1 = RoundId("r1")
AT = Timestamp("2026-03-01T13:00:00.000000+00:00")
VERSION = DatasetVersion(
    dataset="tickets",
    version=1,
    digest=sha("rows"),
    parent_version=None,
    round_id=R1,
    manifest={"version": 1},
    manifest_sha256=sha("manifest"),
    path="datasets/tickets/v1",
    rows=10,
    roles={"train": 10},
    ledger_head=sha("head"),
    approved_by=AccountId("acc-approver"),
    published_at=AT,
)


def answered(connection: Connection, who: str, status: ReviewStatus) -> None:
    refusal = "late" if status is ReviewStatus.REFUSED else ""
    given = decided("given", by=AccountId(who))
    reviews.project_reviews(
        connection,
        round_id=R1,
        shard=0,
        decided=[replace(given, status=status, refusal=refusal)],
        at=AT,
    )


@pytest.mark.parametrize(
    "status", [ReviewStatus.ACCEPTED, ReviewStatus.UNDONE, ReviewStatus.CORRECTED]
)
def test_who_answered_in_the_round_has_not_approved_its_dataset(
    engine: Engine, connection: Connection, status: ReviewStatus
) -> None:
    make_round(engine)
    answered(connection, "acc-approver", status)
    assert reviews.answered_by(connection, R1) == {"acc-approver"}
    with pytest.raises(DutiesNotSeparate), connection.begin_nested():
        datasets.insert_version(connection, VERSION)
    openly = replace(VERSION, break_glass=True)
    assert datasets.insert_version(connection, openly) == openly


def test_who_asked_for_the_round_has_not_approved_its_dataset(
    engine: Engine, connection: Connection
) -> None:
    requester = make_round(engine).requested_by.account_id
    with pytest.raises(DutiesNotSeparate), connection.begin_nested():
        datasets.insert_version(connection, replace(VERSION, approved_by=requester))


def test_an_answer_that_did_not_count_is_no_part_in_the_round(
    engine: Engine, connection: Connection
) -> None:
    make_round(engine)
    answered(connection, "acc-approver", ReviewStatus.REFUSED)
    assert reviews.answered_by(connection, R1) == frozenset()
    assert datasets.insert_version(connection, VERSION) == VERSION


def test_a_key_is_made_known_once_and_for_good(connection: Connection) -> None:
    for _ in range(2):
        signing_keys.make_known(connection, SIGNER.public_key)
    [known] = signing_keys.list_keys(connection)
    assert known.key == SIGNER.public_key
    assert signing_keys.public_keys(connection) == {SIGNER.key_id: SIGNER.public_key.public_key}
