"""What a policy would choose is what a round then chooses, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Visitors
from tests.web.team import Team, until

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]


def test_a_preview_is_the_batch_that_a_round_then_has(
    team: Team, pool: str, start_round: Callable[..., str]
) -> None:
    rosa = team["Rosa"].api
    before = len(rosa.get("/models", params={"limit": 500}).json()["items"])
    policy, _, version = team.policy("halves").partition("@")
    address = f"/policies/{policy}/{version}/previews"
    asked = rosa.post(address, json={"pool": pool, "records": 12})
    assert asked.status_code == 202
    preview: dict[str, Any] = {}

    def done() -> bool:
        preview.update(rosa.get(f"{address}/{pool}/{asked.json()['preview_id']}").json())
        return bool(preview["done"])

    until(done, "the preview is there")
    assert len(rosa.get("/models", params={"limit": 500}).json()["items"]) == before
    round_id = start_round(12)
    batch = rosa.get(f"/rounds/{round_id}/batch").json()["items"]
    chosen = [each["record_id"] for each in preview["choices"]]
    assert chosen == [each["record_id"] for each in batch]
    assert preview["digest"] == team.round(round_id)["summary"]["batch"]["digest"]
    assert preview["arms"] == {"uncertain": 6, "random": 6}
    assert sum(preview["predicted"].values()) == 12


def test_a_policy_s_batch_is_looked_at_before_it_is_approved(
    visitors: Visitors, team: Team, pool: str
) -> None:
    document = (
        "name: tenfold\nbatch_size: 10\narms:\n  - {name: random, kind: random, share: 1.0}\n"
    )
    headers = {"Content-Type": "application/yaml"}
    team["Rosa"].api.post("/policies", content=document, headers=headers).raise_for_status()
    page = visitors.sign_in("Paul", "/policies/tenfold/1").page
    page.get_by_label("Pool").select_option(pool)
    page.get_by_role("button", name="Preview the batch").click()
    expect(page.get_by_role("heading", name="What tenfold@1 would choose from")).to_be_visible()
    expect(page.get_by_text("10 records of")).to_be_visible()
    expect(page.get_by_role("img", name="By arm")).to_be_visible()
    expect(page.locator("tbody canvas").first).to_be_visible()


def test_a_preview_leaves_out_what_its_reader_is_not_cleared_for(team: Team) -> None:
    rows: list[dict[str, object]] = [
        {"text": f"letter {place}", "sensitivity": "public" if place % 2 else "restricted"}
        for place in range(12)
    ]
    team.import_rows("sealed", "text", rows, labels=["one", "other"])
    rosa, paul = team["Rosa"].api, team["Paul"].api
    address = "/policies/halves/1/previews"
    team.policy("halves")
    asked = rosa.post(address, json={"pool": "sealed", "records": 12})
    assert asked.status_code == 202, asked.text
    here = f"{address}/sealed/{asked.json()['preview_id']}"
    until(lambda: bool(paul.get(here).json()["done"]), "the preview is there")
    hidden = {f"sealed-{place}" for place in range(0, 12, 2)}
    seen = paul.get(here).json()
    assert seen["records"] == 12
    assert len(seen["choices"]) == 6
    assert hidden.isdisjoint(each["record_id"] for each in seen["choices"])


def test_a_preview_of_nothing_says_what_is_missing(team: Team) -> None:
    address = "/policies/halves/1/previews"
    missing = team["Rosa"].api.post(address, json={"pool": "no-such-pool"})
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    none = team["Rosa"].api.get(f"{address}/digits/never-asked")
    assert (none.status_code, none.json()["code"]) == (404, "not_found")
