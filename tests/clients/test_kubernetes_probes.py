"""What a cluster lets its user do is asked again while the API server is busy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from kuryr_runbook.clients.kubernetes_probes import ProbingCluster
from kuryr_runbook.model.errors import ApplyError

KINDS = {
    "v1": ("services", "Service"),
    "authorization.k8s.io/v1": ("reviews", "SelfSubjectAccessReview"),
}
BUSY, ALLOWED = (503, {"message": "busy"}), (201, {"status": {"allowed": True}})
REFUSED = (422, {"message": "the range of valid IPs is 10.2.0.0/25"})


class ApiServer(BaseHTTPRequestHandler):
    """Knows two kinds, and answers what is posted one by one."""

    answers: list[tuple[int, dict[str, Any]]]

    def do_GET(self) -> None:
        version = self.path.split("/", 2)[-1]
        if version in KINDS:
            plural, kind = KINDS[version]
            resource = {"name": plural, "kind": kind, "namespaced": kind == "Service"}
            resource |= {"singularName": "", "verbs": ["create"]}
            listed = {"kind": "APIResourceList", "groupVersion": version}
            self._answer(200, listed | {"resources": [resource]})
        elif self.path == "/apis":
            version = {"groupVersion": "authorization.k8s.io/v1", "version": "v1"}
            group = {"name": "authorization.k8s.io", "versions": [version]}
            group["preferredVersion"] = version
            self._answer(200, {"kind": "APIGroupList", "groups": [group]})
        else:
            self._answer(200, {"gitVersion": "v1.20.2", "major": "1", "minor": "20"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(*self.answers.pop(0))

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


@pytest.fixture
def answers() -> list[tuple[int, dict[str, Any]]]:
    return []


@pytest.fixture
def cluster(
    answers: list[tuple[int, dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ProbingCluster]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    handler = type("Handler", (ApiServer,), {"answers": answers})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [
            {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        ],
        "users": [{"name": "u", "user": {}}],
    }
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    yield ProbingCluster(kubeconfig)
    server.shutdown()
    server.server_close()


def test_a_review_is_asked_for_again(
    answers: list[tuple[int, dict[str, Any]]], cluster: ProbingCluster
) -> None:
    answers += [BUSY, ALLOWED]
    assert cluster.may({"verb": "watch", "resource": "pods"}) is True
    assert answers == []


def test_a_service_that_cannot_be_is_asked_for_again_until_it_is_refused(
    answers: list[tuple[int, dict[str, Any]]], cluster: ProbingCluster
) -> None:
    answers += [BUSY, REFUSED]
    assert cluster.refuse_service() == "the range of valid IPs is 10.2.0.0/25"
    assert answers == []


def test_what_is_refused_for_good_is_not_asked_for_again(
    answers: list[tuple[int, dict[str, Any]]], cluster: ProbingCluster
) -> None:
    answers += [(400, {"message": "no"})]
    with pytest.raises(ApplyError, match="that cannot be: the API server answered 400"):
        cluster.refuse_service()
