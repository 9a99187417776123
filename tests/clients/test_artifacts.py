"""The artifact store, over real HTTP to a server on loopback."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kuryr_runbook.clients.artifacts import artifact_store
from kuryr_runbook.model.errors import AccessError, ApplyError, DriftError, UnreachableError

PLUGIN = b"\x7fELF plugin"
PATH = "stein/0123/kuryr-cni"


class Server(ThreadingHTTPServer):
    """Keeps what is PUT."""

    files: dict[str, bytes]
    login: str = ""
    """What Authorization has to be; empty: anything."""
    keeps = True
    refuses = 0
    """A status with which every PUT is answered."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/files"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        found = self.server.files.get(self.path)
        self.answer(200 if found is not None else 404, found or b"")

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.server.refuses and self.server.keeps:
            self.server.files[self.path] = content
        self.answer(self.server.refuses or 201, b"")

    def answer(self, status: int, content: bytes) -> None:
        if self.server.login and self.headers.get("Authorization") != self.server.login:
            status, content = 401, b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server(("127.0.0.1", 0), Handler)
    server.files = {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_was_put_is_read_back(server: Server) -> None:
    store = artifact_store(f"{server.url}/")
    assert store.sha256(PATH) is None
    store.put(PATH, PLUGIN)
    assert server.files == {f"/files/{PATH}": PLUGIN}
    assert store.sha256(PATH) == hashlib.sha256(PLUGIN).hexdigest()


def test_the_login_comes_from_netrc(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = secrets.token_hex(8)
    server.login = "Basic " + base64.b64encode(f"kuryr:{password}".encode()).decode()
    store = artifact_store(server.url)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with pytest.raises(
        AccessError, match=f"writing {server.url}/{PATH}: the store answers 401"
    ) as e:
        store.put(PATH, PLUGIN)
    assert "netrc" in str(e.value.remedy)
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login kuryr password {password}\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    store.put(PATH, PLUGIN)
    assert store.sha256(PATH)


def test_a_store_that_does_not_keep_is_found_out(server: Server) -> None:
    server.keeps = False
    with pytest.raises(DriftError, match="read nothing"):
        artifact_store(server.url).put(PATH, PLUGIN)


@pytest.mark.parametrize("status", [405, 409, 507])
def test_a_refusal_names_step_and_answer(server: Server, status: int) -> None:
    server.refuses = status
    with pytest.raises(ApplyError, match=f"writing .*{PATH}: the store answers {status}"):
        artifact_store(server.url).put(PATH, PLUGIN)


def test_silence_is_reported_apart() -> None:
    with pytest.raises(UnreachableError, match=r"artifact store http://127\.0\.0\.1:9: no answer"):
        artifact_store("http://127.0.0.1:9").sha256(PATH)
