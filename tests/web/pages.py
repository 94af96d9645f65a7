"""Every page with somebody who looks at it: what the rules of accessibility are held against, and
what screenshots are made of. A page that is missing here fails a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from playwright.sync_api import Page, expect

from tests.web.conftest import Visit, Visitors
from tests.web.desk import look
from tests.web.team import Team, until

REPLAY_MS = 120_000


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What there is to see: rounds of one pool, in different phases."""

    closed: str
    """A round that has published a dataset."""
    waiting: str
    """A round whose dataset waits for approval."""
    reviewing: str
    webhook: str
    policy: str
    """`name/version`"""
    review: str
    """An answer of Rita's."""
    record: str
    """One that people differed about."""
    model: str
    preview: str
    report: str
    """An import of Rosa's that refused rows."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A page as one person meets it."""

    route: str
    """As the application spells it."""
    who: str
    """A member of the team, `admin`, or nobody where it is empty."""
    name: str
    """Of its screenshot."""
    address: str = ""
    """With fields of the scene in braces; left out: the route itself."""
    ready: Callable[[Page], object] | None = None
    """Brings what is wanted into sight."""

    def path(self, scene: Scene) -> str:
        return self.address.format_map(asdict(scene)) if self.address else self.route


def _ledger(page: Page) -> None:
    expect(page.locator("#lines tbody tr").first).to_be_visible(timeout=REPLAY_MS)


def _desk(page: Page) -> None:
    look(page)
    page.keyboard.press("s")
    expect(page.locator("#similar .like").first).to_be_visible()


def _history(page: Page) -> None:
    look(page)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#answer-article")).to_be_visible()


def _keys(page: Page) -> None:
    look(page)
    page.keyboard.press("?")


def _importing(page: Page) -> None:
    page.locator(".importing summary").click()
    expect(page.locator("#import button[type=submit]")).to_be_enabled()


def _exclude(page: Page) -> None:
    look(page)
    page.keyboard.press("x")


def _asking(wish: str) -> Callable[[Page], None]:
    """The dialog that asks before that happens to the round."""

    def ask(page: Page) -> None:
        page.locator(f"#{wish}-round").click()
        expect(page.locator(f"#{wish}-dialog")).to_be_visible()

    return ask


SIGHTS = (
    Sight(route="/sign-in", who="", name="sign-in"),
    Sight(route="/nowhere", who="Rosa", name="not-found"),
    Sight(route="/", who="Rosa", name="home"),
    Sight(route="/inbox", who="Rosa", name="inbox"),
    Sight(route="/review", who="Rita", name="review", ready=_desk),
    Sight(route="/review", who="Rita", name="review-history", ready=_history),
    Sight(route="/review", who="Rita", name="review-keys", ready=_keys),
    Sight(route="/review", who="Rita", name="review-exclude", ready=_exclude),
    Sight(route="/adjudicate", who="Ada", name="adjudication", ready=look),
    Sight(
        route="/answers/{review_id}",
        who="Rita",
        name="answer",
        address="/answers/{review}",
    ),
    Sight(
        route="/calibration/{round_id}",
        who="Rita",
        name="calibration",
        address="/calibration/{reviewing}",
    ),
    Sight(
        route="/guidelines/{name}/{version}",
        who="Rita",
        name="guideline",
        address="/guidelines/digits/1",
    ),
    Sight(route="/rounds", who="Rosa", name="rounds"),
    Sight(
        route="/rounds/{round_id}",
        who="Rosa",
        name="round",
        address="/rounds/{closed}",
    ),
    Sight(
        route="/rounds/{round_id}",
        who="Rosa",
        name="round-reviewing",
        address="/rounds/{reviewing}",
    ),
    Sight(
        route="/rounds/{round_id}",
        who="Rosa",
        name="round-extend",
        address="/rounds/{reviewing}",
        ready=_asking("extend"),
    ),
    Sight(
        route="/rounds/{round_id}",
        who="Rosa",
        name="round-cancel",
        address="/rounds/{reviewing}",
        ready=_asking("cancel"),
    ),
    Sight(
        route="/rounds/{round_id}/approval",
        who="Paul",
        name="approval",
        address="/rounds/{waiting}/approval",
    ),
    Sight(
        route="/rounds/{round_id}/ledger",
        who="Olga",
        name="ledger",
        address="/rounds/{closed}/ledger",
        ready=_ledger,
    ),
    Sight(route="/datasets", who="Rosa", name="datasets"),
    Sight(
        route="/datasets/{dataset}",
        who="Rosa",
        name="dataset",
        address="/datasets/digits",
    ),
    Sight(
        route="/datasets/{dataset}/{version}",
        who="Rosa",
        name="version",
        address="/datasets/digits/1",
    ),
    Sight(
        route="/datasets/{dataset}/{version}/changes",
        who="Rosa",
        name="changes",
        address="/datasets/digits/1/changes",
    ),
    Sight(route="/pools", who="Rosa", name="pools", ready=_importing),
    Sight(
        route="/pools/{pool}",
        who="Rosa",
        name="pool",
        address="/pools/digits",
        ready=_importing,
    ),
    Sight(
        route="/pools/{pool}/imports/{import_id}",
        who="Rosa",
        name="import",
        address="/pools/digits/imports/{report}",
    ),
    Sight(
        route="/pools/{pool}/records/{record_id:path}",
        who="Olga",
        name="story",
        address="/pools/digits/records/{record}",
    ),
    Sight(route="/models", who="Rosa", name="models"),
    Sight(
        route="/models/{digest}",
        who="Rosa",
        name="model",
        address="/models/{model}",
    ),
    Sight(route="/reviewers", who="Rosa", name="reviewers"),
    Sight(route="/guidelines", who="Rosa", name="guidelines"),
    Sight(
        route="/guidelines/new",
        who="Rosa",
        name="guideline-new",
        address="/guidelines/new?of=digits@1",
    ),
    Sight(route="/policies", who="Rosa", name="policies"),
    Sight(route="/policies/new", who="Rosa", name="policy-new"),
    Sight(
        route="/policies/{name}/{version}",
        who="Paul",
        name="policy",
        address="/policies/{policy}",
    ),
    Sight(
        route="/policies/{name}/{version}/previews/{pool}/{preview_id}",
        who="Rosa",
        name="preview",
        address="/policies/{policy}/previews/digits/{preview}",
    ),
    Sight(route="/account", who="Rita", name="account"),
    Sight(route="/accounts", who="admin", name="accounts"),
    Sight(route="/webhooks", who="admin", name="webhooks"),
    Sight(
        route="/webhooks/{webhook_id}",
        who="admin",
        name="webhook",
        address="/webhooks/{webhook}",
    ),
    Sight(route="/governance", who="Olga", name="governance"),
)

