"""What accounts prove themselves with, and how often a stranger may try."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class TokenScope(StrEnum):
    """What a token may be used for, within what its account may do."""

    FULL = "full"
    READ = "read"


class SignedInBy(StrEnum):
    """How a session began."""

    PASSWORD = "password"  # noqa: S105 - the word for it
    OIDC = "oidc"


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How many attempts may fail at once, and how waits grow after that.

    Each failure after the first that has a wait doubles it, up to `longest`. Failures are forgotten
    once none has come for `forgotten_after`.
    """

    free: int
    longest: timedelta
    first: timedelta = timedelta(seconds=1)
    forgotten_after: timedelta = timedelta(hours=1)

    def wait_after(self, failures: int) -> timedelta:
        """How long nothing is tried after so many failures in a row."""
        if failures < self.free:
            return timedelta()
        # The cap on the exponent keeps the number small; it is far above every `longest`.
        doublings = min(failures - self.free, 20)
        return min(self.first * (1 << doublings), self.longest)


NAME_AT_ADDRESS = Patience(free=5, longest=timedelta(minutes=15))
"""For a name from one address: whoever keeps failing elsewhere shuts nobody out here."""

ADDRESS = Patience(free=30, longest=timedelta(minutes=1))
"""For all names from an address. Many people may share it, so no wait is long."""

BAD_TOKENS = Patience(free=20, longest=timedelta(minutes=1))
"""For bearer tokens from an address that nobody has, or that have ended."""


def network_of(address: str) -> str:
    """The /24 or /48 that an address is in: tells places apart, and not who lives there.

    What is no address, such as a socket of this machine, is `elsewhere`.
    """
    return _within(address, 24, 48)


def source_of(address: str) -> str:
    """What attempts are counted by: the address, or its /64, of which one home has all."""
    return _within(address, 32, 64)


def _within(address: str, four: int, six: int) -> str:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "elsewhere"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, six), strict=False))
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, four), strict=False)).removesuffix("/32")
