"""Files and bodies that mean harm: small ones that stand for huge ones, names that lead away."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domain.errors import UnreadableFile
from domain.records import ContentKind
from storage.readers import Format, Mapping, Rejection, read_rows
from tests.api.team import Team, code, define

IMPORT = "/api/v1/pools/mail/imports"
MEGABYTE = 1024 * 1024
JSON = {"Content-Type": "application/json"}
TEXTS = Mapping(kind=ContentKind.TEXT)


def packed() -> dict[str, bytes]:
    """Fifty megabytes of records, in a few kilobytes each."""
    plain = b'{"id": "a", "text": "b"}\n' * (2 * MEGABYTE)
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/cron.d/owned", plain)
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../x"), io.BytesIO(b""))
    return {
        "gzip": gzip.compress(plain, 1),
        "zip": zipped.getvalue(),
        "bzip2": bz2.compress(plain[:MEGABYTE]),
        "xz": lzma.compress(plain[:MEGABYTE]),
        "zstd": b"\x28\xb5\x2f\xfd" + b"\x00" * 20,
        "tar": tarred.getvalue(),
    }


async def test_nothing_is_unpacked(team: Team) -> None:
    define(team)
    for what, body in packed().items():
        for name in ("records.jsonl", "records.csv", "records.parquet", ""):
            answer = await team.requester.post(IMPORT, params={"file_name": name}, content=body)
            assert (answer.status_code, code(answer)) == (422, "unreadable_file"), (what, name)
    # A header that claims it is not believed either.
    headers = {"Content-Encoding": "gzip"}
    body = gzip.compress(b'{"id": "a", "text": "b"}\n')
    answer = await team.requester.post(IMPORT, content=body, headers=headers)
    assert code(answer) == "unreadable_file"


def everything_below(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


async def test_a_files_name_is_a_text_and_leads_nowhere(team: Team, tmp_path: Path) -> None:
    define(team)
    before = everything_below(tmp_path)
    names = ("../../etc/passwd", "/etc/passwd", "..\\..\\x", "<img src=x onerror=alert(1)>", "a\nb")
    for number, name in enumerate(names):
        line = json.dumps({"id": f"../../{number}", "text": "hello"}).encode()
        answer = await team.requester.post(IMPORT, params={"file_name": name}, content=line)
        assert answer.status_code == 201, answer.text
        assert answer.json()["file_name"] == name
        found = await team.requester.get(f"/api/v1/pools/mail/records/..%2F..%2F{number}")
        assert found.json()["content"] == {"text": "hello"}
    assert everything_below(tmp_path) == before
    for path in (
        "/api/v1/datasets/..%2f..%2fetc/versions/1/files/passwd",
        "/api/v1/datasets/mail/versions/1/files/..%2f..%2f..%2fetc%2fpasswd",
        "/static/..%2f..%2fapp.py",
        "/static/%2e%2e/%2e%2e/app.py",
    ):
        assert (await team.admin.get(path)).status_code in {401, 404}, path


async def test_what_is_nested_without_end_is_refused_and_breaks_nothing(team: Team) -> None:
    define(team)
    for depth in (50, 300, 600, 900, 990, 1_100, 100_000):
        nested = "[" * depth + "]" * depth
        mapped = '{"a":' * depth + "1" + "}" * depth
        for value in (nested, mapped):
            line = f'{{"id": "deep", "text": "t", "source": {value}}}'.encode()
            answer = await team.requester.post(IMPORT, content=line)
            assert answer.status_code == 201, (depth, answer.text)
            assert answer.json()["read"] == 1
            for path, field in (
                ("/api/v1/tokens", "label"),
                ("/api/v1/policies", "arms"),
                ("/api/v1/schemas", "classes"),
            ):
                body = f'{{"{field}": {value}}}'.encode()
                answer = await team.requester.post(path, content=body, headers=JSON)
                assert answer.status_code in {400, 422}, (path, depth, answer.text)
                code(answer)


# -- Parquet that unpacks to more than it is --------------------------------------------------


def parquet(table: pa.Table, **options: object) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd", **options)
    file.seek(0)
    return file


def repeated(text: str, rows: int) -> pa.Array:
    """One text, to which every row points."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))


def test_a_text_that_a_dictionary_repeats_is_not_written_out_a_thousand_times() -> None:
    """Eight kilobytes that stand for three gigabytes."""
    rows = 3_000
    ids = pa.array([f"r{number}" for number in range(rows)])
    file = parquet(pa.table({"id": ids, "text": repeated("x" * MEGABYTE, rows)}))
    assert file.getbuffer().nbytes < MEGABYTE
    before = pa.total_allocated_bytes()
    most = 0
    for number, row in enumerate(read_rows(file, Format.PARQUET, TEXTS)):
        most = max(most, pa.total_allocated_bytes() - before)
        assert isinstance(row, Rejection)  # too large for a record, each one
        if number == 1_500:
            break
    assert most < 32 * MEGABYTE


@pytest.mark.parametrize("what", ["rows", "bytes", "width"])
def test_a_parquet_file_that_says_it_is_huge_is_refused_before_it_is_read(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = pa.array(["a", "b", "c"])
    texts = pa.array(["x" * 9_000] * 3)
    file = parquet(pa.table({"id": ids, "text": texts}), use_dictionary=False)
    match what:
        case "rows":
            monkeypatch.setattr("storage.parquet.MAX_ROWS", 2)
        case "bytes":
            monkeypatch.setattr("storage.parquet.MAX_GROUP_BYTES", 20_000)
        case "width":
            wide = pa.array([b"x" * 9_000] * 3, pa.binary(9_000))
            file = parquet(pa.table({"id": ids, "text": wide}))
    with pytest.raises(UnreadableFile):
        read_rows(file, Format.PARQUET, TEXTS)


def test_a_damaged_footer_is_refused() -> None:
    body = parquet(pa.table({"id": ["a"], "text": ["b"]})).getvalue()
    for at in range(8, 4, -1):
        damaged = bytearray(body)
        damaged[-at] = 0xFF
        with pytest.raises(UnreadableFile):
            list(read_rows(io.BytesIO(bytes(damaged)), Format.PARQUET, TEXTS))
