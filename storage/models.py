"""Models that rounds trained, by digest, and what evaluations found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, func, select, text
from sqlalchemy.dialects.postgresql import insert

from domain.canonical import Sha256
from domain.errors import NotFound
from domain.ids import RoundId, Timestamp
from domain.records import Json
from domain.rounds import ClassCounts, EvaluationByClass, Phase
from storage.documents import from_json, to_json
from storage.tables import evaluations, model_versions, rounds


class ModelPart(StrEnum):
    """Which of a round's two models: the one that chose, or the one that learned."""

    BEFORE = "before"
    AFTER = "after"


BY_CLASS = {ModelPart.BEFORE: "before_by_class", ModelPart.AFTER: "after_by_class"}
"""The field of an evaluation that says by class what it measured of the model."""


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    digest: Sha256
    artifact: Sha256
    round_id: RoundId
    part: ModelPart
    dataset: str
    dataset_version: int | None
    """The version that it was trained on; none when only imported labels were."""
    kind: str
    classes: tuple[str, ...]
    labelled: int
    created_at: Timestamp


def put_model(connection: Connection, model: ModelVersion) -> None:
    """Writes the round's model down; a repetition replaces it with the same."""
    statement = insert(model_versions).values(asdict(model))
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["round_id", "part"],
            set_={
                name: statement.excluded[name]
                for name in ("digest", "artifact", "dataset_version", "classes", "labelled")
            },
        )
    )


def get_model(connection: Connection, digest: Sha256) -> ModelVersion:
    """The model of that digest, as the first round that trained it has it. Raises NotFound."""
    row = connection.execute(
        select(model_versions)
        .where(model_versions.c.digest == digest)
        .order_by(model_versions.c.created_at)
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFound("no such model", digest=digest)
    return _model(row)


def models_of(connection: Connection, round_id: RoundId) -> dict[ModelPart, ModelVersion]:
    """The round's models, as far as it has trained them."""
    rows = connection.execute(select(model_versions).where(model_versions.c.round_id == round_id))
    return {model.part: model for model in map(_model, rows)}


def choosing_models(
    connection: Connection, dataset: str, *, besides: RoundId, limit: int
) -> list[Sha256]:
    """The models that chose the batches of the dataset's other rounds, newest first.

    Only those that could predict, and only from rounds that were carried through.
    """
    latest = (
        select(model_versions.c.artifact, func.max(model_versions.c.created_at).label("at"))
        .join(rounds, rounds.c.round_id == model_versions.c.round_id)
        .where(
            model_versions.c.dataset == dataset,
            model_versions.c.part == ModelPart.BEFORE,
            rounds.c.phase == Phase.CLOSED,
            model_versions.c.round_id != besides,
            func.jsonb_array_length(model_versions.c.classes) > 0,
        )
        .group_by(model_versions.c.artifact)
        .order_by(text("at DESC"))
        .limit(limit)
    )
    return [Sha256(row.artifact) for row in connection.execute(latest)]


def list_models(
    connection: Connection, *, before: Timestamp | None = None, limit: int = 50
) -> list[ModelVersion]:
    """Models, the newest first, from those that were made earlier than `before`."""
    query = select(model_versions)
    if before is not None:
        query = query.where(model_versions.c.created_at < before)
    rows = connection.execute(query.order_by(model_versions.c.created_at.desc()).limit(limit))
    return [_model(row) for row in rows]


def evaluation_body(evaluation: EvaluationByClass) -> dict[str, Json]:
    """What is written down of it: without what is empty by class, as it was written before."""
    body = asdict(evaluation)
    return {name: value for name, value in body.items() if value or name not in BY_CLASS.values()}


def by_class(evaluation: dict[str, Json], part: ModelPart) -> tuple[ClassCounts, ...]:
    """What a written evaluation says of one of the round's models; empty where nothing."""
    return from_json(tuple[ClassCounts, ...], evaluation.get(BY_CLASS[part], ()))


def put_evaluation(
    connection: Connection,
    round_id: RoundId,
    name: str,
    body: dict[str, Json],
    *,
    at: Timestamp | None = None,
) -> None:
    """Writes an evaluation of the round down; a repetition replaces it."""
    statement = insert(evaluations).values(
        round_id=round_id, name=name, body=to_json(body), created_at=at or func.now()
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["round_id", "name"], set_={"body": statement.excluded.body}
        )
    )


def evaluations_of(connection: Connection, round_id: RoundId) -> dict[str, dict[str, Json]]:
    """The round's evaluations by name."""
    rows = connection.execute(
        select(evaluations.c.name, evaluations.c.body).where(evaluations.c.round_id == round_id)
    )
    return {row.name: row.body for row in rows}


def _model(row: Row[*tuple[object, ...]]) -> ModelVersion:
    facts = dict(row._mapping)  # noqa: SLF001 -- SQLAlchemy's public name for it
    return ModelVersion(**facts | {"part": ModelPart(row.part), "classes": tuple(row.classes)})
