"""Payloads that only those read who have the key."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory
from temporalio.exceptions import ApplicationError

from activities.histories import decode, payloads_in
from domain.errors import DamagedPayload, InvalidInput, UnknownPayloadKey
from tests.replay.test_replay import GOLDEN, load
from workers.conversion import MESSAGES, encrypted
from workers.encryption import KEY_ID, EncryptionCodec, PayloadKeys, add_key, ensure_keys

SECRET = b'{"rationale":"what somebody wrote"}'
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=SECRET)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "payload.keys"


@pytest.fixture
def codec(path: Path) -> EncryptionCodec:
    return EncryptionCodec(ensure_keys(path))


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def secret_of(path: Path) -> str:
    return path.read_text().split()[1]


def sealed(codec: EncryptionCodec, histories: Sequence[WorkflowHistory]) -> None:
    """Encrypts every payload of the histories, as if they had been so from the start."""
    for history in histories:
        for event in history.events:
            for payload in payloads_in(event):
                payload.CopyFrom(codec.encrypt(payload))


async def test_what_is_encrypted_comes_back_and_says_nothing_meanwhile(
    codec: EncryptionCodec,
) -> None:
    first, second = await codec.encode([PLAIN, PLAIN])
    assert await codec.decode([first, second]) == [PLAIN, PLAIN]
    assert first != second, "equal messages must not look equal"
    for hidden in (b"somebody", b"rationale", b"json/plain"):
        assert hidden not in first.SerializeToString()


async def test_what_was_written_in_plain_text_is_still_read(codec: EncryptionCodec) -> None:
    assert await codec.decode([PLAIN]) == [PLAIN]


def test_only_its_owner_may_read_the_keys(path: Path) -> None:
    ensure_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    add_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_new_key_encrypts_and_the_old_one_still_decrypts(
    path: Path, codec: EncryptionCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.encryption._LOOKED_AT_EVERY_SECONDS", 0.0)
    [before] = await codec.encode([PLAIN])
    new = add_key(path)
    [after] = await codec.encode([PLAIN])
    assert after.metadata[KEY_ID] == new.encode() != before.metadata[KEY_ID]
    assert await codec.decode([before, after]) == [PLAIN, PLAIN]


async def test_a_missing_key_is_named_and_found_as_soon_as_it_is_there(
    path: Path, tmp_path: Path, codec: EncryptionCodec
) -> None:
    [payload] = await codec.encode([PLAIN])
    elsewhere = tmp_path / "elsewhere.keys"
    other = EncryptionCodec(ensure_keys(elsewhere))
    with pytest.raises(UnknownPayloadKey) as error:
        await other.decode([payload])
    key_id = payload.metadata[KEY_ID].decode()
    assert key_id in error.value.message
    append(elsewhere, f"{key_id} {secret_of(path)}\n")
    assert await other.decode([payload]) == [PLAIN]


async def test_nothing_leaves_in_plain_text_for_want_of_a_key(path: Path) -> None:
    with pytest.raises(UnknownPayloadKey):
        await EncryptionCodec(PayloadKeys(path)).encode([PLAIN])


@pytest.mark.parametrize("change", ["data", "key", "cut"])
async def test_a_changed_payload_is_refused(
    path: Path, codec: EncryptionCodec, change: str
) -> None:
    [payload] = await codec.encode([PLAIN])
    if change == "data":
        payload.data = payload.data[:-1] + bytes([payload.data[-1] ^ 1])
    elif change == "cut":
        payload.data = payload.data[:5]
    else:
        # The same secret under another name: the name is authenticated too.
        append(path, f"other {secret_of(path)}\n")
        payload.metadata[KEY_ID] = b"other"
    with pytest.raises(DamagedPayload):
        await codec.decode([payload])


@pytest.mark.parametrize(
    "text",
    ["", "word", "id c2hvcnQ=", "id not-base64!", f"a {'A' * 43}=\na {'B' * 43}="],
)
def test_a_spoilt_key_file_is_named_and_left_alone(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(InvalidInput) as error:
        ensure_keys(path)
    assert str(path) in error.value.message
    assert path.read_text() == text


async def test_what_failures_say_is_encrypted_too(codec: EncryptionCodec) -> None:
    from temporalio.api.failure.v1 import Failure

    converter, failure = encrypted(codec), Failure()
    await converter.encode_failure(ApplicationError("record 7 says that", "a hint"), failure)
    assert b"record 7" not in failure.SerializeToString()
    assert b"a hint" not in failure.SerializeToString()
    again = await converter.decode_failure(failure)
    assert isinstance(again, ApplicationError)
    assert (again.message, again.details) == ("record 7 says that", ("a hint",))


@pytest.mark.parametrize("path_", GOLDEN[::5], ids=lambda each: each.name)
async def test_a_whole_history_is_decoded_to_what_it_was(
    path_: Path, codec: EncryptionCodec
) -> None:
    plain, history = load(path_), load(path_)
    sealed(codec, [history])
    assert b"json/plain" not in b"".join(e.SerializeToString() for e in history.events)
    await decode([history], codec)
    assert list(history.events) == list(plain.events)
    await decode([history], codec)
    assert list(history.events) == list(plain.events), "what is plain stays as it is"


async def test_one_damaged_payload_leaves_the_others_of_its_history_readable(
    codec: EncryptionCodec,
) -> None:
    plain, history = load(GOLDEN[0]), load(GOLDEN[0])
    sealed(codec, [history])
    damaged = next(payload for event in history.events[3:] for payload in payloads_in(event))
    damaged.data = damaged.data[:-1] + bytes([damaged.data[-1] ^ 1])
    await decode([history], codec)
    differing = [a for a, b in zip(history.events, plain.events, strict=True) if a != b]
    assert len(differing) == 1


def test_keys_are_rotated_and_listed_from_the_command_line(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        program = Path(sysconfig.get_path("scripts")) / "labelwright"
        done = subprocess.run(
            [program, "key", *arguments, "--data-dir", tmp_path],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    run("rotate", "payload")
    rotated = json.loads(run("rotate", "payload", "--json"))
    listed = json.loads(run("list", "--json"))
    assert [each["encrypts"] for each in listed] == [True, False, False]
    assert listed[0]["key_id"] == rotated["key_id"]
    secrets = (tmp_path / "secrets" / "payload.keys").read_text().split()[1::2]
    assert len(secrets) == 3
    assert all(len(base64.b64decode(each)) == 32 for each in secrets)
    assert not any(each in run("list") for each in secrets)


def test_messages_without_a_codec_are_for_histories_that_are_decoded_already() -> None:
    assert MESSAGES.payload_codec is None
