"""A small API server over HTTP, for what the dynamic client makes of its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

Answer = tuple[int, dict[str, Any]]
KINDS = {
    "v1": ("services", "Service"),
    "authorization.k8s.io/v1": ("reviews", "SelfSubjectAccessReview"),
}


class ApiServer(BaseHTTPRequestHandler):
    """Knows two kinds, has one object, and answers what would change it one by one."""

    live: dict[str, Any]
    answers: list[Answer]
    sent: list[dict[str, Any]]
    """The bodies that came with what was answered."""

    def do_GET(self) -> None:
        version = self.path.split("/", 2)[-1]
        if version in KINDS:
            plural, kind = KINDS[version]
            resource = {"name": plural, "kind": kind, "namespaced": kind == "Service"}
            resource |= {"singularName": "", "verbs": ["create"]}
            listed = {"kind": "APIResourceList", "groupVersion": version}
            self._answer(200, listed | {"resources": [resource]})
        elif self.path == "/apis":
            of_group = {"groupVersion": "authorization.k8s.io/v1", "version": "v1"}
            group: dict[str, Any] = {"name": "authorization.k8s.io", "versions": [of_group]}
            group["preferredVersion"] = of_group
            self._answer(200, {"kind": "APIGroupList", "groups": [group]})
        elif self.path.startswith("/api/v1/namespaces/"):
            self._answer(200, self.live)
        else:
            self._answer(200, {"gitVersion": "v1.20.2", "major": "1", "minor": "20"})

    def do_POST(self) -> None:
        self.sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer(*self.answers.pop(0))

    def do_PATCH(self) -> None:
        self.do_POST()

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing is told."""


def kubeconfig_for(server: ThreadingHTTPServer, folder: Path) -> Path:
    """A kubeconfig in that folder that leads to the server."""
    where = {"server": f"http://127.0.0.1:{server.server_port}"}
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": where}],
        "users": [{"name": "u", "user": {}}],
    }
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    return kubeconfig


@contextmanager
def served_cluster(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *answers: Answer, live: Any = None
) -> Iterator[tuple[Path, type[ApiServer]]]:
    """The kubeconfig for a server with these answers, and what the server was sent."""
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    fields = {"answers": list(answers), "live": live, "sent": []}
    handler: Any = type("Handler", (ApiServer,), fields)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield kubeconfig_for(server, folder), handler
    finally:
        server.shutdown()
        server.server_close()
