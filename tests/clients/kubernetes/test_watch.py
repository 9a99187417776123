"""Objects that are followed: what is seen at first, after each event, and when a watch ends."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
from worlds.served_cluster import kubeconfig_for

from kuryr_runbook.clients.kubernetes import watch as kubernetes_watch
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.kubernetes.watch import WATCH_SECONDS, Event, Watched, follow
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.objects import Manifest


def named(name: str, **values: Any) -> Manifest:
    return {"metadata": {"name": name}, **values}


def changed(name: str, **values: Any) -> Event:
    return Event(name, named(name, **values))


class Cluster:
    """Answers lists and watches in turn, the last of each again and again."""

    def __init__(self, lists: list[list[Manifest]], watches: list[list[Event]]) -> None:
        self.lists, self.watches, self.asked = lists, watches, list[float]()

    def listed(self) -> list[Manifest]:
        return self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]

    def events(self, seconds: int) -> Iterator[Event]:
        self.asked.append(seconds)
        yield from self.watches.pop(0) if self.watches else ()

    def follow(
        self, until: Callable[[dict[str, Manifest]], bool], seconds: float = 60
    ) -> dict[str, Manifest]:
        return follow(Watched(self.listed, self.events), seconds=seconds, until=until)


def test_what_is_there_already_needs_no_watch() -> None:
    cluster = Cluster([[named("a")]], [])
    assert cluster.follow(lambda seen: "a" in seen) == {"a": named("a")}
    assert cluster.asked == []


def test_each_event_changes_what_is_seen() -> None:
    events = [changed("b"), changed("b", ready=True), Event("a", None)]
    cluster = Cluster([[named("a")]], [events])
    steps: list[list[str]] = []

    def until(seen: dict[str, Manifest]) -> bool:
        steps.append(sorted(seen))
        return "a" not in seen

    assert cluster.follow(until) == {"b": named("b", ready=True)}
    assert steps == [["a"], ["a", "b"], ["a", "b"], ["b"]]


def test_a_watch_that_ends_is_followed_by_a_new_list() -> None:
    cluster = Cluster([[named("a")], [named("b")]], [[]])
    assert cluster.follow(lambda seen: "b" in seen) == {"b": named("b")}
    assert cluster.asked == [WATCH_SECONDS]


def test_at_the_end_of_the_time_the_last_that_was_seen_is_given() -> None:
    cluster = Cluster([[named("a")]], [[changed("b")]])
    assert sorted(cluster.follow(lambda seen: False, seconds=0)) == ["a", "b"]
    assert cluster.asked == [1]


class WatchedServer(BaseHTTPRequestHandler):
    """An API server with Deployments: every list has one more, and each watch ends in some way."""

    protocol_version = "HTTP/1.1"
    way: str
    over: Flag
    lists = 0

    def do_GET(self) -> None:
        if "watch=" in self.path:
            getattr(self, f"_{self.way}")()
        elif self.path.startswith("/apis/apps/v1/"):
            type(self).lists += 1
            items = [named(f"d{number}") for number in range(self.lists)]
            self._answer(200, {"items": items, "metadata": {}})
        elif self.path == "/apis/apps/v1":
            kind = {"name": "deployments", "kind": "Deployment", "namespaced": True, "verbs": []}
            body = {"kind": "APIResourceList", "groupVersion": "apps/v1"}
            self._answer(200, body | {"resources": [kind | {"singularName": ""}]})
        elif self.path == "/apis":
            version = {"groupVersion": "apps/v1", "version": "v1"}
            group = {"name": "apps", "versions": [version], "preferredVersion": version}
            self._answer(200, {"kind": "APIGroupList", "groups": [group]})
        else:
            self._answer(200, {"gitVersion": "v1.20.2", "major": "1", "minor": "20"})

    def _busy(self) -> None:
        self._answer(503, {"message": "busy"})

    def _refused(self) -> None:
        self._answer(403, {"message": "no"})

    def _forgotten(self) -> None:
        status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
        self._answer(200, {"type": "ERROR", "object": status})

    def _cut(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b'10\r\n{"type"')
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _silent(self) -> None:
        self.over.wait(60)
        self.close_connection = True

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing is told."""


@pytest.fixture
def client_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], KubernetesClient]]:
    """Gives a client of a server whose watches end in that way."""
    monkeypatch.setattr(kubernetes_watch, "SILENT_SECONDS", 0.1)
    monkeypatch.setattr(kubernetes_watch, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(kubernetes_watch, "WATCH_SECONDS", 1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    over = Flag()
    handler = type("Handler", (WatchedServer,), {"over": over})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()

    def client(way: str) -> KubernetesClient:
        handler.way = way  # type: ignore[attr-defined]
        return KubernetesClient(kubeconfig_for(server, tmp_path))

    yield client
    over.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("way", ["busy", "forgotten", "cut", "silent"])
def test_a_watch_that_is_cut_is_followed_by_a_new_list(
    client_of: Callable[[str], KubernetesClient], way: str
) -> None:
    seen = client_of(way).watch(
        "apps/v1", "Deployment", namespace="n", seconds=60, until=lambda seen: len(seen) == 3
    )
    assert sorted(seen) == ["d0", "d1", "d2"]


def test_a_watch_that_is_cut_again_and_again_ends_with_its_time(
    client_of: Callable[[str], KubernetesClient],
) -> None:
    seen = client_of("cut").watch(
        "apps/v1", "Deployment", namespace="n", seconds=0.5, until=lambda seen: False
    )
    assert seen


def test_a_watch_that_is_refused_is_not_asked_for_again(
    client_of: Callable[[str], KubernetesClient],
) -> None:
    with pytest.raises(AccessError, match="watch Deployment: the API server answered 403"):
        client_of("refused").watch(
            "apps/v1", "Deployment", namespace="n", seconds=60, until=lambda seen: False
        )
