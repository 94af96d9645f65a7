"""`labelwright audit` about bundles, as an auditor on another machine meets it: files alone."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from api.app import create_app
from domain.errors import BundleDamaged, InvalidInput, NotABundle, NotFound
from domain.ids import RecordId
from domain.merkle import leaf_hash
from domain.profiles import Profile
from domain.routing import Clearance
from domain.tree_heads import SourceHead, source_head, tree_of
from storage.profiles import put_profile
from tests.api.team import Team
from tests.audit.conftest import Ended
from tests.audit.forging import STRANGER, Parts
from tests.audit.test_commands import LABELWRIGHT, labelwright
from tests.audit.time_stamping import authority
from tests.signing import KEYS, PRIVATE_KEY, SIGNER
from workers.audit import FindingKind
from workers.audit.offline import verify_bundle
from workers.audit.proofs import (
    InclusionProof,
    check_proof,
    compare_exports,
    prove_entry,
    prove_record,
    read_proof,
)
from workers.audit.public_keys import read_keys
from workers.audit.timestamps import read_certificates
from workers.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("evidence"),  # each goes on with what those before have exported
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("auditor")


@pytest.fixture(scope="module")
def key(folder: Path) -> Path:
    """The public key, as the API's operator hands it over."""
    path = folder / "key.pem"
    public = PRIVATE_KEY.public_key()
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


