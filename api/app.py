"""The application that uvicorn serves: `uvicorn --factory api.app:create_app`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from api import problems, web
from api.authentication import Authentication
from api.description import describe
from api.middleware import Door, Observation
from api.oidc.provider import Provider
from api.routes import (
    access,
    accounts,
    batches,
    calibrations,
    codec,
    credentials,
    datasets,
    decisions,
    definitions,
    directions,
    governance,
    health,
    imports,
    inbox,
    ledger,
    models,
    policies,
    pools,
    profiles,
    reviews,
    rounds,
    routings,
    sessions,
    submissions,
    tasks,
    tokens,
    webhooks,
)
from api.routes.codec import CodecOrigins
from api.starting import make_key_known, put_policies_in_place, start_written_rounds
from api.state import State
from api.temporal import Temporal
from storage import database, visibility
from storage.artifacts import ArtifactStore
from workers import encryption, sealing, signing
from workers.settings import Settings, load_settings

DATABASE_PATIENCE_SECONDS = 5.0

DESCRIPTION = """\
Governed active-learning rounds: from an unlabelled pool to a dataset worth training on.

Send `Authorization: Bearer <token>`. Errors are `application/problem+json` with a stable `code`.
A `POST` that creates something takes an `Idempotency-Key`: sent again, it has one effect and the
same answer. Lists come in pages: pass `next` of one page as `after` of the following one.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application, with settings from the environment. It starts whether or not others run."""
    settings = settings or load_settings()
    encryption.ensure_keys(settings.payload_keys)
    app = FastAPI(
        title="Labelwright",
        version="1",
        description=DESCRIPTION,
        lifespan=_lifespan,
        # The framework's own pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    signer = signing.load_or_create(settings.signing_key)
    state = app.state.labelwright = State(
        settings=settings,
        engine=visibility.guard(database.engine(settings.database_url)),
        store=ArtifactStore(settings.artifacts),
        temporal=Temporal(settings, signer),
        signer=signer,
        sealer=sealing.load_or_create(settings.sealing_key),
        provider=Provider(settings.oidc_issuer) if settings.oidc_issuer else None,
    )
    problems.install(app)
    # The last one added is the outermost: an answer of each is seen by those after it.
    app.add_middleware(Authentication, state=state)
    app.add_middleware(CodecOrigins, settings=settings)
    app.add_middleware(Door, import_bytes=settings.import_limit)
    app.add_middleware(Observation)
    # In this order a request is compared with their routes: the busiest first.
    for module in (
        tasks,
        submissions,
        sessions,
        accounts,
        access,
        credentials,
        tokens,
        definitions,
        policies,
        routings,
        profiles,
        pools,
        imports,
        rounds,
        batches,
        decisions,
        directions,
        ledger,
        governance,
        codec,
        reviews,
        calibrations,
        datasets,
        models,
        inbox,
        webhooks,
        health,
    ):
        app.include_router(module.router)
    web.install(app)
    describe(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state: State = app.state.labelwright
    knowing = asyncio.create_task(make_key_known(state))
    placing = asyncio.create_task(put_policies_in_place(state))
    # With a database there, nobody is answered before a round finds its policy, and workflows the
    # key that signs what they are told.
    done, _ = await asyncio.wait({knowing, placing}, timeout=DATABASE_PATIENCE_SECONDS)
    for task in done:
        task.result()
    starting = asyncio.create_task(start_written_rounds(state))
    yield
    for task in (knowing, placing, starting):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    state.engine.dispose()
