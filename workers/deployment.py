"""How builds follow one another: which of them works on which workflow.

Temporal's Worker Deployments (Worker Versioning) send the tasks of a workflow to workers of one
build. Under `auto_upgrade` every open round goes on with the build that is current, which
`workflow.patched` makes safe; under `pinned` it ends on the build that it began on, whose workers
must be kept until then.
"""

from __future__ import annotations

import asyncio

import structlog
from temporalio.api.deployment.v1 import WorkerDeploymentInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

from domain.errors import TemporalUnavailable
from workers.build import build_id
from workers.versioning import Versioning

DEPLOYMENT = "labelwright"
PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
_log = structlog.get_logger(__name__)


_BEHAVIOURS = {
    Versioning.OFF: VersioningBehavior.UNSPECIFIED,
    Versioning.AUTO_UPGRADE: VersioningBehavior.AUTO_UPGRADE,
    Versioning.PINNED: VersioningBehavior.PINNED,
}


def deployment_config(versioning: Versioning, build: str | None = None) -> WorkerDeploymentConfig:
    """What a worker tells Temporal of its build, this code's unless one is named."""
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=build or build_id()),
        use_worker_versioning=versioning is not Versioning.OFF,
        default_versioning_behavior=_BEHAVIOURS[versioning],
    )


async def make_current(client: Client, versioning: Versioning, build: str | None = None) -> None:
    """Has new rounds begin on the build, whose worker polls or is about to.

    Under `pinned` an older build that is started again leaves the newer one current. Waits for a
    server that does not answer; raises TemporalUnavailable for one that knows no deployments.
    """
    build = build or build_id()
    pause = PAUSE_SECONDS
    while versioning is not Versioning.OFF:
        try:
            known = await _described(client)
            if versioning is Versioning.PINNED and _is_newer(known, than=build):
                _log.info("a newer build is current", build=build)
                return
            await _set_current(client, build)
        except RPCError as error:
            if error.status is RPCStatusCode.UNIMPLEMENTED:
                raise TemporalUnavailable(
                    "This Temporal knows no worker deployments.",
                    hint="set LABELWRIGHT_WORKER_VERSIONING=off",
                ) from error
            # At first there is no such build yet: the server hears of it from the worker's poll.
            if error.status is not RPCStatusCode.NOT_FOUND:
                _log.warning("the build is not current yet", build=build, error=error.message)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        else:
            _log.info("new rounds begin on this build", build=build)
            return


async def _described(client: Client) -> WorkerDeploymentInfo:
    answer = await client.workflow_service.describe_worker_deployment(
        DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=DEPLOYMENT)
    )
    return answer.worker_deployment_info


async def _set_current(client: Client, build: str) -> None:
    await client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace,
            deployment_name=DEPLOYMENT,
            build_id=build,
            identity=client.identity,
            # What other builds polled for and this one does not is no reason to stay with them.
            ignore_missing_task_queues=True,
        )
    )


def _is_newer(known: WorkerDeploymentInfo, *, than: str) -> bool:
    """Whether the current build was first seen after this one."""
    seen = {
        each.deployment_version.build_id: each.create_time.ToDatetime()
        for each in known.version_summaries
    }
    current = known.routing_config.current_deployment_version.build_id
    return current in seen and than in seen and seen[current] > seen[than]
