"""`labelwright select` at a terminal, on files as people have them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.offline import batch_file
from api.offline.policies import load
from domain.ids import RecordId
from domain.selections import Selection
from tests.api.offline_files import POLICY, WITH_LIMIT, PoolFolder, Terminal


@pytest.fixture
def pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> PoolFolder:
    folder = PoolFolder(path=tmp_path, terminal=Terminal(monkeypatch=monkeypatch, capture=capsys))
    folder.prepare()
    return folder


# -- what comes out ---------------------------------------------------------------------------


def test_a_batch_says_of_each_record_which_arm_took_it_and_why(pool: PoolFolder) -> None:
    result = pool.select("--metadata", pool.metadata(), ids="id", classes="red,green,blue")
    assert result.code == 0, result.said
    batch = pool.batch()
    assert batch.column_names == [
        *("ordinal", "record_id", "arm", "rank", "score", "propensity", "reason", "predicted"),
        "row",
    ]
    rows = batch.to_pylist()
    assert [row["ordinal"] for row in rows] == list(range(20))
    assert [row["record_id"] for row in rows] == [f"r{row['row']:03d}" for row in rows]
    random = [row for row in rows if row["arm"] == "random"]
    assert [row["propensity"] for row in random] == [0.04] * 4
    assert all(row["score"] is not None for row in rows if row["arm"] == "uncertain")
    likeliest = pool.probabilities().argmax(axis=1)
    for row in rows:
        assert row["predicted"] == ("red", "green", "blue")[likeliest[row["row"]]]
        assert row["reason"]


def test_the_file_names_the_policy_that_it_follows(pool: PoolFolder) -> None:
    told = pool.select("--json", "--turn", 3).json
    policy = load(str(pool.path / "policy.yaml"))
    metadata = pool.batch().schema.metadata
    assert metadata[b"labelwright.policy_digest"].decode() == policy.digest
    assert metadata[b"labelwright.batch_digest"].decode() == told["batch_digest"]
    assert metadata[b"labelwright.turn"] == b"3"
    assert told["policy"] == {"name": "tested", "digest": policy.digest}


def test_all_formats_hold_the_same_batch(pool: PoolFolder) -> None:
    for name in ("batch.parquet", "batch.csv", "batch.jsonl"):
        assert pool.select(out=pool.path / name).code == 0
    expected = [row["record_id"] for row in pool.batch().to_pylist()]
    with (pool.path / "batch.csv").open() as file:
        as_csv = list(csv.DictReader(file))
    as_json = [json.loads(line) for line in (pool.path / "batch.jsonl").read_text().splitlines()]
    digest = load(str(pool.path / "policy.yaml")).digest
    for rows in (as_csv, as_json):
        assert [row["record_id"] for row in rows] == expected
        assert {row["policy_digest"] for row in rows} == {digest}


def test_a_csv_holds_no_formula_and_the_exact_formats_are_exact(tmp_path: Path) -> None:
    """The ids come from strangers, and a spreadsheet runs what begins like a formula."""
    ids = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "plain",
        "a=b",
        "'=1",
        '=a","=b',
        "a\n=1",
    ]
    chosen = [
        Selection(
            ordinal=place,
            record_id=RecordId(record_id),
            arm="random",
            rank=place,
            score=-0.5,
            propensity=0.5,
            reason="random",
        )
        for place, record_id in enumerate(ids)
    ]
    table = batch_file.batch_table(chosen, list(range(len(ids))), said={})
    for suffix in ("csv", "jsonl", "parquet"):
        batch_file.write(table, tmp_path / f"b.{suffix}", policy_digest="d", force=False)
    with (tmp_path / "b.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for record_id, row in zip(ids, rows, strict=True):
        assert row["record_id"].removeprefix("'") == record_id.removeprefix("'")
        assert row["record_id"][0] not in "=+-@\t\r"
        assert row["score"] == "-0.5"
    exact = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert [row["record_id"] for row in exact] == ids
    assert pq.read_table(tmp_path / "b.parquet")["record_id"].to_pylist() == ids


def test_json_has_everything(pool: PoolFolder) -> None:
    told = pool.select("--json").json
    assert len(told["selections"]) == 20
    assert told["pool"] == 100
    assert told["gates_passed"] is True
    assert {"excluded", "shortfalls", "composition", "gates", "alarms", "notes"} <= set(
        told["findings"]
    )


def test_people_see_arms_composition_and_the_first_records(pool: PoolFolder) -> None:
    shown = pool.select()
    assert "20 of 100 records chosen by tested" in shown.out
    assert "records like many others" in shown.out
    assert "batch against pool" in shown.out
    assert "and 10 more in the file" in shown.said
    assert "nobody looked whether this policy is approved" in shown.said


def test_the_order_of_the_rows_does_not_change_the_batch(pool: PoolFolder) -> None:
    ids = [f"r{place:03d}" for place in range(100)]
    pool.write("ids.txt", "\n".join(ids) + "\n")
    straight = pool.select("--json", ids=pool.path / "ids.txt").json
    order = np.random.default_rng(3).permutation(100)
    pool.save("X.npy", pool.embeddings()[order])
    pool.save("P.npy", pool.probabilities()[order])
    pool.write("ids.txt", "".join(f"{ids[place]}\n" for place in order))
    mixed = pool.select("--json", "--force", ids=pool.path / "ids.txt").json

    assert mixed["batch_digest"] == straight["batch_digest"]
    assert "takes a copy in memory" in " ".join(mixed["remarks"])
    for row in mixed["selections"]:
        assert row["record_id"] == ids[order[row["row"]]]


def test_rows_of_any_length_and_precision_give_the_batch_of_their_directions(
    pool: PoolFolder,
) -> None:
    unit = pool.select("--json").json
    lengths = np.linspace(0.1, 50.0, 100)[:, None]
    pool.save("X.npy", pool.embeddings().astype(np.float64) * lengths)
    pool.save("P.npy", np.asfortranarray(pool.probabilities().astype(np.float64)))
    scaled = pool.select("--json", "--force").json
    assert [row["record_id"] for row in scaled["selections"]] == [
        row["record_id"] for row in unit["selections"]
    ]
    remarks = " ".join(scaled["remarks"])
    assert "brought to length one" in remarks
    assert "converted to float32" in remarks


def test_what_is_labelled_or_kept_for_tests_is_not_chosen_again(pool: PoolFolder) -> None:
    pool.save("L.npy", pool.embeddings()[:40])
    pool.write("labels.txt", "red\n" * 40)
    pool.save("T.npy", pool.embeddings()[40:60])
    told = pool.select(
        "--json",
        labelled_embeddings=pool.path / "L.npy",
        labels=pool.path / "labels.txt",
        test_embeddings=pool.path / "T.npy",
    ).json
    assert told["findings"]["excluded"] == {
        "nearly the same as a labelled record": 40,
        "nearly the same as a test record": 20,
    }
    assert min(row["row"] for row in told["selections"]) >= 60


def test_labelled_records_are_compared_by_their_metadata_and_those_for_tests_are_not(
    pool: PoolFolder,
) -> None:
    pool.save("L.npy", -pool.embeddings()[:2])
    pool.write("L.csv", "label,language\nred,de\ngreen,fr\n")
    told = pool.select(
        "--json",
        metadata=pool.metadata(),
        labelled_embeddings=pool.path / "L.npy",
        labelled_metadata=pool.path / "L.csv",
        test_embeddings=pool.save("T.npy", -pool.embeddings()[2:5]),
        test_metadata=pool.write("T.csv", "language,shelf\nen,1\nen,2\n,3\n"),
    ).json
    [language] = [each for each in told["findings"]["composition"] if each["column"] == "language"]
    # “fr” is no value of the pool.
    labelled = dict(zip(language["values"], language["labelled"], strict=True))
    assert labelled == {"en": 0, "de": 1, "other": 1, "missing": 0}


def test_texts_that_are_nearly_the_same_are_chosen_once(pool: PoolFolder) -> None:
    long = "the parcel arrived two weeks late and the box was open "
    texts = [
        long + ("!" * place if place < 50 else f"case {place * 7919}" * 9) for place in range(100)
    ]
    told = pool.select(
        "--json", "--text-column", "body", "--records", 40, metadata=pool.metadata(body=texts)
    ).json
    # The random arm is a fair draw: it alone may repeat a text.
    alike = [row for row in told["selections"] if row["row"] < 50 and row["arm"] != "random"]
    assert len(alike) <= 1


def test_a_committee_and_earlier_models_become_signals(pool: PoolFolder) -> None:
    pool.write("policy.yaml", POLICY.replace("kind: uncertain", "kind: disagreement"))
    members = np.stack([pool.probabilities(), pool.probabilities()[::-1]], axis=1)
    with_both = pool.select(
        "--json",
        committee=pool.save("C.npy", members),
        earlier=pool.save("P0.npy", pool.probabilities()[::-1]),
    ).json
    without = pool.select("--json", "--force").json
    assert not [note for note in with_both["findings"]["notes"] if "not known" in note]
    assert len([note for note in without["findings"]["notes"] if "not known" in note]) == 2


# -- gates, limits, files ---------------------------------------------------------------------


def test_a_failed_gate_writes_the_batch_and_ends_with_three(pool: PoolFolder) -> None:
    pool.write("policy.yaml", POLICY + "gates:\n  - {measure: random_share, at_least: 0.5}\n")
    result = pool.select()
    assert result.code == 3
    assert "FAILED" in result.out
    assert "somebody should decide" in result.said
    assert pool.batch().num_rows == 20
    assert pool.select("--force", "--json").json["gates_passed"] is False


def test_a_limit_that_cannot_be_kept_is_shown_or_stops_as_the_policy_says(
    pool: PoolFolder,
) -> None:
    metadata = pool.metadata()
    pool.write("policy.yaml", WITH_LIMIT)
    relaxed = pool.select(metadata=metadata)
    assert relaxed.code == 0
    assert "at least 15 with language = de" in relaxed.out

    pool.write("policy.yaml", WITH_LIMIT + "when_impossible: stop\n")
    stopped = pool.select(metadata=metadata, out=pool.path / "other.parquet")
    assert stopped.code == 1
    assert "at least 15 with language = de: 10" in stopped.said
    assert not (pool.path / "other.parquet").exists()


def test_a_file_that_is_there_is_kept_unless_forced(pool: PoolFolder) -> None:
    pool.write("batch.parquet", "precious")
    refused = pool.select()
    assert refused.code == 1
    assert "is there already" in refused.said
    assert "--force" in refused.said
    assert (pool.path / "batch.parquet").read_text() == "precious"
    assert pool.select("--force").code == 0
    assert pool.batch().num_rows == 20
    # Nothing but the batch is left behind.
    assert not [file for file in pool.path.iterdir() if file.name.startswith(".")]


@pytest.mark.parametrize("out", ["batch.xlsx", "nowhere/batch.parquet"])
def test_a_target_that_cannot_be_written_is_told_before_any_work(
    pool: PoolFolder, out: str
) -> None:
    result = pool.select(out=pool.path / out, embeddings=pool.path / "not-there.npy")
    assert result.code == 1
    assert "not-there" not in result.said


def test_a_ready_made_policy_is_followed_by_its_name(pool: PoolFolder) -> None:
    told = pool.select("--json", "--records", 30, policy="cold-start", probabilities=None).json
    assert told["policy"]["name"] == "cold-start"
    assert len(told["selections"]) == 30
    assert "goes without a model" in " ".join(told["remarks"])


# -- what is unusual and works ----------------------------------------------------------------


def test_equal_scores_give_a_batch_and_a_word_about_it(pool: PoolFolder) -> None:
    pool.save("P.npy", np.full((100, 4), 0.25, dtype=np.float32))
    told = pool.select("--json").json
    assert len({row["record_id"] for row in told["selections"]}) == 20
    assert "uncertainty tells none from another" in " ".join(told["remarks"])


def test_one_class_gives_a_batch_and_a_word_about_it(pool: PoolFolder) -> None:
    pool.save("P.npy", np.ones((100, 1), dtype=np.float32))
    told = pool.select("--json").json
    assert len(told["selections"]) == 20
    assert "one class only" in " ".join(told["remarks"])


def test_nothing_labelled_gives_a_batch_and_a_word_about_it(pool: PoolFolder) -> None:
    assert "Nothing is labelled" in " ".join(pool.select("--json").json["remarks"])


def test_rows_of_zeros_are_counted(pool: PoolFolder) -> None:
    rows = pool.embeddings()
    rows[:7] = 0.0
    pool.save("X.npy", rows)
    assert "7 embeddings are all zeros" in " ".join(pool.select("--json").json["remarks"])


def test_sums_within_a_thousandth_of_one_pass(pool: PoolFolder) -> None:
    pool.save("P.npy", pool.probabilities() * np.float32(1.0009))
    assert pool.select().code == 0


# -- bad input --------------------------------------------------------------------------------


def refused(pool: PoolFolder, code: str, *words: str, **changes: object) -> None:
    """The command ends with 1, the named error and these words; nothing is written."""
    told = pool.select("--json", **changes)
    assert told.code == 1
    error = json.loads(told.said.splitlines()[-1])["error"]
    assert error["code"] == code
    assert error["data"] == "Nothing was changed."
    for word in words:
        assert word in f"{error['message']} {error['hint']}"
    assert not (pool.path / "batch.parquet").exists()


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (np.nan, "NaN"),
        (np.inf, "infinity"),
        (-0.25, "negative number"),
        (0.8, "add up to"),
        (1.5, "above 1"),
    ],
)
def test_probabilities_that_are_none_name_their_row(
    pool: PoolFolder, value: float, word: str
) -> None:
    rows = pool.probabilities()
    rows[57] = [0.05, 0.05, value]
    pool.save("P.npy", rows)
    refused(pool, "invalid_scores", "row 57 of P.npy", word)


def test_the_row_is_the_files_own_when_records_are_put_in_order(pool: PoolFolder) -> None:
    rows = pool.probabilities()
    rows[57, 0] = np.nan
    pool.save("P.npy", rows)
    pool.write("ids.txt", "".join(f"r{99 - place:03d}\n" for place in range(100)))
    refused(pool, "invalid_scores", "row 57 of P.npy", ids=pool.path / "ids.txt")


def test_a_committees_faulty_member_is_named(pool: PoolFolder) -> None:
    pool.write("policy.yaml", POLICY.replace("kind: uncertain", "kind: disagreement"))
    members = np.stack([pool.probabilities()] * 3, axis=1)
    members[12, 2] = 0.0
    committee = pool.save("C.npy", members)
    refused(pool, "invalid_scores", "row 12, member 2 of C.npy", committee=committee)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_embeddings_that_are_no_numbers_name_their_row(pool: PoolFolder, value: float) -> None:
    rows = pool.embeddings().astype(np.float64)
    rows[31, 2] = value
    pool.save("X.npy", rows)
    refused(pool, "invalid_scores", "row 31 of X.npy")


@pytest.mark.parametrize("option", ["embeddings", "probabilities"])
def test_whole_numbers_are_refused(pool: PoolFolder, option: str) -> None:
    file = pool.save("whole.npy", np.ones((100, 6), dtype=np.int8))
    refused(pool, "invalid_scores", "whole.npy holds int8", "floating-point", **{option: file})


@pytest.mark.parametrize("option", ["embeddings", "probabilities"])
def test_an_array_of_one_dimension_is_refused(pool: PoolFolder, option: str) -> None:
    file = pool.save("flat.npy", np.ones(100, dtype=np.float32))
    refused(pool, "invalid_scores", "flat.npy has shape (100,)", **{option: file})


def test_labelled_embeddings_of_another_width_are_refused(pool: PoolFolder) -> None:
    other = pool.save("L.npy", np.ones((4, 5), dtype=np.float32))
    for option in ("labelled_embeddings", "test_embeddings"):
        refused(pool, "invalid_scores", "L.npy has 5 dimensions", "have 6", **{option: other})


def test_files_of_other_lengths_are_refused(pool: PoolFolder) -> None:
    short = pool.save("short.npy", pool.probabilities()[:90])
    refused(pool, "invalid_scores", "short.npy has 90 rows", "X.npy has 100", probabilities=short)
    lines = pool.write("ids.txt", "a\nb\n")
    refused(pool, "invalid_scores", "has 2 rows", ids=lines)
    metadata = replace(pool, count=99).metadata()
    refused(pool, "invalid_scores", "M.parquet has 99 rows", metadata=metadata)
    labelled = pool.save("L.npy", pool.embeddings()[:3])
    labels = pool.write("labels.txt", "a\n")
    refused(pool, "invalid_scores", "1 lines for 3", labelled_embeddings=labelled, labels=labels)


def test_ids_that_repeat_or_are_missing_name_their_rows(pool: PoolFolder) -> None:
    names = [f"r{place}" for place in range(100)]
    names[70] = "r20"
    twice = pool.write("ids.txt", "\n".join(names))
    refused(pool, "invalid_scores", "“r20” is there twice", "rows 20 and 70", ids=twice)
    names[70] = "  "
    blank = pool.write("ids.txt", "\n".join(names))
    refused(pool, "invalid_scores", "row 70", "no record id", ids=blank)


def test_a_pool_smaller_than_the_batch_is_refused(pool: PoolFolder) -> None:
    pool.save("X.npy", pool.embeddings()[:12])
    pool.save("P.npy", pool.probabilities()[:12])
    refused(pool, "batch_exceeds_pool", "wants 20 records and the pool has 12")


def test_a_column_that_is_not_there_is_named_with_those_that_are(pool: PoolFolder) -> None:
    pool.write("policy.yaml", WITH_LIMIT.replace("language", "market"))
    refused(pool, "missing_column", "“market”", "--metadata")
    refused(pool, "missing_column", "“market”", "id, language", metadata=pool.metadata())
    pool.write("policy.yaml", POLICY)
    refused(pool, "missing_column", "“ref”", metadata=pool.metadata(), ids="ref")
    refused(pool, "missing_column", "“body”", metadata=pool.metadata(), text_column="body")
    refused(pool, "invalid_input", "“ref”", ids="ref")


def test_classes_are_as_many_as_columns_and_each_its_own(pool: PoolFolder) -> None:
    refused(pool, "invalid_scores", "3 columns, and 2 classes", classes="a,b")
    refused(pool, "invalid_scores", "named twice", classes="a,b,a")


@pytest.mark.parametrize("shape", [(0, 6), (100, 0)])
def test_an_empty_pool_is_refused(pool: PoolFolder, shape: tuple[int, int]) -> None:
    pool.save("X.npy", np.zeros(shape, dtype=np.float32))
    refused(pool, "empty_pool", "there is no record")


def test_files_that_cannot_be_read_are_named(pool: PoolFolder) -> None:
    refused(pool, "unreadable_file", "nowhere.npy", embeddings=pool.path / "nowhere.npy")
    refused(pool, "unreadable_file", "numpy.save", embeddings=pool.write("empty.npy", ""))
    refused(pool, "unreadable_file", "numpy.save", embeddings=pool.write("text.npy", "1,2\n3,4\n"))
    pickled = pool.save("objects.npy", np.array([[None, 1]], dtype=object))
    refused(pool, "invalid_scores", "holds object", embeddings=pickled)
    whole = (pool.path / "X.npy").read_bytes()
    (pool.path / "cut.npy").write_bytes(whole[:-10])
    refused(pool, "unreadable_file", "cut off", embeddings=pool.path / "cut.npy")
    for name, text in (("M.csv", ""), ("M.csv", 'a,b\n"1'), ("M.jsonl", "{}\nno\n")):
        refused(pool, "unreadable_file", name, metadata=pool.write(name, text))
    refused(pool, "unreadable_file", "M.parquet", metadata=pool.write("M.parquet", "PAR1 and no"))
    refused(pool, "unreadable_file", "growing", policy=pool.path / "nowhere.yaml")


def test_every_fault_of_a_policy_is_told_with_its_line(pool: PoolFolder) -> None:
    pool.write("policy.yaml", POLICY.replace("share: 0.8", "share: 0.7").replace("20", "twenty"))
    refused(pool, "invalid_policy", "line 2: batch_size")
    pool.write("policy.yaml", POLICY.replace("share: 0.8", "share: 0.7, where: 'a ='"))
    refused(pool, "invalid_policy", "add up to 0.9", "line 4: arms[0].where")


def test_labels_without_embeddings_are_refused(pool: PoolFolder) -> None:
    labels = pool.write("labels.txt", "a\n")
    refused(pool, "invalid_input", "--labelled-embeddings", labels=labels)
    refused(pool, "invalid_input", "--test-embeddings", test_metadata=pool.metadata())


def test_parquet_and_csv_metadata_say_the_same(pool: PoolFolder) -> None:
    pool.write("policy.yaml", WITH_LIMIT)
    from_parquet = pool.select("--json", metadata=pool.metadata(), ids="id").json
    table: pa.Table = pq.read_table(pool.path / "M.parquet")
    lines = ["id,language", *(f"{row['id']},{row['language']}" for row in table.to_pylist())]
    from_csv = pool.select(
        "--json", "--force", metadata=pool.write("M.csv", "\n".join(lines) + "\n"), ids="id"
    ).json
    assert from_csv["batch_digest"] == from_parquet["batch_digest"]
