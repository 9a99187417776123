"""A registry's proxy that counts what changes the registry, and may strike when it was done."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kuryr_runbook.lab.pki import Issued

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
OF_ONE_HOP = {"connection", "transfer-encoding", "content-length", "expect", "keep-alive"}
SECONDS = 120


@dataclass
class RegistryProxy:
    """Where it listens, and what it saw."""

    upstream: str
    trust: ssl.SSLContext
    """What it trusts the registry by."""
    address: str = ""
    changes: list[str] = field(default_factory=list)
    """The requests that changed something, as they were done."""
    on_change: Callable[[int], None] = lambda number: None
    """Called with the number of the change, from 1, before its answer is passed on."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, on_change: Callable[[int], None] = lambda number: None) -> None:
        """Count from the start again."""
        self.changes.clear()
        self.on_change = on_change

    def changed(self, what: str) -> None:
        with self.lock:
            self.changes.append(what)
            number = len(self.changes)
        self.on_change(number)


@contextmanager
def registry_proxy(upstream: str, ca: str, own: Issued) -> Iterator[RegistryProxy]:
    """Listens on 127.0.0.1 with the certificate `own`, and trusts the registry by `ca`."""
    proxy = RegistryProxy(upstream, ssl.create_default_context(cafile=ca))
    server = _Server(("127.0.0.1", 0), _handler(proxy))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.cert, own.key)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    proxy.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that were killed hang up; that is what they are here for."""


def _handler(proxy: RegistryProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

        def pass_on(self) -> None:
            body = self._body()
            there = http.client.HTTPSConnection(
                proxy.upstream, context=proxy.trust, timeout=SECONDS
            )
            kept = {k: v for k, v in self.headers.items() if k.lower() not in OF_ONE_HOP}
            there.request(self.command, self.path, body=body, headers=kept)
            answer = there.getresponse()
            content = answer.read()
            there.close()
            if self.command in CHANGING and answer.status < 300:
                proxy.changed(f"{self.command} {self.path.partition('?')[0]}")
            self.send_response(answer.status)
            for key, value in answer.getheaders():
                if key.lower() not in OF_ONE_HOP:
                    self.send_header(key, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = []
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815

    return Handler
