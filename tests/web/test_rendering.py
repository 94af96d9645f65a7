"""What pages are made of, without a browser: addresses, charts, phases, other people's text."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
import typer

from api.catalogues import languages
from api.cli import app
from api.language import speaking
from api.web.charts import bar_chart, interval_chart, line_chart
from api.web.datasets import roles_by_version
from api.web.guidelines import rendered
from api.web.rendering import HERE
from domain.canonical import Sha256
from domain.ids import AccountId, RoundId, Timestamp
from storage.datasets import DatasetVersion

TEMPLATE_NAMES = sorted(path.name for path in (HERE / "templates").glob("*.html"))


def test_a_chart_is_named_takes_its_colours_from_the_page_and_says_its_figures() -> None:
    chart = interval_chart(
        [("Before", "var(--before)", {"low": 0.2, "value": 0.25, "high": 0.3})],
        title="Metric <before>",
    )
    assert 'role="img" aria-label="Metric &lt;before&gt;"' in chart
    assert "var(--before)" in chart
    assert "<title>Before: 25.0 % (20.0 % – 30.0 %)</title>" in chart.replace("\xa0", " ")
    assert "style=" not in chart


def test_a_chart_writes_figures_as_its_language_does() -> None:
    rows = [{"name": "all", "value": 12_000}]
    assert ">10,000<" in bar_chart(rows, title="Records")
    with speaking(languages()["de"]):
        assert ">10.000<" in bar_chart(rows, title="Einträge")
        days = [{"at": f"2026-05-{day:02}T00:00:00Z", "value": day} for day in (1, 9)]
        assert ">3 Mai<" in line_chart(days, title="Antworten", over="Tag", temporal=True)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '" onload="alert(1)'])
def test_names_in_a_chart_stay_text(name: str) -> None:
    chart = bar_chart([{"name": name, "value": 1}], title=name)
    made = ET.fromstring(chart)  # noqa: S314 - our own
    assert all(
        element.tag != "script" and not any(key.startswith("on") for key in element.attrib)
        for element in made.iter()
    )
    assert name in "".join(made.itertext())


def published(version: int, **roles: int) -> DatasetVersion:
    digest = Sha256("0" * 64)
    return DatasetVersion(
        dataset="letters",
        version=version,
        digest=digest,
        parent_version=version - 1 or None,
        round_id=RoundId(f"r{version}"),
        manifest={},
        manifest_sha256=digest,
        path="",
        rows=sum(roles.values()),
        roles=roles,
        ledger_head=digest,
        approved_by=AccountId("paul"),
        published_at=Timestamp("2026-01-01T00:00:00Z"),
    )


def test_roles_are_shown_from_version_to_version_without_those_that_no_record_has() -> None:
    first, second = published(1, train=1_200, held=3), published(2, train=1_300, test=40, held=0)
    assert roles_by_version([]) is None
    assert roles_by_version([first]) is None
    assert roles_by_version([published(2), published(1)]) is None
    figure = roles_by_version([second, first])
    assert figure is not None
    assert figure.heads == ["Version", "train", "test", "held"]
    assert figure.rows == [["v1", "1,200", "0", "3"], ["v2", "1,300", "40", "0"]]
    said = re.findall("<title>(.*?)</title>", figure.svg)
    assert sorted(said) == ["v1, held: 3", "v1, train: 1,200", "v2, test: 40", "v2, train: 1,300"]
    with speaking(languages()["de"]):
        told = roles_by_version([second, first])
    assert told is not None
    assert told.heads == ["Version", "Training", "Test", "zurückgehalten"]
    assert told.rows[0] == ["v1", "1.200", "0", "3"]


def test_of_many_versions_the_latest_are_drawn() -> None:
    figure = roles_by_version([published(number, train=number) for number in range(40, 0, -1)])
    assert figure is not None
    assert figure.caption == "Records by role in the latest versions"
    assert [row[0] for row in figure.rows] == [f"v{number}" for number in range(25, 41)]


def test_charts_on_one_page_share_no_ids() -> None:
    one, other = (
        line_chart([{"at": 1, "value": value}, {"at": 2, "value": 2}], title="Answers", over="day")
        for value in (1, 3)
    )
    assert not set(re.findall(r'id="([^"]*)"', one)) & set(re.findall(r'id="([^"]*)"', other))


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("<script>alert(1)</script>", "<script"),
        ("<img src=x onerror=alert(1)>", "<img"),
        ("[click](javascript:alert(1))", "href"),
        ("![pixel](https://example.org/pixel.png)", "<img"),
    ],
)
def test_a_guideline_brings_no_code_and_fetches_nothing(text: str, absent: str) -> None:
    assert absent not in rendered(text)


def test_a_guideline_is_markdown() -> None:
    assert "<em>ambiguous</em>" in rendered("say that it is *ambiguous*")


@pytest.mark.parametrize("template", TEMPLATE_NAMES)
def test_commands_that_pages_name_are_there(template: str) -> None:
    for named in re.findall(
        r"<code>labelwright ((?:[a-z-]+ ?)+)", (HERE / "templates" / template).read_text()
    ):
        command = typer.main.get_command(app)
        for word in named.split():
            if not isinstance(command, typer.core.TyperGroup):
                break  # what follows is for the command itself
            assert word in command.commands, named
            command = command.commands[word]
