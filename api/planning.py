"""From a request to a round's plan: everything is pinned and checked before anything starts."""

from __future__ import annotations

import secrets
from base64 import b32encode
from datetime import UTC, datetime

from sqlalchemy import Connection

from api.authentication import Caller
from api.pinning import pinned_guideline, pinned_policy, pinned_routing, pinned_schema
from api.policies import ready_made
from api.schemas.rounds import RoundBody
from api.state import now
from domain.errors import (
    BatchExceedsPool,
    EmptyPool,
    InvalidInput,
    InvalidReviewRules,
    NotFound,
)
from domain.gold import GoldRules, check_gold_rules
from domain.ids import PoolId, RoundId
from domain.labels import Guideline, LabelSchema
from domain.policy import SamplingPolicy
from domain.reviewing import ReviewRules
from domain.roles import DatasetRole
from domain.rounds import RoundPlan
from domain.routing import EVERYBODY
from storage import accounts, datasets, definitions, pools, rounds
from storage.policies import GovernedPolicy
from storage.pools import Pool
from storage.visibility import everything

SILENT_GUIDELINE = Guideline(
    name="none",
    version=1,
    text="No guideline was written for this round. Go by what the labels mean.\n",
)


def plan_round(
    connection: Connection,
    body: RoundBody,
    caller: Caller,
    *,
    governed: GovernedPolicy | None = None,
) -> RoundPlan:
    """The unsigned plan of the round that `body` asks for; with `governed`, by that policy, be it
    approved or not, which no round may start with.

    Raises NotFound for what it names and is not there, PolicyNotApproved, EmptyPool,
    BatchExceedsPool, InvalidReviewRules, InvalidInput.
    """
    with everything(connection):  # a round scores the whole pool, whoever asks for it
        pool = pools.get_pool(connection, PoolId(body.pool))
    eligible = _check_eligible(connection, pool)
    guideline = _guideline(connection, body, caller)
    dataset = body.dataset or pool.pool_id
    schema = _schema(connection, body, pool)
    _check_dataset(connection, dataset, pool, schema)
    governed = governed or _policy(connection, body, pool, dataset)
    policy, approval = governed.policy, governed.approval
    records = _records(body, policy, pool, eligible)
    gold = _gold(body, pool)
    return RoundPlan(
        round_id=_new_round_id(pool.pool_id),
        pool_id=pool.pool_id,
        kind=pool.kind,
        dataset=dataset,
        policy=policy,
        policy_approved_by=approval.account_id if approval else "",
        policy_approved_at=approval.at if approval else "",
        policy_author=governed.author,
        schema=schema,
        guideline=f"{guideline.name}@{guideline.version}",
        guideline_digest=guideline.digest,
        requested_by=caller.actor,
        requested_at=now(),
        purpose=body.purpose,
        records=records,
        reviews_per_record=body.reviews_per_record,
        review_seconds=body.seconds,
        reviewing=_rules(connection, body),
        shares=body.shares.shares,
        gold=gold,
        routing=EVERYBODY if body.routing is None else pinned_routing(connection, body.routing),
    )


def _rules(connection: Connection, body: RoundBody) -> ReviewRules:
    """The rules of reviewing, which escalate to nobody who is not there."""
    rules = body.reviewing.rules
    for account_id in {each for step in rules.escalations for each in step.accounts}:
        try:
            accounts.get_account(connection, account_id)
        except NotFound as error:
            raise InvalidReviewRules(
                f"an escalation goes to “{account_id}”, which is no account",
                hint="name account ids: labelwright account list --json shows them",
            ) from error
    return rules


def _check_eligible(connection: Connection, pool: Pool) -> int:
    if pool.records == 0:
        raise EmptyPool(
            f"the pool “{pool.pool_id}” is empty",
            hint=f"import records: labelwright import FILE --pool {pool.pool_id}",
        )
    eligible = pools.count_eligible(connection, pool.pool_id)
    if eligible == 0:
        raise EmptyPool(
            f"every record of “{pool.pool_id}” has a label already",
            hint="import records that nobody has labelled",
        )
    return eligible


def _gold(body: RoundBody, pool: Pool) -> GoldRules:
    rules = check_gold_rules(body.gold.rules)
    wanted = max(rules.calibrate, 1 if rules.share else 0)
    if pool.gold < wanted:
        raise InvalidInput(
            f"reviewers are to be measured by {wanted:,} gold records or more, and "
            f"“{pool.pool_id}” has {pool.gold:,}",
            hint="import records with their labels and the role gold",
            gold=pool.gold,
        )
    return rules


