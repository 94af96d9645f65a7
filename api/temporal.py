"""Temporal as the API uses it: start a round, send a signal, and never claim what is not known.

Workflows are called by name: the API process needs none of their code, nor scikit-learn behind it.
A test holds the names and signatures against the definitions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

import structlog
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.problems import temporal_unavailable
from domain.directing import TaskDirected
from domain.errors import Conflict, LabelwrightError, NotFound, TooManyPreviews
from domain.ids import ORCHESTRATION_QUEUE, RoundId, round_workflow_id, shard_workflow_id
from domain.previews import Preview, preview_workflow_id
from domain.reviews import ClosingRequested, DeadlineExtended, Submission, UndoRequested
from domain.rounds import ApprovalDecided, BatchDecided, CancelRequested, RoundPlan
from domain.signing import audience_of
from domain.tasks import TaskKind
from workers import client as temporal_client
from workers.settings import Settings
from workers.signing import Addressed, Signer

ROUND_WORKFLOW = "RoundWorkflow"
PREVIEW_WORKFLOW = "PreviewWorkflow"
SUBMISSION_SIGNALS = {TaskKind.REVIEW: "review", TaskKind.ADJUDICATION: "adjudicate"}
UNDO = "undo"
DIRECT = "direct"
EXTEND_DEADLINE = "extend_deadline"
CLOSE_SHARD = "close_shard"
DECIDE_BATCH = "decide_batch"
DECIDE_APPROVAL = "decide_approval"
CANCEL_ROUND = "cancel_round"

RPC_TIMEOUT = timedelta(seconds=5)
PREVIEW_TIMEOUT = timedelta(hours=4)
MOST_PREVIEWS = 4
"""At once, of all people: each scores a whole pool, and rounds need the same workers.

