"""The tables, by what they are about. `metadata` knows them all."""

from storage.tables.columns import metadata
from storage.tables.people import (
    accounts,
    api_tokens,
    idempotency_keys,
    one_time_passwords,
    profile_changes,
    profiles,
    sessions,
    standings,
)
from storage.tables.pools import (
    guidelines,
    imports,
    label_schemas,
    policies,
    pools,
    records,
    routings,
    superseded_records,
)
from storage.tables.results import (
    archived_histories,
    dataset_versions,
    evaluations,
    model_versions,
)
from storage.tables.rounds import (
    batch_records,
    lanes,
    outcomes,
    participations,
    review_receipts,
    reviews,
    rounds,
    task_skips,
    tasks,
)

__all__ = [
    "accounts",
    "api_tokens",
    "archived_histories",
    "batch_records",
    "dataset_versions",
    "evaluations",
    "guidelines",
    "idempotency_keys",
    "imports",
    "label_schemas",
    "lanes",
    "metadata",
    "model_versions",
    "one_time_passwords",
    "outcomes",
    "participations",
    "policies",
    "pools",
    "profile_changes",
    "profiles",
    "records",
    "review_receipts",
    "reviews",
    "rounds",
    "routings",
    "sessions",
    "standings",
    "superseded_records",
    "task_skips",
    "tasks",
]
