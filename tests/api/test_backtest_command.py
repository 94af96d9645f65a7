"""`labelwright backtest` at a terminal: figures, words, a page, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.api.offline_files import POLICY, Outcome, Terminal
from tests.learning.products import product_pairs

SHARES = ("0.90", "0.95", "0.99")


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """120 records of three classes and two regions, in every form that a backtest reads."""

    path: Path
    terminal: Terminal

    @property
    def labels(self) -> list[str]:
        return [("red", "green", "blue")[place % 3] for place in range(120)]

    @property
    def table(self) -> dict[str, Sequence[Any]]:
        rng = np.random.default_rng(4)
        words = {"red": "invoice payment", "green": "crash error", "blue": "parcel delivery"}
        return {
            "ref": [f"t{place:03d}" for place in range(120)],
            "colour": self.labels,
            "body": [f"{words[label]} number {place}" for place, label in enumerate(self.labels)],
            "region": ["north" if place % 4 else "south" for place in range(120)],
            "warmth": [
                {"red": 2.0, "green": 0.0, "blue": -2.0}[label] + rng.normal()
                for label in self.labels
            ],
            "shape": [f"shape-{'red' in label}" for label in self.labels],
        }

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.write_text(text, encoding="utf-8")
        return file

    def csv(self, **changes: Sequence[Any]) -> Path:
        file = self.path / "data.csv"
        pa.csv.write_csv(pa.table(self.table | changes), file)
        return file

    def features(self) -> Path:
        rng = np.random.default_rng(5)
        places = [place % 3 for place in range(120)]
        file = self.path / "X.npy"
        np.save(file, np.eye(6)[places] + 0.5 * rng.normal(size=(120, 6)))
        return file

    def backtest(self, data: Path, *more: object) -> Outcome:
        plan = ("--batch", 6, "--rounds", 3, "--seeds", 2, "--label-column", "colour")
        policy = self.write("policy.yaml", POLICY)
        return self.terminal.run("backtest", data, "--policy", policy, *plan, *more)


@pytest.fixture
def labelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Labelled:
    return Labelled(path=tmp_path, terminal=Terminal(monkeypatch=monkeypatch, capture=capsys))


# -- figures ----------------------------------------------------------------------------------


def test_json_has_the_curve_and_the_labels_needed_of_each_strategy(labelled: Labelled) -> None:
    told = labelled.backtest(
        labelled.csv(),
        *("--features", labelled.features(), "--segment-column", "region", "--json"),
        *("--baseline", "random", "--baseline", "stratified", "--baseline", "margin"),
    ).json
    assert list(told["strategies"]) == ["tested", "random", "stratified", "margin"]
    assert 0.5 < told["full"] <= 1.0
    for part in (told, told["macro_f1"], *told["segments"].values()):
        for strategy in part["strategies"].values():
            assert [point["labels"] for point in strategy["curve"]] == [6, 12, 18]
            for point in strategy["curve"]:
                assert 0.0 <= point["low"] <= point["mean"] <= point["high"] <= 1.0
            assert tuple(strategy["labels_to"]) == SHARES
            for share, labels in strategy["labels_to"].items():
                reached = [
                    point["labels"]
                    for point in strategy["curve"]
                    if point["mean"] >= float(share) * part["full"] - 1e-6
                ]
                assert labels == (reached[0] if reached else None)
        assert list(part["savings"]) == ["random", "stratified", "margin"]
    assert list(told["segments"]) == ["north", "south"]
    assert told["sentence"].startswith("With tested you would")


def test_the_same_files_and_seeds_give_the_same_figures(labelled: Labelled) -> None:
    arguments = (labelled.csv(), "--features", labelled.features(), "--json", "--error-rate", 0.1)
    one, again = (labelled.backtest(*arguments) for _ in range(2))
    assert one.out == again.out
    other = labelled.backtest(*arguments, "--seed", 7)
    assert other.json["strategies"] != one.json["strategies"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_every_format_gives_the_same_figures(labelled: Labelled, form: str) -> None:
    expected = labelled.backtest(labelled.csv(), "--text-column", "body", "--json").json
    table = pa.table(labelled.table)
    file = labelled.path / f"other.{form}"
    match form:
        case "csv":
            pa.csv.write_csv(table, file)
        case "jsonl":
            file.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
        case _:
            pq.write_table(table, file)
    found = labelled.backtest(file, "--text-column", "body", "--json").json
    assert found["strategies"] == expected["strategies"]


def test_the_order_of_the_rows_is_no_matter_where_records_have_ids(labelled: Labelled) -> None:
    order = np.random.default_rng(1).permutation(120)
    turned = {name: [values[place] for place in order] for name, values in labelled.table.items()}
    options = ("--text-column", "body", "--id-column", "ref", "--json")
    one = labelled.backtest(labelled.csv(), *options).json
    other = labelled.backtest(labelled.csv(**turned), *options).json
    assert one["strategies"] == other["strategies"]


def test_columns_are_learned_from_where_there_is_no_text(labelled: Labelled) -> None:
    only_numbers = labelled.csv(shape=["same"] * 120, body=[""] * 120, ref=["x"] * 120)
    told = labelled.backtest(only_numbers, "--json").json
    assert told["full"] > 0.6
    one_column = labelled.backtest(only_numbers, "--feature-column", "shape", "--json").json
    # It says nothing about the class.
    assert one_column["full"] < 0.5


def test_the_label_itself_is_never_learned_from(labelled: Labelled) -> None:
    noise = np.random.default_rng(0).normal(size=120).tolist()
    told = labelled.backtest(
        labelled.csv(warmth=noise, shape=["x"] * 120, body=["x"] * 120, ref=["x"] * 120), "--json"
    ).json
    assert told["full"] < 0.6


def test_a_policy_may_be_the_baseline(labelled: Labelled) -> None:
    told = labelled.backtest(
        labelled.csv(), "--text-column", "body", "--baseline", "cold-start", "--json"
    ).json
    assert list(told["strategies"]) == ["tested", "cold-start"]
    clash = labelled.backtest(
        labelled.csv(), "--text-column", "body", "--baseline", labelled.path / "policy.yaml"
    )
    assert clash.code == 1
    assert "are called “tested”" in clash.said


# -- words and the page -----------------------------------------------------------------------


def test_people_read_the_answer_first(labelled: Labelled) -> None:
    shown = labelled.backtest(labelled.csv(), "--text-column", "body", "--segment-column", "region")
    assert shown.code == 0, shown.said
    first = shown.out.splitlines()[0]
    assert re.match(
        r"With tested you would (not )?reach 95 % of the accuracy that all \d+ labels", first
    )
    assert "labels needed for" in shown.out
    assert "accuracy after so many labels" in shown.out
    assert "labels to 95 % in" in shown.out


class Page(HTMLParser):
    """What a browser would load or run, and how often each element is there."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: dict[str, int] = {}
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] = self.elements.get(tag, 0) + 1
        self.addresses += [
            value or "" for name, value in attrs if name in {"src", "href", "srcset", "action"}
        ]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_holds_everything_and_asks_nobody(labelled: Labelled) -> None:
    out = labelled.path / "report.html"
    odd = ["<script>alert(1)</script>" if place % 4 else "south & east" for place in range(120)]
    result = labelled.backtest(
        labelled.csv(region=odd),
        *("--text-column", "body", "--segment-column", "region", "--out", out, "--json"),
        *("--first-policy", "cold-start"),
    )
    told = result.json
    assert told["remarks"][0] == "The first round follows cold-start."
    html = out.read_text(encoding="utf-8")
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.elements)
    assert page.addresses == []
    # What refers to anything refers to the page itself, and to one thing in it.
    assert re.findall(r"url\((?!#)", html) == []
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) > 0
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(ids)
    # Accuracy and macro-F1, for a screen and for a phone, and one chart a segment.
    assert html.count('role="img"') == 6
    words = " ".join(" ".join(page.texts).split())
    assert told["sentence"] in words
    assert "<script>alert(1)</script>" in words
    assert f"labelwright backtest {labelled.path / 'data.csv'}" in words
    assert "4 of 6, uncertain: records like many others that the model is unsure of" in words
    assert "In the first round instead: cold-start" in words


