"""Time stamps of an authority over a signed head: that it existed at that time, whoever made it.

Protocol: RFC 3161 (C. Adams, P. Cain, D. Pinkas, R. Zuccherato, 2001, "Internet X.509 Public Key
Infrastructure Time-Stamp Protocol").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
from cryptography import x509
from rfc3161_client import (
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.base import HashAlgorithm
from rfc3161_client.tsp import PKIStatus

from domain.canonical import canonical
from domain.errors import NotABundle, NotFound, TimestampRefused
from workers.audit.bundle import Listing
from workers.audit.findings import Finding, FindingKind

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
PATIENCE_SECONDS = 30.0
MAX_REPLY = 1 << 20
HINT = "without --timestamp-url the bundle is made all the same, signed and without a time stamp"


def signed_head(listing: Listing) -> bytes:
    """What is stamped: the tree head with its signature."""
    return canonical({"head": listing.head, "signature": listing.head_signature})


def time_stamp(url: str, statement: bytes) -> bytes:
    """The authority's response over the statement, DER. Raises TimestampRefused."""
    request = TimestampRequestBuilder(
        data=statement, hash_algorithm=HashAlgorithm.SHA256, nonce=True, cert_req=True
    ).build()
    try:
        answer = httpx.post(
            url,
            content=request.as_bytes(),
            headers={"Content-Type": QUERY, "Accept": REPLY},
            timeout=PATIENCE_SECONDS,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TimestampRefused(f"{url} did not answer: {error}", hint=HINT) from error
    if answer.status_code != httpx.codes.OK or len(answer.content) > MAX_REPLY:
        raise TimestampRefused(f"{url} answered with {answer.status_code}", hint=HINT)
    response = _decoded(answer.content)
    if response is None or not _is_over(response, statement):
        raise TimestampRefused(f"{url} did not answer with a time stamp", hint=HINT)
    if response.tst_info.nonce != request.nonce:
        raise TimestampRefused(f"{url} answered another request than ours", hint=HINT)
    return answer.content


def check_timestamp(
    data: bytes, statement: bytes, certificates: Sequence[x509.Certificate]
) -> Iterator[Finding]:
    """The response is a time stamp over the statement by the authority of the certificates."""
    why_not = _why_not(data, statement, certificates)
    if why_not:
        yield Finding(
            kind=FindingKind.TIMESTAMP_INVALID,
            subject="member head.tsr",
            message=f"The time stamp does not stand: {why_not}.",
        )


def read_certificates(paths: Sequence[Path]) -> list[x509.Certificate]:
    """Every certificate of the PEM files. Raises NotFound, NotABundle."""
    found: list[x509.Certificate] = []
    for path in paths:
        try:
            found += x509.load_pem_x509_certificates(path.read_bytes())
        except FileNotFoundError as error:
            raise NotFound(f"there is no file {path}") from error
        except (OSError, ValueError) as error:
            raise NotABundle(f"{path} holds no certificate in PEM") from error
    return found


def _why_not(data: bytes, statement: bytes, certificates: Sequence[x509.Certificate]) -> str:
    response = _decoded(data)
    if response is None:
        return "it cannot be read"
    issued_by_itself = [each for each in certificates if each.issuer == each.subject]
    others = [each for each in certificates if each.issuer != each.subject]
    if not issued_by_itself:
        return "no root certificate of its authority was given"
    verifier = VerifierBuilder(roots=issued_by_itself, intermediates=others).build()
    try:
        verifier.verify_message(response, statement)
    except (VerificationError, ValueError) as error:
        return str(error).rstrip(".")
    return ""


def _is_over(response: TimeStampResponse, statement: bytes) -> bool:
    granted = PKIStatus(response.status) is PKIStatus.GRANTED
    return granted and (
        response.tst_info.message_imprint.message == hashlib.sha256(statement).digest()
    )


def _decoded(data: bytes) -> TimeStampResponse | None:
    try:
        response = decode_timestamp_response(data)
        response.tst_info  # noqa: B018 -- decodes what is in it, or raises
    except ValueError:
        return None
    return response