def write_key(path: Path) -> None:
    """The private key, where the API has it."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(PRIVATE_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


async def elsewhere(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command on a machine without stack, database, settings or network."""
    return await asyncio.to_thread(
        subprocess.run,
        [LABELWRIGHT, *map(str, arguments)],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


async def test_a_stamped_bundle_verifies_elsewhere_with_keys_and_certificate_alone(
    ended: Ended, temporal_address: str, folder: Path, key: Path
) -> None:
    write_key(ended.world.datasets.parent / "secrets" / "signing.pem")
    bundle = folder / "round.tar"
    with authority(folder / "authority") as stamping:
        command = ("audit", "export", ended.round_id, "--out", str(bundle))
        stamped = await labelwright(
            ended, temporal_address, *command, "--timestamp-url", stamping.url
        )
        assert stamped.returncode == 0, stamped.stderr
        assert ended.round_id in stamped.stdout
        again = await labelwright(ended, temporal_address, *command)
        assert again.returncode == 1, "a file is not written over"
        options = ("--key", key, "--tsa-certificate", stamping.root)
        verified = await elsewhere("audit", "verify", bundle, *options, "--json")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        report = json.loads(verified.stdout)
        assert (report["verified"], report["source"]) == (True, "bundle")
        assert "the time stamp" in report["checks"]
    with authority(folder / "another") as another:
        others = read_certificates([another.root])
    refused = await asyncio.to_thread(
        verify_bundle, bundle, public_keys=KEYS, tsa_certificates=others
    )
    assert [each.kind for each in refused.findings] == [FindingKind.TIMESTAMP_INVALID]


async def test_an_authority_that_does_not_stamp_is_named_and_nothing_is_written(
    ended: Ended, temporal_address: str, folder: Path
) -> None:
    with authority(folder / "broken", broken=True) as stamping:
        command = ("audit", "export", ended.round_id, "--out", str(folder / "unstamped.tar"))
        refused = await labelwright(
            ended, temporal_address, *command, "--timestamp-url", stamping.url
        )
    assert refused.returncode == 1
    assert "did not answer with a time stamp" in refused.stderr
    assert not any("unstamped" in name for name in names_in(folder))


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_label_is_proved_by_itself(folder: Path, key: Path) -> None:
    bundle, proof = folder / "round.tar", folder / "label.json"
    record = outcome_of(folder)
    proved = await elsewhere("audit", "prove", bundle, "--record", record, "--out", proof)
    assert proved.returncode == 0, proved.stderr
    assert proof.stat().st_size < 10_000
    checked = await elsewhere("audit", "check-proof", proof, "--key", key, "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    said = json.loads(checked.stdout)
    assert said["proved"]
    assert said["entry"]["decision"]["subject"] == record
    assert said["entry"]["decision"]["kind"] == "outcome_reached"
    document = json.loads(proof.read_bytes())
    document["entry"]["decision"]["detail"]["answer"] = "label:weather"
    forged = folder / "forged.json"
    forged.write_text(json.dumps(document))
    [finding] = check_proof(read_proof(forged), KEYS)
    assert "The entry is not in the ledger" in finding.message


def outcome_of(folder: Path) -> str:
    """A record that the bundle has an outcome of."""
    rows = [
        json.loads(line)
        for name in ("shard-000", "shard-001")
        for line in ledger(folder / "round.tar", name)
    ]
    return next(
        str(each["decision"]["subject"])
        for each in rows
        if each["decision"]["kind"] == "outcome_reached"
    )


def ledger(bundle: Path, name: str) -> list[bytes]:
    packed = Parts.of(bundle.read_bytes()).members[f"ledger/{name}.jsonl.gz"]
    return gzip.decompress(packed).splitlines()


async def test_every_entry_has_a_proof_and_no_part_of_it_can_be_changed(folder: Path) -> None:
    bundle = folder / "round.tar"
    for source, name in (("round", "round"), ("shard 1", "shard-001")):
        for sequence in range(0, len(ledger(bundle, name)), 5):
            proof = prove_entry(bundle, source, sequence)
            assert list(check_proof(proof, KEYS)) == []
    proof = prove_entry(bundle, "shard 0", 3)
    changed: list[InclusionProof] = [
        replace(proof, entry=proof.entry | {"sequence": 4}),
        replace(proof, source=replace(proof.source, length=proof.source.length + 1)),
        replace(proof, path=proof.path[1:]),
        replace(proof, round_path=proof.round_path[1:]),
        replace(proof, head=replace(proof.head, entries=1)),
        replace(proof, head_signature=STRANGER.sign_statement("labelwright tree head", b"")),
    ]
    assert all(list(check_proof(each, KEYS)) for each in changed)
    stranger = {STRANGER.key_id: STRANGER.public_key.public_key}
    assert [each.kind for each in check_proof(proof, stranger)] == [FindingKind.SIGNATURE_INVALID]


async def test_what_is_not_there_is_not_proved(folder: Path) -> None:
    bundle = folder / "round.tar"
    with pytest.raises(NotFound):
        prove_record(bundle, RecordId("nobody"))
    with pytest.raises(NotFound):
        prove_entry(bundle, "shard 0", 10_000)
    with pytest.raises(NotABundle):
        read_proof(bundle)
    broken = folder / "broken.tar"
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    broken.write_bytes(data)
    with pytest.raises(BundleDamaged):
        prove_entry(broken, "round", 0)


async def test_an_export_whose_past_was_rewritten_is_not_consistent(
    folder: Path, key: Path
) -> None:
    bundle = folder / "round.tar"
    same = await elsewhere("audit", "consistency", bundle, bundle, "--key", key, "--json")
    assert same.returncode == 0, same.stdout + same.stderr
    assert json.loads(same.stdout)["consistent"]
    rewritten = folder / "rewritten.tar"
    rewritten.write_bytes(with_another_past(bundle.read_bytes()))
    compared = compare_exports(bundle, rewritten, KEYS)
    assert not compared.consistent
    assert [(each.kind, each.subject) for each in compared.findings] == [
        (FindingKind.TREE_DIFFERS, "ledger of shard 0")
    ]


def with_another_past(data: bytes) -> bytes:
    """The bundle with another first entry of a shard, signed with our own key all the same."""
    parts = Parts.of(data)
    name = "ledger/shard-000.jsonl.gz"
    lines = gzip.decompress(parts.members[name]).splitlines()
    lines[0] = lines[0].replace(b'"sequence":0', b'"sequence":9')
    parts.members[name] = gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0)
    head = parts.listing["head"]
    sources = [SourceHead(**each) for each in head["sources"]]
    sources[1] = source_head("shard 0", list(map(leaf_hash, lines)), sources[1].head)
    head["sources"][1]["root"] = sources[1].root
    head["root"] = tree_of(sources).root
    return parts.signed_by(SIGNER)


async def test_a_file_that_is_none_of_ours_is_refused_in_a_sentence(
    folder: Path, key: Path
) -> None:
    for arguments in (
        ("audit", "verify", str(key), "--key", key),
        ("audit", "prove", folder / "nowhere.tar", "--record", "t1"),
    ):
        refused = await elsewhere(*arguments)
        assert refused.returncode == 1
        assert refused.stderr.startswith("error: ")
        assert "Traceback" not in refused.stderr


async def test_keys_are_read_from_pem_and_from_what_the_api_answers(
    folder: Path, key: Path
) -> None:
    answer = folder / "keys.json"
    public = SIGNER.public_key
    answer.write_text(json.dumps([{"key_id": public.key_id, "public_key": public.public_key}]))
    assert read_keys([key]) == read_keys([answer]) == read_keys([key, answer]) == KEYS
    assert read_keys([doubled(key)]) == KEYS
    for text in ("", "[{}]", "{}", "-----BEGIN NOTHING-----", '[{"public_key": "AAAA"}]'):
        answer.write_text(text)
        with pytest.raises(NotABundle):
            read_keys([answer])
    answer.write_text(json.dumps([{"key_id": "0" * 16, "public_key": public.public_key}]))
    with pytest.raises(NotABundle):
        read_keys([answer])
    with pytest.raises(NotABundle):
        read_certificates([answer])
    with pytest.raises(NotFound):
        read_keys([folder / "nowhere.pem"])


def doubled(key: Path) -> Path:
    """A file with the key twice."""
    twice = key.with_name("twice.pem")
    twice.write_bytes(key.read_bytes() * 2)
    return twice


async def test_whoever_may_see_the_ledger_is_sent_a_bundle_over_http(
    ended: Ended, temporal_address: str, folder: Path
) -> None:
    world = ended.world
    root = world.datasets.parent
    write_key(root / "signing.pem")
    settings = Settings(
        data_dir=root,
        database_url=world.engine.url.render_as_string(hide_password=False),
        temporal_address=temporal_address,
        signing_key=root / "signing.pem",
    )
    app = create_app(settings)
    address = f"/api/v1/rounds/{ended.round_id}/evidence"
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with Team(app.state.labelwright, transport) as team:
        for person in (team.requester, team.rita, team.ada):
            assert (await person.get(address)).status_code == 403
        assert (await team.auditor.get("/api/v1/rounds/never-was/evidence")).status_code == 404
        whole = await team.auditor.get(address, params={"pool": "true"})
        assert whole.status_code == 403, "not cleared for all of the pool"
        auditor = team.accounts["auditor"].account_id
        cleared = Profile(account_id=auditor, clearance=Clearance.RESTRICTED)
        with world.engine.begin() as connection:
            put_profile(connection, cleared, changed_by=auditor, reason="audits")
        sent = await team.auditor.get(address, params={"pool": "true"})
        keys = await team.auditor.get("/api/v1/signing-keys")
    app.state.labelwright.engine.dispose()
    assert sent.status_code == 200
    assert sent.headers["content-type"] == "application/x-tar"
    assert ended.round_id in sent.headers["content-disposition"]
    bundle, key = folder / "sent.tar", folder / "sent.json"
    bundle.write_bytes(sent.content)
    key.write_bytes(keys.content)
    report = await asyncio.to_thread(verify_bundle, bundle, public_keys=read_keys([key]))
    assert report.findings == ()
    assert report.verified
    assert any("exported by auditor" in note for note in report.notes)
    compared = compare_exports(folder / "round.tar", bundle, KEYS)
    assert compared.consistent
    assert compared.earlier.tree == compared.later.tree


async def test_exports_of_two_rounds_are_not_compared(folder: Path) -> None:
    parts = Parts.of((folder / "round.tar").read_bytes())
    parts.listing["head"]["round"] = "another"
    other = folder / "another.tar"
    other.write_bytes(parts.signed_by(SIGNER))
    with pytest.raises(InvalidInput):
        compare_exports(folder / "round.tar", other, KEYS)