def test_a_page_that_is_there_is_kept_unless_forced(labelled: Labelled) -> None:
    out = labelled.write("report.html", "precious")
    arguments = (labelled.csv(), "--text-column", "body", "--out", out)
    refused = labelled.backtest(*arguments)
    assert refused.code == 1
    assert "--force" in refused.said
    assert out.read_text() == "precious"
    assert labelled.backtest(*arguments, "--force").code == 0
    assert out.read_text().startswith("<!doctype html>")


# -- unusual and bad input --------------------------------------------------------------------


def test_rows_without_a_label_or_a_text_are_left_out_and_counted(labelled: Labelled) -> None:
    labels = [None if place < 10 else label for place, label in enumerate(labelled.labels)]
    body = ["  " if 10 <= place < 13 else f"text {place}" for place in range(120)]
    told = labelled.backtest(
        labelled.csv(colour=labels, body=body), "--text-column", "body", "--json"
    ).json
    assert (told["data"]["rows"], told["data"]["records"]) == (120, 107)
    assert told["remarks"][:2] == [
        "10 of 120 rows without a label were left out.",
        "3 of 120 rows without a text were left out.",
    ]


def test_a_class_of_one_record_is_told(labelled: Labelled) -> None:
    labels = ["mauve", *labelled.labels[1:]]
    told = labelled.backtest(labelled.csv(colour=labels), "--text-column", "body", "--json").json
    assert told["data"]["classes_of_one_record"] == ["mauve"]
    assert "1 class has a single record (mauve)" in " ".join(told["remarks"])


