"""Pages of the team: their figures are those of the database, and a record's story is whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from api.vocabulary import word
from domain.roles import DatasetRole
from storage.database import engine
from tests.web.conftest import Visitors, rounds_on
from tests.web.team import Team, until
from workers.local_stack import LocalStack

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("web")]


def test_a_pool_shows_what_it_is_made_of(visitors: Visitors, team: Team, pool: str) -> None:
    found = team["Rosa"].api.get(f"/pools/{pool}").json()
    page = visitors.sign_in("Rosa", "/pools").page
    row = page.get_by_role("row").filter(has_text="image").filter(has_text=f"{pool}@1").first
    expect(row).to_contain_text(str(found["records"]))
    page.get_by_role("link", name=pool, exact=True).click()
    expect(page.get_by_role("img", name="Known labels")).to_be_visible()
    roles = page.get_by_role("table").first
    expect(roles.get_by_role("row").filter(has_text="train")).to_contain_text("60")
    expect(roles.get_by_role("row").filter(has_text="test")).to_contain_text("120")
    page.get_by_label("Id begins with").fill("digit-00")
    page.get_by_role("button", name="Look").click()
    for link in page.locator("tbody th a").all():
        assert link.inner_text().startswith("digit-00")


def test_a_pool_shows_how_it_has_grown_and_how_many_records_repeat_another(
    visitors: Visitors, team: Team, stack: LocalStack
) -> None:
    team.import_texts("grown", labels=("old", "new"), texts=["one", "two", "two", "three", "two"])
    page = visitors.sign_in("Rosa", "/pools/grown").page
    expect(page.get_by_role("main")).to_contain_text("2 records (40.0 %) repeat the content")
    expect(page.get_by_role("heading", name="Growth")).to_have_count(0)
    owner = engine(stack.addresses.database_url)
    with owner.begin() as connection:
        # Time does not pass in a test: some of the records, and an import, came before.
        connection.execute(
            text(
                "UPDATE records SET created_at = '2026-01-05T10:00:00Z'"
                " WHERE pool_id = 'grown' AND record_id IN ('grown-0', 'grown-1')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO imports (import_id, pool_id, file_name, created_by, created_at)"
                " VALUES ('imp-before', 'grown', 'before.csv', 'x', '2026-01-05T10:00:00Z')"
            )
        )
    owner.dispose()
    page.reload()
    chart = page.get_by_role("img", name="Records by the month of their import")
    expect(chart).to_be_visible()
    growth = page.get_by_role("figure").filter(has=chart)
    growth.get_by_text("Figures").click()
    rows = [row.inner_text().split() for row in growth.locator("tbody tr").all()]
    assert [row[1:] for row in rows] == [["2", "2"], ["3", "5"]]
    assert rows[0][0] == "2026-01"


def test_a_record_has_its_whole_story_and_reviewers_their_workload(
    visitors: Visitors, team: Team, start_round: Callable[..., str]
) -> None:
    round_id = start_round(6)
    team.review_all("Rita", wrong=1)
    team.review_all("Ravi")
    until(lambda: bool(team.review_all("Ada")), "the disputed record is settled")
    team.wait_for_phase(round_id, "approval")
    rosa = team["Rosa"].api
    outcomes = rosa.get(f"/rounds/{round_id}/outcomes").json()["items"]
    disputed = next(each["record_id"] for each in outcomes if each["how"] == "adjudication")
    steps = rosa.get(f"/pools/digits/stories/{disputed}").json()["steps"]
    here = [step for step in steps if step["round_id"] in (None, round_id)]
    kinds = [step["kind"] for step in here]
    assert kinds == ["imported", "selected", "answered", "answered", "answered", "concluded"]
    assert [step["who"] for step in here[2:5]] == ["Rita", "Ravi", "Ada"]
    page = visitors.sign_in("Olga", f"/pools/digits/records/{disputed}").page
    story = page.get_by_role("list").filter(has_text="Imported")
    expect(story).to_contain_text("Ada (adjudication)")
    page.goto("/models")
    expect(page.get_by_role("link", name=round_id).first).to_be_visible()
    people = visitors.sign_in("Rosa", "/reviewers").page
    row = people.get_by_role("row").filter(has_text="Rita")
    expect(row).to_contain_text("reviewer")


def test_a_reviewer_is_told_nothing_of_others_by_a_record_s_story(
    team: Team, start_round: Callable[..., str]
) -> None:
    round_id = start_round(3)
    task = team.claim("Ravi")
    assert task is not None
    team.answer("Ravi", task, "3")
    rosa, admin = team["Rosa"], team.admin
    address = f"/pools/digits/stories/{task['record_id']}"

    def answers() -> list[str]:
        steps = rosa.api.get(address).json()["steps"]
        return [step["who"] for step in steps if step["round_id"] == round_id and step["who"]]

    until(lambda: answers() == ["Ravi"], "the answer stands in the story")
    admin.patch(f"/accounts/{rosa.account_id}", json={"roles": ["requester", "reviewer"]})
    try:
        told = rosa.api.get(address).json()
        assert told["unsaid"] == 2
        assert answers() == []
    finally:
        admin.patch(f"/accounts/{rosa.account_id}", json={"roles": ["requester"]})


def test_a_dataset_shows_its_roles_over_versions_once_there_are_two(
    visitors: Visitors, team: Team
) -> None:
    rows: list[dict[str, object]] = [
        {"text": f"a letter about {label}, the {number}th", "label": label, "role": "train"}
        for number in range(3)
        for label in ("parcels", "stamps")
    ]
    rows += [{"text": f"a letter that nobody has read, the {number}th"} for number in range(8)]
    labels = ["parcels", "stamps"]
    team.import_rows("postcards", "text", rows, labels=labels)

    with rounds_on(team, "postcards") as start:
        publish_one(team, start)
        page = visitors.sign_in("Rosa", "/datasets/postcards").page
        expect(page.get_by_role("link", name="v1")).to_be_visible()
        chart = page.get_by_role("img", name="Records by role and version")
        expect(chart).to_have_count(0)
        publish_one(team, start)
    page.reload()
    expect(chart).to_be_visible()
    page.get_by_text("Figures").click()
    versions = team["Rosa"].api.get("/datasets/postcards").json()["versions"]
    assert [sum(each["roles"].values()) for each in versions] == [14, 10]
    table = page.get_by_role("figure").get_by_role("row")
    roles = [role for role in DatasetRole if any(role in each["roles"] for each in versions)]
    assert [row.split("\t") for row in table.all_inner_texts()] == [
        ["Version", *(word(role, "dataset role") for role in roles)],
        *(
            [f"v{each['version']}", *(str(each["roles"].get(role, 0)) for role in roles)]
            for each in reversed(versions)
        ),
    ]
    stranger = visitors.sign_in("Rita", "/datasets/postcards")
    stranger.expected = ("403",)
    stranger.page.reload()
    expect(stranger.page.get_by_role("heading", level=1)).to_be_visible()
    expect(stranger.page.get_by_role("figure")).to_have_count(0)


def test_a_model_shows_what_it_makes_of_each_class_once_it_is_measured(
    visitors: Visitors, team: Team
) -> None:
    rows: list[dict[str, object]] = [
        {
            "text": f"a telegram about {about}, {role} {place}.{number}",
            "label": label,
            "role": role,
        }
        for place, (role, label, about, times) in enumerate(
            (
                ("train", "parcels", "a parcel", 4),
                ("train", "stamps", "a stamp", 4),
                ("test", "parcels", "a parcel", 5),
                ("test", "parcels", "a stamp", 2),
                ("test", "stamps", "a stamp", 3),
                ("test", "letters", "a stamp", 1),
            )
        )
        for number in range(times)
    ]
    rows += [{"text": f"a telegram about a stamp that nobody has read, {n}"} for n in range(4)]
    labels = ["letters", "parcels", "stamps"]
    team.import_rows("telegrams", "text", rows, labels=labels)
    rosa = team["Rosa"].api
    with rounds_on(team, "telegrams") as start:
        round_id = start(4, reviews=1)
        [before] = rosa.get(f"/rounds/{round_id}/models").json()
        page = visitors.sign_in("Rosa", f"/models/{before['digest']}").page
        expect(page.get_by_text("Not measured")).to_be_visible()
        table = page.get_by_role("table", name="By class")
        expect(table).to_have_count(0)
        review_and_publish(team, round_id)
    page.reload()
    expect(table).to_be_visible()
    found = [row.split("\t") for row in table.get_by_role("row").all_inner_texts()]
    assert found[0] == ["Class", "Precision", "Recall", "F1", "Test records"]
    # A telegram that speaks of a stamp is taken for one about stamps, whatever it is about.
    assert [[text.replace("\xa0", " ") for text in row] for row in found[1:]] == [
        ["letters", "–", "0.0 %", "0.0 %", "1"],
        ["parcels", "100.0 %", "71.4 %", "83.3 %", "7"],
        ["stamps", "50.0 %", "100.0 %", "66.7 %", "3"],
    ]
    after = next(
        each
        for each in rosa.get(f"/rounds/{round_id}/models").json()
        if each["digest"] != before["digest"]
    )
    page.goto(f"/models/{after['digest']}")
    expect(table).to_be_visible()
    audited = team["Olga"].api.post(f"/rounds/{round_id}/verification", timeout=120).json()
    assert audited["findings"] == []


def publish_one(team: Team, start: Callable[..., str]) -> None:
    review_and_publish(team, start(4, reviews=1))


def review_and_publish(team: Team, round_id: str) -> None:
    """Rita finds that everything is about stamps."""
    while task := team.claim("Rita"):
        team.answer("Rita", task, "stamps")
    team.publish(round_id)


def test_what_somebody_chooses_at_the_top_is_how_pages_look(visitors: Visitors) -> None:
    page = visitors.sign_in("Rosa", "/pools").page
    page.locator("summary", has_text="Appearance:").click()
    page.get_by_role("button", name="Dark").click()
    assert page.url.endswith("/pools")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(20, 21, 26)")
