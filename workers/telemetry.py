"""What a running process says of itself: its log, its metrics, whether it is ready.

Logs of our own and of the libraries leave through one structlog pipeline. Temporal's SDK measures
itself in Rust and offers the figures on a loopback port of its own; `metrics_text` puts them behind
ours, so that one scrape sees everything.
"""

from __future__ import annotations

import logging
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import structlog
from prometheus_client import generate_latest
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from workers.censoring import censor_names, censor_text
from workers.ports import LOOPBACK, free_port
from workers.settings import Settings

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Each logs every request, or every poll, at info.
CHATTY = ("httpx", "httpcore", "alembic", "temporalio", "uvicorn.access")

_sdk_metrics_url: str | None = None


def start(settings: Settings, service: str) -> None:
    """Set a service's process up: logs in the wanted form, Temporal's metrics within reach.

    To be called once, before anything connects to Temporal.
    """
    global _sdk_metrics_url  # noqa: PLW0603 - one process, one Temporal runtime
    configure_logging(settings.log_level, settings.log_format, service)
    address = f"{LOOPBACK}:{free_port()}"
    Runtime.set_default(
        Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=address)))
    )
    _sdk_metrics_url = f"http://{address}/metrics"


def configure_logging(level: str, form: str, service: str) -> None:
    """Send structlog and the standard library's logging to stdout, each entry in `form`."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _named(service),
                censor_names,
                *_rendering(form),
                # Last: what an exception says is text by now.
                censor_text,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _named(service: str) -> structlog.typing.Processor:
    def add_service(
        _logger: object, _method: str, entry: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        entry["service"] = service
        return entry

    return add_service


def _rendering(form: str) -> list[structlog.typing.Processor]:
    if form == "console":
        return [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    # Without local variables: they hold tokens, passwords and what people's records say.
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]


def sdk_metrics() -> bytes:
    """Temporal's own figures for this process; nothing before `start`."""
    if _sdk_metrics_url is None:
        return b""
    try:
        with urllib.request.urlopen(_sdk_metrics_url, timeout=2) as answer:  # noqa: S310 - loopback
            text: bytes = answer.read()
            return text
    except (urllib.error.URLError, TimeoutError):
        # A scrape without the SDK's part is worth more than a failed one.
        return b""


def metrics_text() -> bytes:
    """Everything this process measures, in Prometheus's text format."""
    return generate_latest() + sdk_metrics()


def polls_temporal() -> bool:
    """Whether this process asks Temporal for work: the SDK counts its pollers."""
    return any(
        line.startswith(b"temporal_num_pollers") and float(line.rsplit(maxsplit=1)[-1]) > 0
        for line in sdk_metrics().splitlines()
    )


class _Pages(BaseHTTPRequestHandler):
    """A worker's two pages: /metrics, and /healthz (503 until it polls Temporal)."""

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._answer(200, metrics_text(), CONTENT_TYPE)
        elif self.path == "/healthz":
            ready = polls_temporal()
            body = b'{"status":"ok"}\n' if ready else b'{"status":"starting"}\n'
            self._answer(200 if ready else 503, body, "application/json")
        else:
            self._answer(404, b"", CONTENT_TYPE)

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_arguments: Any) -> None:  # noqa: A002 - http.server's name
        """Scrapes are not news."""


@contextmanager
def serving_metrics(host: str, port: int) -> Iterator[None]:
    """Serve /metrics and /healthz for as long as the block runs."""
    server = ThreadingHTTPServer((host, port), _Pages)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
