"""What people in tests send is signed as the API signs it, for the workflow and signal it goes to.

Who wants to send something forged takes a client of their own, which signs nothing.
"""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    SignalWorkflowInput,
    StartWorkflowInput,
    WorkflowHandle,
)

from domain.rounds import RoundPlan
from domain.signing import audience_of
from workers.signing import Signer

PRIVATE_KEY = Ed25519PrivateKey.generate()
SIGNER = Signer(PRIVATE_KEY)
KEYS = {SIGNER.key_id: SIGNER.public_key.public_key}


class Signing(Interceptor):
    """Signs what leaves a client and bears no signature yet."""

    def __init__(self, signer: Signer = SIGNER) -> None:
        self._signer = signer

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        return _Signing(super().intercept_client(next), self._signer)


class _Signing(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, signer: Signer) -> None:  # noqa: A002
        super().__init__(next)
        self._signer = signer

    async def start_workflow(
        self,
        input: StartWorkflowInput,  # noqa: A002
    ) -> WorkflowHandle[Any, Any]:
        input.args = [
            self._signer.sign_plan(each)
            if isinstance(each, RoundPlan) and not each.signature
            else each
            for each in input.args
        ]
        return await super().start_workflow(input)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002
        audience = audience_of(input.id, input.signal)
        input.args = [
            self._signer.sign(each, audience=audience)
            if getattr(each, "signature", None) == ""
            else each
            for each in input.args
        ]
        await super().signal_workflow(input)


def signing_client(client: Client, signer: Signer = SIGNER) -> Client:
    """The same connection, on which everything is signed."""
    config = client.config()
    config["interceptors"] = [*config["interceptors"], Signing(signer)]
    return Client(**config)
