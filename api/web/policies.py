"""Sampling policies: what there is, one in words, writing the next version, approving it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from api.authentication import Caller, allowing
from api.documents.writing import differences, dump_yaml
from api.language import gettext
from api.pinning import named_policy
from api.policies import ready_made, words
from api.previewing import SAMPLE, Choice, choices_of, find_preview, predicted_classes
from api.schemas.body import Version
from api.state import Parts
from api.web.batch import view_of
from api.web.charts import bar_chart
from api.web.diffs import changes_in
from api.web.rendering import PageRoute, page
from domain.accounts import Permission
from domain.ids import PoolId
from domain.policy import SamplingPolicy
from domain.records import ContentKind
from storage import policies, pools
from storage.policies import GovernedPolicy
from storage.pools import Pool

router = APIRouter(prefix="/policies", route_class=PageRoute, include_in_schema=False)

Viewer = Annotated[Caller, Depends(allowing(Permission.SEE_ROUNDS))]
Previewer = Annotated[Caller, Depends(allowing(Permission.DEFINE, Permission.APPROVE_POLICIES))]
Definer = Annotated[Caller, Depends(allowing(Permission.DEFINE))]

MANY = 16
"""Bars in a chart."""
SHOWN = 50
FIRST = """\
# Why this policy is as it is: whoever approves it reads this.
name: weekly
description: What we look at each week.
batch_size: 100
arms:
  - name: uncertain
    kind: uncertain
    share: 0.6
  - name: diverse
    kind: diverse
    share: 0.2
  # A fair draw: without it nobody can say whether the other labels were worth their cost.
  - name: random
    kind: random
    share: 0.2
"""


@router.get("")
async def list_policies(
    request: Request,
    caller: Viewer,
    parts: Parts,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    def look(connection: Connection) -> tuple[list[GovernedPolicy], dict[str, int]]:
        found = policies.list_policies(connection, after=after, limit=SHOWN + 1)
        approved = policies.list_approved(connection)
        return found, {each.policy.name: each.policy.version for each in approved}

    found, approved = await parts.in_transaction(look)
    return page(
        request,
        "policies.html",
        rows=[(each, words.arms_in_words(each.policy)) for each in found[:SHOWN]],
        approved=approved,
        next=found[SHOWN - 1].policy.name if len(found) > SHOWN else None,
        may_define=caller.may(Permission.DEFINE),
        mature_from=ready_made.MATURE_FROM,
    )


@router.get("/new")
async def write_policy(
    request: Request,
    caller: Definer,
    parts: Parts,
    of: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    del caller
    before = None
    if of is not None:
        before = await parts.in_transaction(lambda connection: named_policy(connection, of))
    return page(
        request,
        "policy_form.html",
        before=before,
        text=FIRST if before is None else before.source or dump_yaml(before.policy),
    )


@router.get("/{name}")
@router.get("/{name}/{version}")
async def get_policy(
    *,
    request: Request,
    name: str,
    caller: Viewer,
    parts: Parts,
    version: Version | None = None,
    against: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    may_preview = caller.may(Permission.DEFINE) or caller.may(Permission.APPROVE_POLICIES)

    def look(
        connection: Connection,
    ) -> tuple[GovernedPolicy, list[GovernedPolicy], SamplingPolicy, list[Pool]]:
        every = pools.list_pools(connection, limit=SHOWN) if may_preview else []
        shown = policies.get_policy(connection, name, version)
        versions = policies.list_versions(connection, name, limit=SHOWN)
        other = against or max(1, shown.policy.version - 1)
        return shown, versions, policies.get_policy(connection, name, other).policy, every

    shown, versions, other, every = await parts.in_transaction(look)
    policy = shown.policy
    return page(
        request,
        "policy.html",
        shown=shown,
        policy=policy,
        versions=versions,
        arms=words.arms_in_words(policy),
        demands=words.demands(policy),
        left_out=words.left_out(policy),
        guards=words.guards(policy),
        gates=words.gates(policy),
        text=shown.source or dump_yaml(policy),
        other=other,
        changes=changes_in(differences(other, policy, names=("", ""))),
        waits=shown.approval is None,
        may_approve=caller.may(Permission.APPROVE_POLICIES),
        is_author=caller.account_id == shown.author,
        may_define=caller.may(Permission.DEFINE),
        pools=every,
    )


@router.get("/{name}/{version}/previews/{pool}/{preview_id}")
async def get_preview(
    *,
    request: Request,
    name: str,
    version: Version,
    pool: str,
    preview_id: str,
    caller: Previewer,
    parts: Parts,
) -> Response:
    """Comes again by itself while the preview is worked on."""
    del caller
    found = await find_preview(parts, name, version, pool, preview_id)
    shared: dict[str, Any] = {"name": name, "version": version, "pool": pool}
    if found is None:
        return page(request, "preview.html", preview=None, **shared)

    def look(connection: Connection) -> tuple[list[Choice], ContentKind]:
        chosen = choices_of(connection, parts.store, PoolId(pool), found, limit=SAMPLE)
        return chosen, pools.get_pool(connection, PoolId(pool)).kind

    chosen, kind = await parts.in_transaction(look)

    def drawn() -> tuple[Markup, Markup | None]:
        return _preview_charts(found.batch.arms, predicted_classes(parts.store, found))

    arms, classes = await run_in_threadpool(drawn)
    return page(
        request,
        "preview.html",
        preview=found,
        view=view_of(found.batch.findings),
        batch=found.batch,
        choices=[(each, json.dumps(each.content)) for each in chosen],
        kind=kind,
        arms=arms,
        classes=classes,
        **shared,
    )


def _preview_charts(
    arms: Mapping[str, int], predicted: Mapping[str, int]
) -> tuple[Markup, Markup | None]:
    def bars(counts: Mapping[str, int], title: str) -> Markup:
        rows = [{"name": name, "value": count} for name, count in list(counts.items())[:MANY]]
        return bar_chart(rows, title=title, unit=gettext("records"))

    return (
        bars(arms, gettext("By arm")),
        bars(predicted, gettext("What the model takes them for")) if predicted else None,
    )
