"""An identity provider whose keys the test holds: real HTTP, real keys, and lies when told to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from jwt.algorithms import ECAlgorithm

from workers.ports import LOOPBACK

CLIENT, SECRET = "labelwright", "s3cret/with=signs"
AUDIENCE = "https://labelwright.test/api"

Claims = dict[str, Any]


@dataclass(frozen=True)
class Key:
    key_id: str
    private: EllipticCurvePrivateKey = field(
        default_factory=lambda: generate_private_key(SECP256R1())
    )

    @property
    def public(self) -> dict[str, Any]:
        document: dict[str, Any] = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return document | {"kid": self.key_id, "use": "sig", "alg": "ES256"}

    def sign(self, claims: Claims, **header: Any) -> str:
        return jwt.encode(claims, self.private, "ES256", headers={"kid": self.key_id} | header)


@dataclass
class IdentityProvider:
    """Who signs in is `subject`; `twist` may change the claims of ID tokens, `sign` their form."""

    server: ThreadingHTTPServer
    issuer: str
    keys: list[Key] = field(default_factory=lambda: [Key("first")])
    subject: str = "ada"
    more: Claims = field(default_factory=dict)
    twist: Callable[[Claims], Claims] = lambda claims: claims
    sign: Callable[[Claims], str] | None = None
    document: dict[str, Any] = field(default_factory=dict)
    """Put over the discovery document."""
    jwks_body: bytes | None = None
    """Sent in the place of the keys."""
    redirect_jwks: str = ""
    asked: list[str] = field(default_factory=list)
    """Paths that were asked for."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    """What a client said last to the token endpoint, its Authorization header besides."""

    def claims(self, **changes: Any) -> Claims:
        now = int(time.time())
        return {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 300,
        } | changes

    def access_token(self, **changes: Any) -> str:
        return self.keys[0].sign(self.claims(**changes), typ="at+jwt")

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        } | self.document

    def authorize(self, query: dict[str, str]) -> str:
        """Where a browser is sent back to; everybody agrees at once."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return query["redirect_uri"] + "?" + urlencode({"code": code, "state": query["state"]})

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        claims = self.claims(aud=CLIENT, nonce=asked["nonce"]) | self.more
        claims = self.twist(claims)
        token = self.sign(claims) if self.sign else self.keys[0].sign(claims)
        return 200, {"id_token": token, "access_token": "opaque", "token_type": "Bearer"}


class _Handler(BaseHTTPRequestHandler):
    provider: IdentityProvider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        provider = self.provider
        provider.asked.append(parts.path)
        match parts.path:
            case "/.well-known/openid-configuration":
                self._send(200, provider.discovery())
            case "/jwks" if provider.redirect_jwks:
                self._redirect(provider.redirect_jwks)
            case "/jwks" if provider.jwks_body is not None:
                self._send_bytes(200, provider.jwks_body)
            case "/jwks" | "/elsewhere":
                self._send(200, {"keys": [key.public for key in provider.keys]})
            case "/authorize":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self._redirect(provider.authorize(query))
            case _:
                self._send(404, {})

    def do_POST(self) -> None:
        self.provider.asked.append(self.path)
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.provider.said = form | {"authorization": self.headers.get("authorization", "")}
        self._send(*self.provider.token(form))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass

    def _send(self, status: int, document: dict[str, Any]) -> None:
        self._send_bytes(status, json.dumps(document).encode())

    def _send_bytes(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, to: str) -> None:
        self.send_response(302)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def providing(host: str = LOOPBACK) -> Iterator[IdentityProvider]:
    """A provider that answers while the block lasts, at `host`, a name of the loopback address."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    provider = IdentityProvider(server=server, issuer=f"http://{host}:{server.server_port}")
    handler.provider = provider  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
