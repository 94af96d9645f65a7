"""Where a webhook may lead: which URLs, and which addresses behind their names.

Whoever may add a webhook must not reach through this machine into the network around it. So each
address that a name resolves to is checked at the moment of connecting, and the connection goes to
that very address.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

from domain.errors import DestinationRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL = 2_000
PORTS = {"http": 80, "https": 443}

_REFUSED: tuple[tuple[str, Network], ...] = tuple(
    (what, ip_network(network))
    for what, networks in (
        ("this network", ("0.0.0.0/8",)),
        ("private", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")),
        ("shared (carrier-grade NAT)", ("100.64.0.0/10",)),
        ("loopback", ("127.0.0.0/8",)),
        ("link-local", ("169.254.0.0/16",)),
        (
            "reserved",
            (
                "192.0.0.0/24",
                "192.0.2.0/24",
                "192.88.99.0/24",
                "198.18.0.0/15",
                "198.51.100.0/24",
                "203.0.113.0/24",
                "240.0.0.0/4",
                "2001::/23",
                "2001:db8::/32",
                "3fff::/20",
            ),
        ),
        ("multicast", ("224.0.0.0/4", "ff00::/8")),
        ("loopback", ("::1/128",)),
        ("link-local", ("fe80::/10",)),
        ("unique-local", ("fc00::/7",)),
        ("IPv4-mapped", ("::ffff:0:0/96",)),
        ("translated from IPv4", ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")),
    )
    for network in networks
)
_GLOBAL_IPV6 = IPv6Network("2000::/3")
"""All that IANA has given out for use between networks; what is outside is refused too."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
_TARGET = re.compile(r"[!-~]*")


@dataclass(frozen=True, kw_only=True)
class DestinationRules:
    """What the settings allow beyond what is allowed everywhere."""

    allow_http: bool = False
    networks: tuple[Network, ...] = ()
    """Addresses in one of these are allowed, whatever they are."""


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A URL, taken apart once, so that no two readers of it can differ."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without its brackets."""
    port: int
    target: str
    """Path and query."""

    @property
    def authority(self) -> str:
        """The header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def read_networks(text: str) -> tuple[Network, ...]:
    """Networks that are separated by commas. Raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def read_destination(url: str, rules: DestinationRules) -> Destination:
    """The URL's parts. An address that is written out in it is checked too.

    Raises DestinationRefused.
    """
    if len(url) > MAX_URL or not _TARGET.fullmatch(url) or "\\" in url:
        raise DestinationRefused(
            f"a webhook's URL is at most {MAX_URL:,} characters of ASCII, without spaces",
            hint="write a name with other letters in its xn-- form, and escape the path",
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise DestinationRefused("this is no URL", hint="https://example.com/hook is one") from None
    if parts.scheme not in PORTS:
        raise DestinationRefused("a webhook's URL begins with https://")
    if parts.scheme == "http" and not rules.allow_http:
        raise DestinationRefused(
            "events are sent over https only",
            hint="LABELWRIGHT_WEBHOOK_ALLOW_HTTP=true allows http, for tests",
        )
    if "@" in parts.netloc:
        raise DestinationRefused(
            "the URL holds a user name or password",
            hint="leave it out: the signature proves who sends",
        )
    if parts.fragment or "#" in url:
        raise DestinationRefused("the part after # is never sent", hint="leave it out")
    if port == 0:
        raise DestinationRefused("port 0 is no port")
    host = _host(parts.hostname or "", rules)
    path = parts.path or "/"
    return Destination(
        scheme=parts.scheme,
        host=host,
        port=port or PORTS[parts.scheme],
        target=f"{path}?{parts.query}" if parts.query else path,
    )


def check_address(address: str, rules: DestinationRules) -> Address:
    """The address, if events may be sent there. Raises DestinationRefused."""
    try:
        found = ip_address(address)
    except ValueError:
        raise DestinationRefused(f"{address} is no address") from None
    why = _refusal(found, rules.networks)
    if why is not None:
        raise DestinationRefused(
            f"{address} is a {why} address, and events are sent to public ones only",
            hint="LABELWRIGHT_WEBHOOK_NETWORKS names networks that are allowed all the same",
        )
    return found


def _refusal(address: Address, allowed: Collection[Network]) -> str | None:
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "link-local"
    if any(address in network for network in allowed):
        return None
    for what, network in _REFUSED:
        if address in network:
            return what
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return "reserved"
    return None


def _host(host: str, rules: DestinationRules) -> str:
    if ":" in host:
        return str(check_address(host, rules))
    if len(host) > 253 or _HOST.fullmatch(host) is None:
        raise DestinationRefused("the URL names no host", hint="https://example.com/hook does")
    # Resolvers read 2130706433, 0x7f.1 and 0177.0.0.1 as addresses; people do not.
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) is None:
        return host
    try:
        IPv4Address(host)
    except ValueError:
        raise DestinationRefused(
            f"{host} is an address in disguise", hint="write it as four decimal numbers"
        ) from None
    check_address(host, rules)
    return host