REDIRECTS = {"/policies/{name}", "/inbox/{notice_id}"}
"""Addresses that lead to another page."""


def arrive(
    visitors: Visitors,
    scene: Scene,
    sight: Sight,
    scheme: Literal["light", "dark"],
    *,
    language: str = "en-US",
    phone: bool = False,
) -> Visit:
    """Somebody is at the page, and what is wanted is in sight."""
    path = sight.path(scene)
    if sight.who:
        visit = visitors.sign_in(
            sight.who, path, color_scheme=scheme, language=language, phone=phone
        )
    else:
        visit = visitors.nobody(color_scheme=scheme, language=language, phone=phone)
        visit.page.goto(path)
    visit.expected = ("404",)
    visit.page.wait_for_load_state()
    if sight.ready:
        sight.ready(visit.page)
    return visit


def set_the_scene(team: Team, pool: str) -> Scene:
    """Rounds in the phases that people meet, one with a disputed record that is not settled yet."""
    closed = team.start_round(pool, batch=20)
    team.review_all("Rita", wrong=2)
    team.review_all("Ravi")
    _settle(team, closed)
    team.wait_for_phase(closed, "approval")
    outcomes = team["Rosa"].api.get(f"/rounds/{closed}/outcomes").json()["items"]
    disputed = next(each["record_id"] for each in outcomes if each["how"] == "adjudication")
    team.publish(closed)
    waiting = team.start_round(pool, batch=12)
    team.review_all("Rita", wrong=1)
    team.review_all("Ravi")
    _settle(team, waiting)
    team.wait_for_phase(waiting, "approval")
    reviewing = team.start_round(pool, batch=16, suggestions=True, undo_seconds=600)
    first = team.claim("Ravi")
    assert first is not None
    team.answer("Ravi", first, "3")
    team.review_all("Rita", wrong=8, at_most=8)
    team.review_all("Ravi", at_most=8)
    webhook = team.admin.post(
        "/webhooks",
        json={"url": "https://training.invalid/hook", "description": "trains the model"},
    ).json()
    models = team["Rosa"].api.get(f"/rounds/{closed}/models").json()
    mine = team["Rita"].api.get("/reviews/mine").json()
    return Scene(
        closed=closed,
        waiting=waiting,
        reviewing=reviewing,
        webhook=webhook["webhook"]["webhook_id"],
        policy="halves/1",
        review=mine[0]["review_id"],
        record=disputed,
        model=models[-1]["digest"],
        preview=_preview(team, pool),
        report=team.import_with_faults(pool),
    )


def _preview(team: Team, pool: str) -> str:
    rosa = team["Rosa"].api
    asked = rosa.post("/policies/halves/1/previews", json={"pool": pool, "records": 30}).json()
    here = f"/policies/halves/1/previews/{pool}/{asked['preview_id']}"
    until(lambda: bool(rosa.get(here).json()["done"]), "the preview is there")
    return str(asked["preview_id"])


def _settle(team: Team, round_id: str) -> None:
    until(
        lambda: team.round(round_id)["phase"] != "reviewing" or bool(team.review_all("Ada")),
        "what people differed about is settled",
    )
    team.review_all("Ada")