def refused(outcome: Outcome, code: str, *words: str) -> None:
    assert outcome.code == 1, outcome.out
    error = json.loads(outcome.said.splitlines()[-1])["error"]
    assert error["code"] == code
    for word in words:
        assert word in f"{error['message']} {error['hint']}"


def test_pairs_are_learned_from_by_both_sides(labelled: Labelled) -> None:
    pairs = product_pairs(120, seed=6)
    file = labelled.path / "pairs.csv"
    pa.csv.write_csv(pa.Table.from_pylist(pairs.flat(label="colour")), file)
    told = labelled.backtest(file, "--pairs", "--json").json
    assert told["data"]["classes"] == ["different", "same"]
    assert told["full"] > 0.8
    without = labelled.backtest(labelled.csv(), "--pairs", "--json")
    refused(without, "missing_column", "neither the columns “left” and “right”")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_set_of_labels_is_one_class_whatever_order_it_is_written_in(
    labelled: Labelled, form: str
) -> None:
    sets = [(["red", "warm"], ["warm", "red"], ["blue"], [])[place % 4] for place in range(120)]
    table = labelled.table | {"colour": sets}
    file = labelled.path / f"sets.{form}"
    if form == "parquet":
        pq.write_table(pa.table(table), file)
    else:
        cells = [";".join(each) or "(none)" for each in sets]
        pa.csv.write_csv(pa.table(table | {"colour": cells}), file)
    several = ("--label-separator", ";") if form == "csv" else ()
    told = labelled.backtest(file, "--text-column", "body", *several, "--json").json
    assert told["data"]["classes"] == ["(none)", "blue", "red|warm"]


def test_what_cannot_be_replayed_is_refused_by_name(labelled: Labelled) -> None:
    def run(data: Path, *more: object) -> Outcome:
        return labelled.backtest(data, "--text-column", "body", *more, "--json")

    refused(run(labelled.csv(colour=["red"] * 120)), "invalid_training", "all are “red”")
    refused(run(labelled.csv(colour=[""] * 120)), "empty_pool", "no row", "“colour”")
    refused(run(labelled.csv(), "--batch", 90), "batch_exceeds_pool", "only 84 of 120 are left")
    refused(run(labelled.csv(), "--error-rate", 1.2), "invalid_input", "--error-rate")
    refused(run(labelled.csv(), "--test-share", 0), "invalid_input", "--test-share")
    refused(
        run(labelled.csv(), "--features", labelled.features()),
        "invalid_input",
        "not from two of them",
    )
    refused(run(labelled.csv(), "--segment-column", "area"), "missing_column", "“area”", "region")
    refused(run(labelled.csv(), "--baseline", "best"), "unreadable_file", "best")
    refused(run(labelled.write("empty.csv", "")), "unreadable_file", "empty")
    refused(run(labelled.path / "nowhere.csv"), "unreadable_file", "nowhere.csv")
    twice = labelled.csv(ref=["same"] * 120)
    refused(run(twice, "--id-column", "ref"), "invalid_scores", "“same” is there twice")


def test_features_of_another_length_are_refused(labelled: Labelled) -> None:
    short = labelled.path / "short.npy"
    np.save(short, np.ones((7, 3)))
    outcome = labelled.backtest(labelled.csv(), "--features", short, "--json")
    refused(outcome, "invalid_scores", "short.npy has 7 rows", "data.csv has 120")


def test_a_policy_that_filters_by_a_column_that_is_not_there_is_refused(
    labelled: Labelled,
) -> None:
    data = labelled.csv()
    policy = labelled.write("other.yaml", POLICY + "exclusions: {where: market == 'x'}\n")
    outcome = labelled.backtest(data, "--text-column", "body", "--policy", policy, "--json")
    refused(outcome, "missing_column", "“market”", "region")
