"""A time-stamping service (RFC 3161) on loopback: OpenSSL's, behind HTTP."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[tsa]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa_config]
serial = {directory}/serial
signer_cert = {directory}/tsa.pem
signer_key = {directory}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""


@dataclass
class Service:
    """The service's side."""

    directory: Path
    url: str = ""
    broken: bool = False
    issued: list[bytes] = field(default_factory=list)
    """All that it has signed, as its own log would say."""

    @property
    def ca(self) -> Path:
        """By which it is trusted."""
        return self.directory / "ca.pem"

    def answer(self, query: bytes) -> bytes:
        """What it answers to a query."""
        asked, said = self.directory / "query.tsq", self.directory / "answer.tsr"
        asked.write_bytes(query)
        config = ("-config", str(self.directory / "openssl.cnf"), "-section", "tsa_config")
        openssl("ts", "-reply", "-queryfile", str(asked), "-out", str(said), *config)
        self.issued.append(said.read_bytes())
        return self.issued[-1]


def openssl(*arguments: str) -> None:
    """Run it."""
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


def make_service(directory: Path, name: str = "a CA of tests") -> Service:
    """Its keys and certificates."""
    directory.mkdir()
    config = directory / "openssl.cnf"
    config.write_text(CONFIG.format(directory=directory, name=name))
    (directory / "serial").write_text("01\n")
    key = ("-newkey", "rsa:2048", "-nodes", "-config", str(config))
    ca, tsa = (str(directory / stem) for stem in ("ca", "tsa"))
    own = ("-x509", "-extensions", "ca", "-days", "2", "-keyout", f"{ca}.key", "-out", f"{ca}.pem")
    openssl("req", *key, *own)
    subject = ("-subj", "/CN=a time-stamping service of tests")
    openssl("req", *key, *subject, "-keyout", f"{tsa}.key", "-out", f"{tsa}.csr")
    signer = ("-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2")
    how = ("-extfile", str(config), "-extensions", "tsa", "-in", f"{tsa}.csr", "-out", f"{tsa}.pem")
    openssl("x509", "-req", *signer, *how)
    return Service(directory)


@contextmanager
def served_timestamps(directory: Path) -> Iterator[Service]:
    """The service, as long as the block lasts."""
    service = make_service(directory)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            body = b"<html>" if service.broken else service.answer(query)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    service.url = f"http://127.0.0.1:{server.server_port}/tsa"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
