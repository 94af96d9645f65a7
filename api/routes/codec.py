"""Decodes payloads for Temporal's history pages and its command line.

This is half of Temporal's codec server protocol: the other half, encoding, is for messages that are
sent past this API, which nobody signs and which an audit would name.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from google.protobuf import json_format
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from temporalio.api.common.v1 import Payloads

from api.authentication import DECODE, Caller, SignedIn
from api.state import Parts
from domain.accounts import Permission, require
from domain.errors import InvalidInput, NotCleared
from domain.routing import Clearance
from workers.client import payload_codec
from workers.settings import Settings

router = APIRouter(tags=["audit"])


def may_decode(caller: Caller) -> None:
    """Raises NotAllowed, or NotCleared, unless the caller may see whatever any history holds.

    A payload does not say which records it is about, so it takes the right to all of them.
    """
    require(caller.roles, Permission.SEE_LEDGER)
    if caller.clearance is not Clearance.RESTRICTED:
        raise NotCleared(
            "payloads may be about any record, so decoding them takes restricted clearance",
            hint="ask an admin about your clearance, or read the ledger, which masks such records",
        )


async def _decoder(caller: SignedIn) -> Caller:
    may_decode(caller)
    return caller


@router.post(
    DECODE,
    summary="Decode encrypted payloads, in the protocol of Temporal's codec servers",
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["payloads"],
                        "properties": {"payloads": {"type": "array", "items": {"type": "object"}}},
                    },
                    "example": {
                        "payloads": [
                            {"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "eyJhIjoxfQ=="}
                        ]
                    },
                }
            },
        }
    },
)
async def decode(
    request: Request, caller: Annotated[Caller, Depends(_decoder)], parts: Parts
) -> Response:
    del caller
    try:
        payloads = json_format.Parse(await request.body(), Payloads())
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "the body holds no payloads",
            hint='send {"payloads": [{"metadata": {…}, "data": "…"}]}, its bytes in base64',
        ) from error
    decoded = await payload_codec(parts.settings).decode(payloads.payloads)
    answer = json_format.MessageToJson(Payloads(payloads=decoded), indent=None)
    return Response(answer, media_type="application/json")


class CodecOrigins:
    """Middleware: lets browsers hand what is decoded to pages of the allowed origins, and to no
    others. Every other route stays without such headers."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._crossing = CORSMiddleware(
            app,
            allow_origins=sorted(settings.allowed_origins),
            allow_methods=["POST"],
            allow_headers=["Authorization", "Content-Type", "X-Namespace"],
            allow_credentials=True,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        crossing = scope["type"] == "http" and scope["path"] == DECODE
        await (self._crossing if crossing else self._app)(scope, receive, send)
