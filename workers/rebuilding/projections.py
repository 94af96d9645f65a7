"""What a round's histories say was written into the read model, written once more.

Each step that wrote something was asked to by a workflow: its request and its answer are in the
history. They go to the same functions of `storage` that the step itself called. The round's own
come first, then its shards' by number, each in the order of its history, and the end of the round
last: so they came about, for a shard is started once the round has routed its records, and a round
ends after its shards.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from activities.ended_in_temporal import EndedInTemporal, show_end
from activities.manifest import MANIFEST_FILE
from activities.publication import Publish
from activities.rounds import CloseRound, RoundProjection
from activities.routing import Again, RouteAgain, RouteBatch, batch_rows
from activities.training import TrainModel
from domain.canonical import Sha256, digest_bytes
from domain.directing import Direction
from domain.errors import NotFound
from domain.records import Json
from domain.rounds import EvaluationByClass, Published, RoundPlan, Routed, TrainedModel
from domain.routing import forwarded
from domain.tasks import Projection
from storage import datasets, lanes, models, rounds
from storage.artifacts import ArtifactStore
from storage.projection import project_shard
from storage.tables import review_receipts, tasks
from workers.audit.publication import said_something
from workers.audit.recorded import Activity, RecordedRun, UnreadableHistory

NO_DIGEST = ""
"""For what a person sent: histories do not hold its exact bytes. Sent again under the same id it is
taken for another answer, and so has no second effect."""


class Projections:
    """Writes what the runs of rounds have shown; artifacts and published files have the bulk."""

    def __init__(self, store: ArtifactStore, datasets_root: Path) -> None:
        self._store = store
        self._root = datasets_root

    def write(
        self,
        connection: Connection,
        round_run: RecordedRun,
        shard_runs: Iterable[RecordedRun],
        ended: EndedInTemporal | None,
    ) -> None:
        """Raises NotFound and DigestMismatch for artifacts, UnreadableHistory."""
        plan = round_run.plan
        if not isinstance(plan, RoundPlan):
            raise UnreadableHistory(f"{round_run.workflow_id} is no round")
        _Writing(connection, self._store, self._root, plan).write(round_run, shard_runs, ended)


class _Writing:
    """One round's."""

    def __init__(
        self, connection: Connection, store: ArtifactStore, datasets_root: Path, plan: RoundPlan
    ) -> None:
        self._connection = connection
        self._store = store
        self._root = datasets_root
        self._plan = plan

    def write(
        self,
        round_run: RecordedRun,
        shard_runs: Iterable[RecordedRun],
        ended: EndedInTemporal | None,
    ) -> None:
        rounds.create_round(self._connection, self._plan)
        for activity in _done(round_run):
            step = self._steps.get(activity.name)
            if step is not None:
                step(activity)
        for run in shard_runs:
            for activity in _done(run):
                if activity.name == "project_shard":
                    self._project_shard(activity)
        for activity in _done(round_run):
            if activity.name == "close_round":
                self._close_round(activity)
        if ended is not None:
            show_end(self._connection, self._plan.round_id, ended, announce=False)

    @property
    def _steps(self) -> Mapping[str, Callable[[Activity], None]]:
        return {
            "project_round": self._project_round,
            "route_batch": self._route_batch,
            "route_again": self._route_again,
            "train_model": self._train_model,
            "publish": self._publish,
            "evaluate_round": self._evaluate_round,
        }

    def _project_round(self, activity: Activity) -> None:
        projection = activity.request(RoundProjection)
        rounds.project_phase(
            self._connection,
            projection.round_id,
            phase=projection.phase,
            summary=projection.summary,
            awaiting=projection.awaiting,
            at=projection.at,
        )

    def _route_batch(self, activity: Activity) -> None:
        routed = activity.answer(Routed)
        if routed is None:
            return
        plan = activity.request(RouteBatch).plan
        lanes.put_lanes(
            self._connection,
            plan.round_id,
            routed.lanes,
            schema=plan.schema.name,
            calibrated=plan.gold.calibrate > 0,
            by_level=routed.by_level,
        )
        self._put_batch(plan, routed.artifact)

    def _route_again(self, activity: Activity) -> None:
        again = activity.answer(Again)
        if again is not None:
            request = activity.request(RouteAgain)
            self._put_batch(request.plan, again.artifact, first_shard=request.first_shard)

    def _put_batch(self, plan: RoundPlan, artifact: Sha256, *, first_shard: int = 0) -> None:
        table = self._store.get_table(artifact)
        rows = batch_rows(table, size=plan.shard_size, first_shard=first_shard)
        rounds.put_batch(self._connection, plan.round_id, rows)

    def _train_model(self, activity: Activity) -> None:
        trained = activity.answer(TrainedModel)
        if trained is None:
            return
        request = activity.request(TrainModel)
        model = models.ModelVersion(
            digest=trained.digest,
            artifact=trained.digest,
            round_id=request.plan.round_id,
            part=models.ModelPart(request.part),
            dataset=request.plan.dataset,
            dataset_version=request.version,
            kind=request.plan.kind,
            classes=trained.classes,
            labelled=trained.labelled,
            created_at=activity.scheduled_at,
        )
        models.put_model(self._connection, model)

    def _publish(self, activity: Activity) -> None:
        published = activity.answer(Published) if said_something(activity.result) else None
        if published is None:
            return
        request = activity.request(Publish)
        version = datasets.DatasetVersion(
            dataset=published.dataset,
            version=published.version,
            digest=request.candidate.digest,
            parent_version=request.candidate.parent_version,
            round_id=request.plan.round_id,
            manifest=self._manifest(published),
            manifest_sha256=published.manifest,
            path=published.path,
            rows=request.candidate.records,
            roles=request.candidate.roles,
            ledger_head=request.ledger_head,
            approved_by=request.approval.actor.account_id,
            published_at=request.approval.submitted_at,
            break_glass=request.approval.break_glass,
        )
        datasets.insert_version(self._connection, version)

    def _manifest(self, published: Published) -> dict[str, Json]:
        """The manifest with the digest that the history has: an artifact, or the published file."""
        return dict(json.loads(manifest_bytes(self._store, self._root, published)))

    def _evaluate_round(self, activity: Activity) -> None:
        evaluation = activity.answer(EvaluationByClass)
        if evaluation is not None:
            models.put_evaluation(
                self._connection,
                self._plan.round_id,
                "round",
                models.evaluation_body(evaluation),
                at=activity.scheduled_at,
            )

    def _close_round(self, activity: Activity) -> None:
        closing = activity.request(CloseRound)
        rounds.close_round(
            self._connection,
            closing.round_id,
            phase=closing.phase,
            ledger_head=closing.ledger_head,
            ledger_length=closing.ledger_length,
            failure=closing.failure,
            at=closing.at,
            summary=closing.shown,
        )

    def _project_shard(self, activity: Activity) -> None:
        projection = activity.request(Projection)
        self._open_lanes(projection)
        self._write_receipts(projection)
        project_shard(self._connection, projection, announce=False)

    def _open_lanes(self, projection: Projection) -> None:
        """The API makes the lane of another queue before it asks for a task to go there."""
        for directed in projection.directed:
            message = directed.message
            if message.direction is not Direction.FORWARD:
                continue
            if message.to_lane is None or message.to_queue is None:
                continue
            own = lanes.own_lane(self._connection, projection.round_id, message.record_id)
            queue = self._plan.routing.queue(message.to_queue)
            lanes.put_lanes(
                self._connection,
                projection.round_id,
                [forwarded(own, queue, number=message.to_lane)],
                schema=self._plan.schema.name,
                calibrated=self._plan.gold.calibrate > 0,
                by_level=lanes.is_by_level(self._connection, projection.round_id, own.number),
            )

    def _write_receipts(self, projection: Projection) -> None:
        """Who has answered has a part in the record; receipts say so, and let them change it."""
        known = set(
            self._connection.scalars(
                select(tasks.c.task_id).where(
                    tasks.c.task_id.in_({each.message.task_id for each in projection.reviews})
                )
            )
        )
        rows = [
            {
                "review_id": each.message.review_id,
                "task_id": each.message.task_id,
                "account_id": each.message.actor.account_id,
                "body_digest": NO_DIGEST,
                "created_at": each.message.submitted_at,
                "acknowledged_at": each.decided_at,
            }
            for each in projection.reviews
            if each.message.task_id in known
        ]
        if rows:
            statement = insert(review_receipts).values(rows)
            self._connection.execute(statement.on_conflict_do_nothing(index_elements=["review_id"]))


def manifest_bytes(store: ArtifactStore, datasets_root: Path, published: Published) -> bytes:
    """Raises NotFound when nothing with the digest of the published manifest is left."""
    try:
        return store.get(published.manifest)
    except NotFound:
        # Versions of before manifests were artifacts too.
        folder = datasets_root / published.dataset / f"v{published.version}"
        for path in (folder / MANIFEST_FILE, Path(published.path) / MANIFEST_FILE):
            if path.is_file() and digest_bytes(data := path.read_bytes()) == published.manifest:
                return data
        raise


def _done(run: RecordedRun) -> Iterator[Activity]:
    """What was carried out, and in an open run also what is on its way: it will be."""
    for activity in run.activities:
        if activity.result is not None or run.status == "running":
            yield activity
