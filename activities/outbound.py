"""Sends a webhook's event, and to nobody else than the rules allow.

The name is resolved once. Every address that it has is checked, and the connection goes to one of
those very addresses, so that a name cannot change its mind in between. No redirect is followed,
no proxy of the environment is used, and of the answer only the status is kept.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping

import httpx

from domain.destinations import (
    Address,
    Destination,
    DestinationRules,
    check_address,
    read_destination,
)
from domain.errors import DestinationRefused
from storage.outbox import Attempted

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host, in the order of preference. Raises OSError."""

TOTAL_SECONDS = 10.0
"""For everything: resolving, connecting, sending, and the beginning of the answer."""

MOST_ADDRESSES = 4
READ_BYTES = 4_096
"""Of the answer's body, which nobody looks at: enough for a connection to end in good order."""


async def resolved(host: str, port: int) -> list[str]:
    """What the system's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Outbound:
    """Posts bodies to URLs under rules."""

    def __init__(
        self,
        rules: DestinationRules,
        *,
        resolve: Resolve = resolved,
        trust: ssl.SSLContext | None = None,
        patience: float = TOTAL_SECONDS,
    ) -> None:
        """`trust` is what certificates are checked against; none: the usual authorities."""
        self._rules = rules
        self._resolve = resolve
        self._trust = trust or httpx.create_ssl_context()
        self._patience = patience

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempted:
        """Sends once. Whatever goes wrong is in the answer, in a word."""
        started = time.monotonic()
        status: int | None = None
        failure = ""
        try:
            async with asyncio.timeout(self._patience):
                status = await self._send(url, body, headers)
        except DestinationRefused as refusal:
            failure = refusal.code
        except (TimeoutError, httpx.TimeoutException):
            failure = "timeout"
        except (OSError, httpx.TransportError):
            failure = "no_connection"
        else:
            failure = _judged(status)
        milliseconds = round(1_000 * (time.monotonic() - started))
        return Attempted(status=status, failure=failure, milliseconds=milliseconds)

    async def _send(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        destination = read_destination(url, self._rules)
        addresses = await self._addresses(destination)
        async with httpx.AsyncClient(
            verify=self._trust, trust_env=False, follow_redirects=False, timeout=self._patience
        ) as client:
            for address in addresses[:-1]:
                try:
                    return await _post_to(client, address, destination, body, headers)
                except httpx.ConnectError:
                    continue
            return await _post_to(client, addresses[-1], destination, body, headers)

    async def _addresses(self, destination: Destination) -> list[Address]:
        """All addresses of the host: one that is refused refuses the host."""
        found = await self._resolve(destination.host, destination.port)
        if not found:
            raise OSError("the host has no address")
        return [check_address(each, self._rules) for each in found][:MOST_ADDRESSES]


async def _post_to(
    client: httpx.AsyncClient,
    address: Address,
    destination: Destination,
    body: bytes,
    headers: Mapping[str, str],
) -> int:
    url = httpx.URL(
        scheme=destination.scheme,
        host=str(address),
        port=destination.port,
        raw_path=destination.target.encode(),
    )
    request = client.build_request(
        "POST",
        url,
        content=body,
        headers={**headers, "Host": destination.authority, "User-Agent": "Labelwright"},
        # The certificate must be the name's, wherever the connection goes.
        extensions={"sni_hostname": destination.host.rstrip(".")},
    )
    response = await client.send(request, stream=True)
    try:
        read = 0
        async for part in response.aiter_raw():
            read += len(part)
            if read >= READ_BYTES:
                break
    finally:
        await response.aclose()
    return response.status_code


def _judged(status: int) -> str:
    if 200 <= status < 300:
        return ""
    return "redirect" if 300 <= status < 400 else "status"
