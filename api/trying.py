"""How often a stranger may try: what an attempt is counted by, and what is said of too many."""

from __future__ import annotations

from starlette.requests import Request

from domain.credentials import ADDRESS, BAD_TOKENS, NAME_AT_ADDRESS, network_of, source_of
from storage.attempts import Counted


def address_of(request: Request) -> str:
    """Where the request came from: the address that uvicorn knows, a trusted proxy's word."""
    return request.client.host if request.client else ""


def visitors_network(request: Request) -> str:
    return network_of(address_of(request))


def signing_in(request: Request, name: str) -> tuple[Counted, Counted]:
    """A sign-in with a name: by that name at this address, and by the address."""
    source = source_of(address_of(request))
    return (
        Counted(what="name at address", parts=(name, source), patience=NAME_AT_ADDRESS),
        Counted(what="address", parts=(source,), patience=ADDRESS),
    )


def at_the_provider(request: Request) -> Counted:
    """A sign-in by the provider, which has no name before it is over."""
    source = source_of(address_of(request))
    return Counted(what="provider", parts=(source,), patience=ADDRESS)


def bad_token(request: Request) -> Counted:
    source = source_of(address_of(request))
    return Counted(what="bad token", parts=(source,), patience=BAD_TOKENS)
