"""A real time-stamp authority (RFC 3161): openssl with a certificate of its own, over HTTP."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

CONFIGURATION = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[stamper]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = stamping
[stamping]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/stamper.crt
signer_key = {folder}/stamper.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True, kw_only=True)
class Authority:
    url: str
    root: Path
    """Its root certificate, PEM."""


@contextmanager
def authority(folder: Path, *, broken: bool = False) -> Iterator[Authority]:
    """One that stamps; a broken one answers something else."""
    _issue(folder)

    class Stamping(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            reply = b"not a time stamp" if broken else _reply(folder, query)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Stamping)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        yield Authority(url=url, root=folder / "root.crt")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _issue(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "openssl.cnf").write_text(CONFIGURATION.format(folder=folder))
    (folder / "serial").write_text("01\n")
    configuration = ("-config", str(folder / "openssl.cnf"))
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
    _openssl(
        folder,
        *("req", "-x509", *configuration, *key, "-keyout", "root.key", "-out", "root.crt"),
        *("-subj", "/CN=Root of tests", "-extensions", "root", "-days", "2"),
    )
    _openssl(
        folder,
        *("req", "-x509", *configuration, *key, "-keyout", "stamper.key", "-out", "stamper.crt"),
        *("-subj", "/CN=Stamper of tests", "-extensions", "stamper", "-days", "2"),
        *("-CA", "root.crt", "-CAkey", "root.key"),
    )


def _reply(folder: Path, query: bytes) -> bytes:
    (folder / "query.tsq").write_bytes(query)
    _openssl(
        folder,
        *("ts", "-reply", "-config", "openssl.cnf", "-section", "stamping"),
        *("-queryfile", "query.tsq", "-out", "reply.tsr"),
    )
    return (folder / "reply.tsr").read_bytes()


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
