"""Models: what each was trained on, and how well it did on the test set that stays the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.language import gettext, percent
from api.state import Parts
from api.vocabulary import word
from api.web.charts import SHARES, line_chart
from api.web.rendering import PageRoute, page
from api.web.standing import comparison_chart, lift_chart
from domain.accounts import Permission
from domain.canonical import Sha256
from storage import datasets, models
from storage.datasets import DatasetVersion
from storage.models import ModelPart, ModelVersion

router = APIRouter(prefix="/models", route_class=PageRoute, include_in_schema=False)

Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]

SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A model with what was measured of it; nothing where the round measured nothing."""

    model: ModelVersion
    estimate: dict[str, Any] | None
    """`{metric, value, low, high, records}`."""


@router.get("")
async def list_models(request: Request, caller: Viewer, parts: Parts) -> Response:
    del caller

    def look(connection: Connection) -> list[Measured]:
        return [
            Measured(model=model, estimate=_estimate(_evaluation(connection, model), model.part))
            for model in models.list_models(connection, limit=SHOWN)
        ]

    found = await parts.in_transaction(look)
    curves = await run_in_threadpool(_curves, found)
    return page(request, "models.html", models=found, curves=curves)


@router.get("/{digest}")
async def get_model(request: Request, digest: str, caller: Viewer, parts: Parts) -> Response:
    del caller

    def look(
        connection: Connection,
    ) -> tuple[ModelVersion, dict[str, Any] | None, DatasetVersion | None]:
        model = models.get_model(connection, Sha256(digest))
        trained_on = (
            None
            if model.dataset_version is None
            else datasets.get_version(connection, model.dataset, model.dataset_version)
        )
        return model, _evaluation(connection, model), trained_on

    model, evaluation, trained_on = await parts.in_transaction(look)
    return page(
        request,
        "model.html",
        model=model,
        estimate=_estimate(evaluation, model.part),
        evaluation=evaluation,
        trained_on=trained_on,
        lift_chart=lift_chart(evaluation) if evaluation else None,
        comparison_chart=comparison_chart(evaluation) if evaluation else None,
        classes=models.by_class(evaluation, model.part) if evaluation else (),
    )


def _evaluation(connection: Connection, model: ModelVersion) -> dict[str, Any] | None:
    found = models.evaluations_of(connection, model.round_id)
    return next(iter(found.values()), None)


def _estimate(evaluation: dict[str, Any] | None, part: ModelPart) -> dict[str, Any] | None:
    return None if evaluation is None else evaluation.get(part.value)


def _curves(found: list[Measured]) -> list[tuple[str, Markup, list[list[str]]]]:
    """For each dataset with two measured versions: the metric by version, with its intervals."""
    curves = []
    for dataset in dict.fromkeys(each.model.dataset for each in found):
        points = {
            each.model.dataset_version: each.estimate
            for each in found
            if each.model.dataset == dataset and each.estimate and each.model.dataset_version
        }
        if len(points) < 2:
            continue
        rows = [
            {
                "at": f"v{version}",
                "value": estimate["value"],
                "low": estimate["low"],
                "high": estimate["high"],
                "said": f"v{version}: {percent(estimate['value'], 1)}",
            }
            for version, estimate in sorted(points.items(), key=lambda pair: pair[0] or 0)
        ]
        metric = word(next(iter(points.values()))["metric"], "metric")
        title = gettext("{metric} of {dataset} by version").format(metric=metric, dataset=dataset)
        curves.append(
            (
                title,
                line_chart(rows, title=title, over=gettext("version"), form=SHARES, zero=False),
                [
                    [
                        str(row["at"]),
                        *(percent(float(row[key]), 1) for key in ("value", "low", "high")),
                    ]
                    for row in rows
                ],
            )
        )
    return curves
