"""Whatever strangers write into records, names and guidelines, nothing of it runs in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Visitors, rounds_on
from tests.web.desk import GLANCE_MS
from tests.web.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

RUN = "window.ran=1"
ATTACKS = [
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"<img src=//example.org/x onerror={RUN}>",
    f"<svg xmlns='http://www.w3.org/2000/svg' onload={RUN}><script>{RUN}</script></svg>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    "<object data=//example.org/x></object><embed src=//example.org/x>",
    "<link rel=stylesheet href=//example.org/x><style>@import url(//example.org/x)</style>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'><base href=//example.org/>",
    f'"\'><a href="javascript:{RUN}" autofocus onfocus={RUN}>x</a>',
    f"<form action=//example.org/><button formaction=javascript:{RUN}>x</button></form>",
    "{{ 8191*131071 }}{% raw %}${8191*131071}<%= 8191*131071 %>",
    f"javascript:{RUN}",
    f"data:text/html,<script>parent.{RUN}</script>",
    f"GIF89a/*<svg/onload={RUN}>*/={RUN}//",
    "\u202egnp.exe\u202c\u2028\u2029\ufeff",
]
GUIDELINE = "\n\n".join(
    [
        "# Look at the strokes",
        *ATTACKS[:10],
        f"[press me](javascript:{RUN})",
        f"[press me](JaVaScRiPt&colon;{RUN})",
        f"[press me](data:text/html;base64,PHNjcmlwdD4={RUN})",
        f"<javascript:{RUN}>",
        "![look](//example.org/x.png)",
        f'[x]: javascript:{RUN} "t"\n[by reference][x]',
        f'```"><script>{RUN}</script>\ncode\n```',
    ]
)
FOREIGN = (
    "main script, main iframe, main object, main embed, main style, main link, main base, "
    "main meta, main form[action*=example], main img, [onerror], [onload], [onfocus], "
    "a[href^='javascript' i], a[href^='data' i]"
)


@pytest.fixture(scope="module")
def round_id(team: Team) -> Iterator[str]:
    rosa = team["Rosa"].api
    about = {"source": ATTACKS[0], "context": ATTACKS[2]}
    cells = {attack: attack for attack in ATTACKS}
    rows: list[dict[str, object]] = [{**about, **cells, "number": at} for at in range(3)]
    labels = [ATTACKS[0], ATTACKS[2]]
    team.import_rows("hostile", "table", rows, labels=labels)
    made = rosa.post("/guidelines", json={"name": "hostile", "text": GUIDELINE})
    assert made.is_success, made.text
    with rounds_on(team, "hostile", guideline="hostile") as start:
        yield start(3)


def check(page: Page) -> None:
    """Nothing ran, nothing of theirs is an element, and the page is still the page."""
    page.wait_for_timeout(GLANCE_MS)
    assert page.evaluate("window.ran") is None
    assert page.locator(FOREIGN).count() == 0
    assert str(8191 * 131071) not in page.locator("main").inner_text()
    expect(page.locator("header.top")).to_be_visible()


def test_nothing_that_a_record_or_a_guideline_holds_runs_on_the_desk(
    visitors: Visitors, round_id: str
) -> None:
    visit = visitors.sign_in("Rita", "/review")
    page = visit.page
    page.on("dialog", lambda dialog: pytest.fail(f"the page asked: {dialog.message}"))
    record = page.locator("#record")
    expect(record).to_contain_text("<script>")
    for attack in ATTACKS[:3]:
        expect(record).to_contain_text(attack)
    check(page)
    page.keyboard.press("g")
    expect(page.locator("#guideline-text")).to_contain_text("Look at the strokes")
    check(page)
    page.keyboard.press("a")
    check(page)


def test_nothing_of_theirs_runs_on_the_pages_of_the_round(
    visitors: Visitors, round_id: str
) -> None:
    page = visitors.sign_in("Olga", "/rounds").page
    for path in ("/rounds", f"/rounds/{round_id}", f"/rounds/{round_id}/ledger"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        check(page)


def test_an_image_is_numbers_and_nothing_else(team: Team) -> None:
    """No file that somebody sent is ever shown: pixels are drawn, so none can be a program."""
    rosa = team["Rosa"].api
    rosa.post("/pools", json={"pool": "pictures", "kind": "image"})
    claimed: list[object] = [
        *ATTACKS,
        "data:image/svg+xml;base64,PHN2Zz4=",
        [["<svg onload=alert(1)>"]],
        [[{"toString": "x"}]],
        [[1, 2], [3]],
        [],
        [[]],
        "\x89PNG\r\n\x1a\n",
    ]
    rows = [{"id": f"p{at}", "pixels": pixels} for at, pixels in enumerate(claimed)]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    report = rosa.post("/pools/pictures/imports", content=lines).json()
    assert (report["read"], report["accepted"]) == (len(rows), 0), report
