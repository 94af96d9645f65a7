"""A program that takes webhooks: a real HTTP server, which answers as a test tells it to."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from domain.destinations import DestinationRules, read_networks
from workers.ports import LOOPBACK
from workers.sealing import KEY_BYTES, Sealer

TO_LOOPBACK = DestinationRules(allow_http=True, networks=read_networks("127.0.0.0/8"))
SEALER = Sealer(b"k" * KEY_BYTES)


@dataclass(frozen=True, kw_only=True)
class Received:
    path: str
    headers: dict[str, str]
    """By names in lower case."""
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


Answer = tuple[int, dict[str, str]]


@dataclass
class Receiver:
    """`answer` gives the status and headers for a request; 204 unless told otherwise."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answer: Callable[[Received], Answer] = lambda _request: (204, {})
    trickle: bool = False
    """Whether the answer has a body that does not end."""
    silent: bool = False
    """Whether there is no answer at all."""
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/hook"

    @property
    def kinds(self) -> list[str]:
        return [each.event["type"] for each in self.received]


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on the loopback address; over TLS with a context."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            request = Received(
                path=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length),
            )
            receiver.received.append(request)
            if receiver.silent:
                receiver.closing.wait()
                return
            if receiver.trickle:
                self._trickle()
                return
            status, headers = receiver.answer(request)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def _trickle(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while not receiver.closing.is_set():
                    self.wfile.write(b"more and more " * 100)

        def do_GET(self) -> None:
            receiver.received.append(Received(path=self.path, headers={}, body=b""))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
