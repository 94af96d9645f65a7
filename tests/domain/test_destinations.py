"""Where events may be sent: by URL and by address."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.destinations import DestinationRules, check_address, read_destination, read_networks
from domain.errors import DestinationRefused

STRICT = DestinationRules()
WITH_HTTP = DestinationRules(allow_http=True)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.254",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.254",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:7f00:1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::1",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "100::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700:4700::1111%eth0",
        "fec0::1",
        "ff02::1",
        "5f00::1",
        "what",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(DestinationRefused):
        check_address(address, STRICT)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "2606:4700::1111"],
)
def test_a_public_address_is_allowed(address: str) -> None:
    assert str(check_address(address, STRICT)) == address


def test_a_named_network_is_allowed_and_its_other_forms_are_not() -> None:
    rules = DestinationRules(networks=read_networks("10.1.0.0/16, fd00::/8"))
    assert str(check_address("10.1.2.3", rules)) == "10.1.2.3"
    assert str(check_address("fd00::1", rules)) == "fd00::1"
    for address in ("10.2.0.1", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fc00::1"):
        with pytest.raises(DestinationRefused):
            check_address(address, rules)


@given(st.ip_addresses(network="0.0.0.0/0"), st.ip_addresses(network="::/0"))
def test_no_form_of_ipv6_reaches_an_ipv4_address(four: object, six: object) -> None:
    for written in (f"::ffff:{four}", f"64:ff9b::{four}", f"::{four}"):
        with pytest.raises(DestinationRefused):
            check_address(written, STRICT)
    if str(six).startswith(("fc", "fd", "fe", "ff")):
        with pytest.raises(DestinationRefused):
            check_address(str(six), STRICT)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "ftp://example.com/",
        "example.com/hook",
        "https://",
        "https:///hook",
        "https://user:word@example.com/",
        "https://user@example.com/",
        "https://@example.com/",
        "https://example.com/#part",
        "https://example.com/#",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://example.com\\@evil.example/",
        "https://exa mple.com/",
        "https://example.com/\n",
        "https://exämple.com/",
        "https://-example.com/",
        "https://" + "a" * 64 + ".example.com/",
        "https://example..com/",
        "https://a_b.example.com/",
        "https://[::1]/",
        "https://[::ffff:7f00:1]/",
        "https://[fe80::1%25eth0]/",
        "https://[64:ff9b::7f00:1]/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1./",
        "https://169.254.169.254/latest/meta-data",
        "https://example.com/" + "a" * 2_000,
    ],
)
def test_a_url_that_may_mislead_is_refused(url: str) -> None:
    with pytest.raises(DestinationRefused):
        read_destination(url, STRICT)


def test_a_url_is_taken_apart_once() -> None:
    found = read_destination("HTTPS://Example.COM:8443/a%20b/c?d=e", STRICT)
    assert (found.scheme, found.host, found.port) == ("https", "example.com", 8443)
    assert found.target == "/a%20b/c?d=e"
    assert found.authority == "example.com:8443"
    plain = read_destination("http://8.8.8.8", WITH_HTTP)
    assert (plain.port, plain.target, plain.authority) == (80, "/", "8.8.8.8")
    six = read_destination("https://[2606:4700::1111]:444/", STRICT)
    assert six.authority == "[2606:4700::1111]:444"


def test_networks_are_read_from_a_list_with_commas() -> None:
    assert read_networks("") == ()
    assert read_networks("10.0.0.0/8,::1/128") == (
        ip_network("10.0.0.0/8"),
        ip_network("::1/128"),
    )
    with pytest.raises(ValueError, match="host bits"):
        read_networks("10.0.0.1/8")