def _policy(connection: Connection, body: RoundBody, pool: Pool, dataset: str) -> GovernedPolicy:
    """The approved policy that the request names, or the ready-made one for so many labels."""
    if body.policy is not None:
        return pinned_policy(connection, body.policy)
    latest = datasets.latest_version(connection, dataset)
    labelled = (
        pool.labelled_train if latest is None else latest.roles.get(DatasetRole.TRAIN.value, 0)
    )
    return pinned_policy(connection, ready_made.for_labels(labelled))


def _records(body: RoundBody, policy: SamplingPolicy, pool: Pool, eligible: int) -> int | None:
    """How many to select; none for as many as the policy's batch size."""
    wanted = policy.batch_size if body.records is None else body.records
    if wanted > policy.batch_size:
        raise InvalidInput(
            f"the policy {policy.name}@{policy.version} selects at most {policy.batch_size:,} "
            f"records, not {wanted:,}",
            hint="ask for fewer, or name a policy with a larger batch_size",
            batch_size=policy.batch_size,
        )
    if wanted <= eligible:
        return body.records
    if body.policy is None and body.records is None:
        return eligible
    raise BatchExceedsPool(
        f"{wanted:,} records are wanted; {eligible:,} of “{pool.pool_id}” have no label yet",
        hint=f"ask for fewer with records (--records {eligible}), or import more",
        batch_size=wanted,
        eligible=eligible,
    )


def _schema(connection: Connection, body: RoundBody, pool: Pool) -> LabelSchema:
    if body.label_schema is None and pool.schema is None:
        raise InvalidInput(
            f"the pool “{pool.pool_id}” has no label schema of its own",
            hint="add --schema NAME; `labelwright schema list` shows them",
        )
    if body.label_schema is None:
        assert pool.schema is not None  # noqa: S101 - the guard above
        return definitions.get_schema(connection, *pool.schema)
    schema = pinned_schema(connection, body.label_schema)
    labelled = pool.labelled_train + pool.labelled_test
    if pool.schema is not None and labelled and (schema.name, schema.version) != pool.schema:
        own = f"{pool.schema[0]}@{pool.schema[1]}"
        known = definitions.get_schema(connection, *pool.schema)
        if known.choice is not schema.choice:
            raise InvalidInput(
                f"the pool's known labels are of {own}, which is of {known.choice} choice, and "
                f"{schema.name}@{schema.version} of {schema.choice}",
                hint=f"use {own}, or a schema of the same choice with all of its labels",
            )
        if missing := set(known.labels) - set(schema.labels):
            raise InvalidInput(
                f"the pool's known labels are of {own}, and {schema.name}@{schema.version} lacks "
                + ", ".join(sorted(missing)[:5]),
                hint=f"use {own}, or a schema with all of its labels",
            )
    return schema


def _guideline(connection: Connection, body: RoundBody, caller: Caller) -> Guideline:
    if body.guideline is not None:
        return pinned_guideline(connection, body.guideline)
    try:
        return definitions.get_guideline(connection, SILENT_GUIDELINE.name)
    except NotFound:
        return definitions.put_guideline(connection, SILENT_GUIDELINE, caller.account_id)


def _check_dataset(connection: Connection, dataset: str, pool: Pool, schema: LabelSchema) -> None:
    """A dataset grows from one pool: its sticky roles are by that pool's record ids.

    And its labels are of one choice: the one label that fitted best is not a set of one.
    """
    latest = datasets.latest_version(connection, dataset)
    if latest is None:
        return
    before = rounds.get_round(connection, latest.round_id).plan
    if before.pool_id != pool.pool_id:
        raise InvalidInput(
            f"the dataset “{dataset}” grows from the pool “{before.pool_id}”",
            hint="name another dataset, or start the round on that pool",
        )
    if before.schema.choice is not schema.choice:
        raise InvalidInput(
            f"the labels of the dataset “{dataset}” are of {before.schema.choice} choice, those of "
            f"{schema.name}@{schema.version} of {schema.choice}",
            hint="name another dataset (--dataset), or use a schema of the same choice",
        )


def _new_round_id(pool: PoolId) -> RoundId:
    """Readable, safe in URLs, and with 40 random bits not to be guessed from the one before."""
    chance = b32encode(secrets.token_bytes(5)).decode().lower()
    return RoundId(f"{pool}-{datetime.now(UTC):%Y%m%d}-{chance}")
