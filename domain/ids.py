"""Names of things. An id says what it names, so that one cannot be passed for another."""

from __future__ import annotations

import re
from typing import Any, NewType

AccountId = NewType("AccountId", str)
PoolId = NewType("PoolId", str)
RecordId = NewType("RecordId", str)
RoundId = NewType("RoundId", str)
TaskId = NewType("TaskId", str)
ReviewId = NewType("ReviewId", str)

Timestamp = NewType("Timestamp", str)
"""RFC 3339 in UTC with microseconds: sorts as text, survives JSON."""

ORCHESTRATION_QUEUE = "orchestration"
COMPUTE_QUEUE = "compute"

Document = dict[str, Any]
"""A JSON object in a message: a recursive type would be beyond the SDK's decoder."""

_ROUND_WORKFLOW = re.compile(r"round/(?P<round>[^/]+)(/shard/\d+)?")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def is_name(text: str) -> bool:
    """Whether `text` may name a pool, schema, policy or dataset: it ends up in URLs and paths."""
    return _NAME.fullmatch(text) is not None and ".." not in text


def round_workflow_id(round_id: RoundId) -> str:
    return f"round/{round_id}"


def shard_workflow_id(round_id: RoundId, shard: int) -> str:
    return f"round/{round_id}/shard/{shard}"


def round_of_workflow(workflow_id: str) -> RoundId | None:
    """The round whose workflow, or whose shard's, has that id; none where it is neither."""
    found = _ROUND_WORKFLOW.fullmatch(workflow_id)
    return None if found is None else RoundId(found["round"])


def review_task_id(round_id: RoundId, shard: int, ordinal: int, slot: int) -> TaskId:
    return TaskId(f"{round_id}.{shard}.{ordinal}.review-{slot}")


def adjudication_task_id(round_id: RoundId, shard: int, ordinal: int) -> TaskId:
    return TaskId(f"{round_id}.{shard}.{ordinal}.adjudication")