Temporal counts with a delay of about a second, so a few more may slip in together."""
PATIENCE_SECONDS = 6.0
"""The client library tries again within a call; this is how long a request waits in all."""

_PREVIEWS_UNDER_WAY = f"WorkflowType = '{PREVIEW_WORKFLOW}' AND ExecutionStatus = 'Running'"
_REFUSED_FOR_GOOD = {
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.ALREADY_EXISTS,
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.UNIMPLEMENTED,
}
_Answer = TypeVar("_Answer")
_log = structlog.get_logger(__name__)


class WorkflowEnded(Conflict):
    """The workflow that a message is for has ended, or never was."""

    code = "workflow_ended"


class Temporal:
    """A connection that is made when it is first needed, so that the API starts without it.

    Whatever is signalled is signed here, for the very workflow and signal that it goes to.
    """

    def __init__(self, settings: Settings, signer: Signer) -> None:
        self._settings = settings
        self._signer = signer
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def client(self) -> Client:
        """Raises TemporalUnavailable."""
        async with self._connecting:
            if self._client is None:
                try:
                    self._client = await asyncio.wait_for(
                        temporal_client.connect(self._settings), PATIENCE_SECONDS
                    )
                except (RPCError, RuntimeError, TimeoutError, OSError) as error:
                    # The SDK raises RuntimeError for a connection that is refused.
                    _log.warning("temporal does not answer", error=str(error))
                    raise temporal_unavailable() from error
            return self._client

    async def answers(self) -> bool:
        try:
            client = await self.client()
            return await asyncio.wait_for(client.service_client.check_health(), PATIENCE_SECONDS)
        except (LabelwrightError, RPCError, RuntimeError, TimeoutError):
            return False

    async def start_round(self, plan: RoundPlan) -> None:
        """Starts the round's workflow; a second time changes nothing.

        Raises TemporalUnavailable.
        """
        client = await self.client()
        try:
            await _answered(
                client.start_workflow(
                    ROUND_WORKFLOW,
                    plan,
                    id=round_workflow_id(plan.round_id),
                    task_queue=ORCHESTRATION_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    rpc_timeout=RPC_TIMEOUT,
                )
            )
        except WorkflowAlreadyStartedError:
            _log.info("round was started before", round_id=plan.round_id)

    async def start_preview(self, preview_id: str, plan: RoundPlan) -> None:
        """Raises TemporalUnavailable, and TooManyPreviews while others keep the workers busy."""
        client = await self.client()
        others = await _answered(
            client.count_workflows(_PREVIEWS_UNDER_WAY, rpc_timeout=RPC_TIMEOUT)
        )
        if others.count >= MOST_PREVIEWS:
            raise TooManyPreviews(
                f"{others.count} previews are being worked on", hint="wait until one is done"
            )
        await _answered(
            client.start_workflow(
                PREVIEW_WORKFLOW,
                plan,
                id=preview_workflow_id(preview_id),
                task_queue=ORCHESTRATION_QUEUE,
                execution_timeout=PREVIEW_TIMEOUT,
                rpc_timeout=RPC_TIMEOUT,
            )
        )

    async def preview(self, preview_id: str) -> Preview | None:
        """What was chosen; none while it is being worked on.

        Raises NotFound, Conflict where it came to nothing, TemporalUnavailable.
        """
        client = await self.client()
        handle = client.get_workflow_handle(preview_workflow_id(preview_id), result_type=Preview)
        try:
            described = await _answered(handle.describe(rpc_timeout=RPC_TIMEOUT))
        except WorkflowEnded as error:
            raise NotFound("there is no such preview") from error
        if described.status is WorkflowExecutionStatus.RUNNING:
            return None
        try:
            return await _answered(handle.result(rpc_timeout=RPC_TIMEOUT))
        except WorkflowFailureError as error:
            cause = error.cause
            while cause.__cause__ is not None:
                cause = cause.__cause__
            raise Conflict(f"the preview came to nothing: {cause}") from error

    async def submit(
        self, kind: TaskKind, round_id: RoundId, shard: int, submission: Submission
    ) -> None:
        """Returns when the answer is in the shard's history.

        Raises TemporalUnavailable when nobody can know that, WorkflowEnded.
        """
        await self._signal(shard_workflow_id(round_id, shard), SUBMISSION_SIGNALS[kind], submission)

    async def undo(self, round_id: RoundId, shard: int, request: UndoRequested) -> None:
        """Raises TemporalUnavailable, WorkflowEnded."""
        await self._signal(shard_workflow_id(round_id, shard), UNDO, request)

    async def direct(self, round_id: RoundId, shard: int, request: TaskDirected) -> None:
        """Raises TemporalUnavailable, WorkflowEnded."""
        await self._signal(shard_workflow_id(round_id, shard), DIRECT, request)

    async def extend_deadline(
        self, round_id: RoundId, shard: int, extension: DeadlineExtended
    ) -> None:
        """Raises TemporalUnavailable, WorkflowEnded."""
        await self._signal(shard_workflow_id(round_id, shard), EXTEND_DEADLINE, extension)

    async def close_shard(self, round_id: RoundId, shard: int, request: ClosingRequested) -> None:
        """Raises TemporalUnavailable, WorkflowEnded."""
        await self._signal(shard_workflow_id(round_id, shard), CLOSE_SHARD, request)

    async def decide_batch(self, round_id: RoundId, decision: BatchDecided) -> None:
        """Raises TemporalUnavailable, WorkflowEnded."""
        await self._signal(round_workflow_id(round_id), DECIDE_BATCH, decision)

    async def decide_approval(self, round_id: RoundId, decision: ApprovalDecided) -> None:
        """Raises TemporalUnavailable, WorkflowEnded."""
        await self._signal(round_workflow_id(round_id), DECIDE_APPROVAL, decision)

    async def cancel_round(self, round_id: RoundId, request: CancelRequested) -> None:
        """Raises TemporalUnavailable, WorkflowEnded."""
        await self._signal(round_workflow_id(round_id), CANCEL_ROUND, request)

    async def _signal(self, workflow_id: str, name: str, message: Addressed) -> None:
        client = await self.client()
        handle = client.get_workflow_handle(workflow_id)
        signed = self._signer.sign(message, audience=audience_of(workflow_id, name))
        await _answered(handle.signal(name, signed, rpc_timeout=RPC_TIMEOUT))


async def _answered(call: Awaitable[_Answer]) -> _Answer:
    """The call's answer. Raises TemporalUnavailable when the outcome is unknown, WorkflowEnded."""
    try:
        return await asyncio.wait_for(call, PATIENCE_SECONDS)
    except TimeoutError as error:
        raise temporal_unavailable() from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise WorkflowEnded("the workflow that this is for has ended") from error
        if error.status in _REFUSED_FOR_GOOD:
            raise
        _log.warning("temporal call failed", status=error.status.name, error=error.message)
        raise temporal_unavailable() from error
