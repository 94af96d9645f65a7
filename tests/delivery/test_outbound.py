"""Whoever may name a URL reaches nothing but public addresses, whatever names and servers say."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from activities.outbound import Outbound, Resolve
from domain.destinations import DestinationRules, read_networks
from tests.webhook_receiver import TO_LOOPBACK, Receiver, receiving
from workers.ports import LOOPBACK, free_port

HEADERS = {"Content-Type": "application/cloudevents+json"}
WITH_HTTP = DestinationRules(allow_http=True)


def answering(*addresses: str) -> Resolve:
    """A resolver that knows every name, and answers with these."""

    async def resolve(_host: str, _port: int) -> list[str]:
        return list(addresses)

    return resolve


async def test_a_body_arrives_as_it_was_sent() -> None:
    with receiving() as receiver:
        attempted = await Outbound(TO_LOOPBACK).post(receiver.url + "?a=b", b"{}", HEADERS)
    assert (attempted.status, attempted.failure) == (204, "")
    [received] = receiver.received
    assert (received.path, received.body) == ("/hook?a=b", b"{}")
    assert received.headers["content-type"] == HEADERS["Content-Type"]
    assert received.headers["host"] == f"{LOOPBACK}:{receiver.port}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    with receiving() as receiver, receiving() as inner:
        receiver.answer = lambda _request: (status, {"Location": inner.url})
        attempted = await Outbound(TO_LOOPBACK).post(receiver.url, b"{}", HEADERS)
    assert (attempted.status, attempted.failure) == (status, "redirect")
    assert inner.received == []


async def test_a_loopback_address_is_refused_unless_its_network_is_named() -> None:
    with receiving() as receiver:
        attempted = await Outbound(WITH_HTTP).post(receiver.url, b"{}", HEADERS)
    assert (attempted.status, attempted.failure) == (None, "destination_refused")
    assert receiver.received == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "fe80::1%1",
        "fd00::1",
    ],
)
async def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    with receiving() as receiver:
        url = f"http://hook.example:{receiver.port}/"
        outbound = Outbound(WITH_HTTP, resolve=answering(address))
        assert (await outbound.post(url, b"{}", HEADERS)).failure == "destination_refused"
    assert receiver.received == []


async def test_one_address_that_is_refused_refuses_the_name() -> None:
    with receiving() as receiver:
        url = f"http://hook.example:{receiver.port}/"
        outbound = Outbound(TO_LOOPBACK, resolve=answering("127.0.0.1", "10.0.0.1"))
        assert (await outbound.post(url, b"{}", HEADERS)).failure == "destination_refused"
    assert receiver.received == []


async def test_a_name_that_changes_its_mind_is_asked_once_and_held_to_its_answer() -> None:
    """Rebinding: allowed when it is checked, somewhere else when it is connected to."""
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with receiving() as receiver:
        url = f"http://rebinding.example:{receiver.port}/"
        attempted = await Outbound(TO_LOOPBACK, resolve=resolve).post(url, b"{}", HEADERS)
    assert attempted.status == 204
    assert asked == ["rebinding.example"]
    [received] = receiver.received
    assert received.headers["host"] == f"rebinding.example:{receiver.port}"


async def test_a_name_is_asked_anew_at_each_attempt() -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def resolve(_host: str, _port: int) -> list[str]:
        return next(answers)

    with receiving() as receiver:
        url = f"http://rebinding.example:{receiver.port}/"
        outbound = Outbound(TO_LOOPBACK, resolve=resolve)
        assert (await outbound.post(url, b"{}", HEADERS)).failure == ""
        assert (await outbound.post(url, b"{}", HEADERS)).failure == "destination_refused"
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",  # noqa: S104
        "localhost",
        "localhost.",
        "LOCALHOST",
        "127.0.0.1.",
        "①②⑦.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "169.254.169.254",
        "user:word@127.0.0.1",
    ],
)
async def test_other_ways_to_write_the_loopback_address_lead_nowhere(host: str) -> None:
    with receiving() as receiver:
        url = f"http://{host}:{receiver.port}/"
        attempted = await Outbound(WITH_HTTP).post(url, b"{}", HEADERS)
    # A resolver may not know `localhost` with a dot at all.
    assert attempted.failure in {"destination_refused", "no_connection"}
    assert attempted.status is None
    assert receiver.received == []


async def test_the_next_address_is_tried_when_the_first_does_not_answer() -> None:
    with receiving() as receiver:
        rules = DestinationRules(allow_http=True, networks=read_networks("127.0.0.0/8,::1/128"))
        outbound = Outbound(rules, resolve=answering("::1", "127.0.0.1"))
        url = f"http://hook.example:{receiver.port}/"
        assert (await outbound.post(url, b"{}", HEADERS)).status == 204


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        assert (await Outbound(TO_LOOPBACK).post(receiver.url, b"{}", HEADERS)).status == 204
    assert proxy.received == []


async def test_an_answer_without_end_is_cut_off_and_counts_by_its_status() -> None:
    with receiving() as receiver:
        receiver.trickle = True
        outbound = Outbound(TO_LOOPBACK)
        attempted = await outbound.post(receiver.url, b"{}", HEADERS)
    assert (attempted.status, attempted.failure) == (200, "")


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with receiving() as receiver:
        receiver.silent = True
        attempted = await Outbound(TO_LOOPBACK, patience=0.3).post(receiver.url, b"{}", HEADERS)
    assert (attempted.status, attempted.failure) == (None, "timeout")


async def test_a_port_where_nobody_listens_is_no_connection() -> None:
    url = f"http://{LOOPBACK}:{free_port()}/"
    assert (await Outbound(TO_LOOPBACK).post(url, b"{}", HEADERS)).failure == "no_connection"


# -- TLS --------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of `hook.example` and its key, in one file, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hook.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        made.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return path


async def post_over_tls(receiver: Receiver, host: str, trust: ssl.SSLContext | None) -> str:
    outbound = Outbound(TO_LOOPBACK, resolve=answering("127.0.0.1"), trust=trust)
    url = f"https://{host}:{receiver.port}/hook"
    return (await outbound.post(url, b"{}", HEADERS)).failure


async def test_the_certificate_must_be_the_names_and_trusted(certificate: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    trust = ssl.create_default_context(cafile=certificate)
    with receiving(server) as receiver:
        assert await post_over_tls(receiver, "hook.example", trust) == ""
        assert await post_over_tls(receiver, "other.example", trust) == "no_connection"
        assert await post_over_tls(receiver, "hook.example", None) == "no_connection"
    assert len(receiver.received) == 1
