"""Published versions and their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.canonical import Sha256
from domain.ids import AccountId
from storage import datasets
from tests.api.team import LONG_AGO, Team, code, start_reviewing


@pytest.fixture
async def published(team: Team, tmp_path: Path) -> Path:
    """The folder of `mail` v1, with one file that its manifest lists and one that it does not."""
    reviewing = await start_reviewing(team)
    folder = tmp_path / "datasets" / "mail" / "v1"
    folder.mkdir(parents=True)
    for name in ("train.parquet", "manifest.json", "private.txt"):
        (folder / name).write_bytes(name.encode())
    version = datasets.DatasetVersion(
        dataset="mail",
        version=1,
        digest=Sha256("d" * 64),
        parent_version=None,
        round_id=reviewing.round_id,
        manifest={"files": {"train": {"name": "train.parquet", "sha256": "e" * 64}}},
        manifest_sha256=Sha256("f" * 64),
        path=str(folder),
        rows=1,
        roles={"train": 1},
        ledger_head=Sha256("0" * 64),
        approved_by=AccountId("acc-1"),
        published_at=LONG_AGO,
    )
    with team.state.engine.begin() as connection:
        datasets.insert_version(connection, version)
    return folder


async def test_a_version_shows_its_manifest_and_its_files(team: Team, published: Path) -> None:
    [listed] = (await team.auditor.get("/api/v1/datasets")).json()["items"]
    assert (listed["dataset"], listed["version"], listed["manifest"]) == ("mail", 1, None)
    version = (await team.auditor.get("/api/v1/datasets/mail/versions/1")).json()
    assert version["manifest"]["files"]["train"]["name"] == "train.parquet"
    assert version["files"] == ["train.parquet", "manifest.json"]
    assert version["path"] == str(published)
    for name in version["files"]:
        file = await team.auditor.get(f"/api/v1/datasets/mail/versions/1/files/{name}")
        assert file.content == name.encode()
        assert file.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    "name", ["private.txt", "..%2Fv1%2Fprivate.txt", "%2Fetc%2Fpasswd", "..%2F", "train.parquet%00"]
)
async def test_no_file_is_served_that_the_manifest_does_not_list(team: Team, name: str) -> None:
    answer = await team.auditor.get(f"/api/v1/datasets/mail/versions/1/files/{name}")
    assert answer.status_code == 404


async def test_what_is_not_published_is_not_found(team: Team) -> None:
    for path in ("mail", "mail/versions/1", "mail/versions/1/files/train.parquet"):
        assert code(await team.auditor.get(f"/api/v1/datasets/{path}")) == "not_found"


@pytest.mark.usefixtures("published")
async def test_a_file_that_has_gone_is_said_to_be_gone(team: Team, published: Path) -> None:
    (published / "train.parquet").unlink()
    answer = await team.auditor.get("/api/v1/datasets/mail/versions/1/files/train.parquet")
    assert answer.status_code == 503
