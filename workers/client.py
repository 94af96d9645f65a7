"""The connection to Temporal, the same for workers, the API and the command line."""

from __future__ import annotations

import asyncio
import time

import structlog
from temporalio.client import Client
from temporalio.converter import PayloadCodec
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from domain.errors import TemporalUnavailable
from workers.conversion import encrypted
from workers.encryption import EncryptionCodec, PayloadKeys, ensure_keys
from workers.settings import DEFAULT_TEMPORAL_ADDRESS, Settings

SERVER_PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 1.0
_log = structlog.get_logger(__name__)


def payload_codec(settings: Settings) -> PayloadCodec:
    """What decrypts histories, for whoever has them from elsewhere than Temporal."""
    return EncryptionCodec(PayloadKeys(settings.payload_keys))


async def connect_patiently(settings: Settings) -> Client:
    """As `connect`, for a process that may be started while its server still is.

    Makes the key for its messages if there is none. Raises `TemporalUnavailable` after two minutes
    without an answer, and `InvalidInput` where the key file is spoilt.
    """
    ensure_keys(settings.payload_keys)
    deadline = time.monotonic() + SERVER_PATIENCE_SECONDS
    while True:
        try:
            return await connect(settings)
        except TemporalUnavailable as error:
            if time.monotonic() > deadline:
                raise
            _log.info("waiting for Temporal", address=error.context["address"])
        await asyncio.sleep(_PAUSE_SECONDS)


async def connect(settings: Settings, *, runtime: Runtime | None = None) -> Client:
    """A client of the settings' server and namespace.

    Raises `TemporalUnavailable` when the server does not answer or does not let us in.
    """
    address = settings.temporal_address or DEFAULT_TEMPORAL_ADDRESS
    try:
        return await Client.connect(
            address,
            namespace=settings.temporal_namespace,
            api_key=settings.temporal_api_key or None,
            # An API key must not travel in the clear.
            tls=settings.temporal_tls or bool(settings.temporal_api_key),
            runtime=runtime,
            data_converter=encrypted(payload_codec(settings)),
        )
    except (RPCError, RuntimeError) as error:
        # The SDK raises RuntimeError for a connection that is refused.
        raise TemporalUnavailable(
            f"Temporal does not answer at {address}.",
            hint="`labelwright doctor` says what is wrong; `labelwright up` starts a local one.",
            address=address,
        ) from error
