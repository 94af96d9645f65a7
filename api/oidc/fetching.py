"""Documents of the identity provider: over https, of a bounded size, and from nowhere else.

No redirect is followed and no proxy of the environment is used: what the provider's own document
names is asked and nobody besides.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx

from domain.errors import ProviderUnavailable
from workers.sign_in_settings import is_safe_url

MAX_BYTES = 512 * 1024
TOTAL_SECONDS = 10.0
"""For everything: resolving, connecting, sending, and the whole answer."""


class Fetcher:
    def __init__(self, *, patience: float = TOTAL_SECONDS) -> None:
        self._patience = patience

    async def get(self, url: str) -> dict[str, Any]:
        """The JSON object at the URL. Raises ProviderUnavailable."""
        status, document = await self._ask("GET", url)
        if status != 200:
            raise ProviderUnavailable(f"the identity provider answered {status} at {url}")
        return document

    async def post(
        self, url: str, form: Mapping[str, str], *, credentials: tuple[str, str] | None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of the answer to a form. Raises ProviderUnavailable."""
        return await self._ask("POST", url, form=form, credentials=credentials)

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        if not is_safe_url(url):
            raise ProviderUnavailable(
                "the identity provider names an address that is not https", url=url
            )
        try:
            async with (
                asyncio.timeout(self._patience),
                httpx.AsyncClient(
                    trust_env=False, follow_redirects=False, timeout=self._patience
                ) as client,
                client.stream(
                    method,
                    url,
                    data=form,
                    auth=credentials,
                    # Bytes that unpack to a thousand times as many would pass the cap.
                    headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                ) as response,
            ):
                if response.is_redirect:
                    raise ProviderUnavailable(
                        "the identity provider sent us elsewhere, where we do not go",
                        hint="name the address that answers itself",
                        url=url,
                    )
                return response.status_code, _object(await _read(response), url)
        except (TimeoutError, OSError, httpx.HTTPError) as error:
            raise ProviderUnavailable(
                "the identity provider does not answer",
                hint="sign in with a one-time password meanwhile; tokens go on working",
                url=url,
            ) from error


async def _read(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ProviderUnavailable("the identity provider packs what it was asked to send plain")
    read = bytearray()
    async for part in response.aiter_raw():
        read += part
        if len(read) > MAX_BYTES:
            raise ProviderUnavailable(
                f"the identity provider sends more than {MAX_BYTES:,} bytes at once"
            )
    return bytes(read)


def _object(read: bytes, url: str) -> dict[str, Any]:
    try:
        document = json.loads(read)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ProviderUnavailable("the identity provider does not answer in JSON", url=url)
    return document
