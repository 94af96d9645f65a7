"""What pages are made of, without a browser: addresses, charts, phases, other people's text."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.web.charts import interval_chart
from api.web.desk import rendered
from api.web.session import safe_path

SHARES = st.floats(min_value=0.0, max_value=1.0)


@given(st.text(max_size=60))
def test_no_next_address_leads_to_another_host(path: str) -> None:
    # Browsers drop tabs and line breaks and read a backslash as a slash.
    as_read = safe_path(path).replace("\\", "/").replace("\t", "").replace("\n", "")
    assert urlsplit(urljoin("http://here/sign-in", as_read)).netloc == "here"


@pytest.mark.parametrize("path", ["/review", "/rounds/a-1/approval?show=all", "/"])
def test_an_address_of_ours_is_kept(path: str) -> None:
    assert safe_path(path) == path


@given(st.lists(st.tuples(SHARES, SHARES, SHARES), min_size=1, max_size=4))
def test_every_interval_lies_between_the_first_and_the_last_tick(
    drawn: list[tuple[float, float, float]],
) -> None:
    estimates = []
    for three in drawn:
        low, value, high = sorted(three)
        estimates.append(("a model", "after", {"low": low, "value": value, "high": high}))
    chart = interval_chart(estimates)
    first, last = chart.ticks[0].x, chart.ticks[-1].x
    for whisker in chart.whiskers:
        assert first - 0.01 <= whisker.x_low <= whisker.x <= whisker.x_high <= last + 0.01


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
