"""Files of records, sent from the pages: a new pool, more for an old one, and what is wrong with a
file told so that it can be mended."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import PHONE, Visitors
from tests.web.german import SPOKEN, english_among
from tests.web.team import Team

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]

LABELS = ("refund", "praise")
POOL = "imported-mail"
FIRST = """\
ref,body,intent,use
m1,where is my money?,refund,train
m2,thank you so much,praise,test
m3,the parcel is late,,
m4,something else,shipping,train
m5,,refund,train
"""
SECOND = """\
{"id": "m3", "text": "the parcel is very late"}
{"id": "m3", "text": "the parcel is lost"}
{"id": "m6", "text": "it came broken"}
no JSON
"""


@pytest.fixture(scope="module")
def pool(team: Team) -> str:
    """Another one than that of the other modules, with one record."""
    team.import_texts(POOL, labels=LABELS, texts=["hello"])
    return POOL


def choose(page: Page, name: str, content: str | bytes) -> None:
    data = content.encode() if isinstance(content, str) else content
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    page.locator("#file").set_input_files(files=file)  # type: ignore[arg-type]


def rows_of(page: Page) -> dict[str, str]:
    """What became of the rows, by its name."""
    table = page.get_by_role("table").first
    return {
        row.get_by_role("rowheader").inner_text(): row.get_by_role("cell").inner_text()
        for row in table.locator("tbody tr").all()
    }


def test_a_pool_is_made_from_a_file_and_every_row_is_accounted_for(
    visitors: Visitors, team: Team, pool: str
) -> None:
    page = visitors.sign_in("Rosa", "/pools").page
    page.get_by_text("Make a pool from a file").click()
    page.get_by_label("Name of the pool").fill("made-here")
    page.get_by_label("Pixels").wait_for(state="hidden")
    expect(page.get_by_label("Known label (if there is one)")).to_be_hidden()
    page.get_by_label("Label schema").select_option(f"{pool}@1")
    page.get_by_label("Id", exact=True).fill("ref")
    page.get_by_label("Text", exact=True).fill("body")
    page.get_by_label("Known label (if there is one)").fill("intent")
    page.get_by_label("What the label is for").fill("use")
    choose(page, "first.csv", FIRST)
    page.get_by_role("button", name="Make the pool and import").click()

    expect(page.get_by_role("heading", name="Import of first.csv")).to_be_visible()
    assert rows_of(page) == {
        "New in the pool": "3",
        "Replaced a record with their id": "0",
        "There already, unchanged": "0",
        "Refused": "2",
        "Read in all": "5",
    }
    refused = page.locator("#refused tbody tr")
    expect(refused.nth(0)).to_contain_text(re.compile(r"5\s*m4\s*“shipping” is not a label of"))
    expect(refused.nth(1)).to_contain_text(re.compile(r"6\s*m5\s*The text is empty"))
    made = team["Rosa"].api.get("/pools/made-here").json()
    assert (made["records"], made["labelled_train"], made["labelled_test"]) == (3, 1, 1)

    page.get_by_role("link", name="To the pool").click()
    page.get_by_text("Import records").click()
    choose(page, "second.jsonl", SECOND)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="Import of second.jsonl")).to_be_visible()
    assert list(rows_of(page).values()) == ["1", "1", "0", "2", "4"]
    expect(refused.nth(0)).to_contain_text("The record id stands on line 1 already")
    expect(refused.nth(1)).to_contain_text("The line is not JSON")
    page.get_by_role("link", name="made-here").click()
    expect(page.get_by_role("link", name="first.csv")).to_be_visible()


def test_a_file_that_does_not_fit_says_what_to_do_and_changes_nothing(
    visitors: Visitors, team: Team, pool: str
) -> None:
    visit = visitors.sign_in("Rosa", f"/pools/{pool}")
    visit.expected = ("422", "409")
    page = visit.page
    alert = page.get_by_role("alert")
    page.get_by_text("Import records").click()
    send = page.get_by_role("button", name="Import", exact=True)
    choose(page, "packed.csv", b"PK\x03\x04 and so on")
    send.click()
    expect(alert).to_contain_text("“packed.csv” is compressed: unpack it first")
    expect(alert).to_contain_text("Save it as JSON Lines, CSV or Parquet")
    choose(page, "other.csv", "id,words\nn1,good morning\n")
    send.click()
    expect(alert).to_contain_text("no column “text”. It has: id, words")
    expect(page.locator("#sending")).to_be_empty()
    assert team["Rosa"].api.get(f"/pools/{pool}").json()["records"] == 1

    page.get_by_label("Text", exact=True).fill("words")
    send.click()
    expect(page.get_by_text("All rows of the file are in the pool.")).to_be_visible()
    assert team["Rosa"].api.get(f"/pools/{pool}").json()["records"] == 2

    page.goto("/pools")
    page.get_by_text("Make a pool from a file").click()
    page.get_by_label("Name of the pool").fill(pool)
    page.get_by_label("What a record is").select_option("table")
    choose(page, "other.csv", "id,words\nn1,good morning\n")
    page.get_by_role("button", name="Make the pool and import").click()
    expect(alert).to_contain_text("There is a pool of that name already")


def test_a_file_above_the_cap_is_not_even_sent(visitors: Visitors, pool: str) -> None:
    page = visitors.sign_in("Rosa", f"/pools/{pool}").page
    page.get_by_text("Import records").click()
    page.locator("#import").evaluate("form => (form.dataset.limit = 10)")
    choose(page, "large.jsonl", SECOND)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Split it")


def test_an_import_is_told_in_german_what_it_refused_and_why(visitors: Visitors, pool: str) -> None:
    visit = visitors.sign_in("Rosa", f"/pools/{pool}", language="de-DE")
    visit.expected = ("422",)
    page = visit.page
    page.get_by_text("Einträge importieren").click()
    choose(page, "anders.csv", "id,words\nn1,guten Morgen\n")
    page.get_by_role("button", name="Importieren", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Die Datei hat keine Spalte „text“.")
    assert english_among(page.evaluate(SPOKEN)) == []
    choose(page, "fehler.jsonl", '{"id": "f1", "text": ""}\n{"text": "guten Tag"}\n')
    page.get_by_role("button", name="Importieren", exact=True).click()
    expect(page.locator("#refused")).to_contain_text("Der Text ist leer oder kein Text")
    expect(page.locator("#refused")).to_contain_text("Die Id des Eintrags fehlt")
    expect(page.get_by_text("Keine der Zeilen ist im Pool")).to_be_visible()
    assert english_among(page.evaluate(SPOKEN)) == []


def test_nobody_else_is_offered_to_import_or_shown_what_was_refused(
    visitors: Visitors, team: Team, pool: str
) -> None:
    report = team.import_with_faults(pool)
    olga = visitors.sign_in("Olga", f"/pools/{pool}")
    olga.expected = ("403",)
    expect(olga.page.get_by_text("faults.jsonl").first).to_be_visible()
    for address in (f"/pools/{pool}", "/pools"):
        olga.page.goto(address)
        expect(olga.page.locator("#import")).to_have_count(0)
        expect(olga.page.get_by_role("link", name="faults.jsonl")).to_have_count(0)
    olga.page.goto(f"/pools/{pool}/imports/{report}")
    expect(olga.page.get_by_role("main")).to_contain_text("may not import records")
    admin = visitors.sign_in("admin", f"/pools/{pool}/imports/{report}")
    admin.expected = ("404",)
    expect(admin.page.get_by_role("main")).to_contain_text("No such import")


def test_on_a_phone_the_form_is_no_wider_than_the_screen(visitors: Visitors, pool: str) -> None:
    page = visitors.sign_in("Rosa", f"/pools/{pool}", phone=True, language="de-DE").page
    page.get_by_text("Einträge importieren").click()
    expect(page.get_by_role("button", name="Importieren", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
