"""Changes of a port's address pairs: computed, and told to a Neutron where Kuryr is faster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.clients import patience
from kuryr_runbook.clients.openstack.api import changed_pairs
from kuryr_runbook.clients.openstack.client import OpenStackClient

Pair = dict[str, str]


def pair(number: int) -> Pair:
    return {"ip_address": f"10.0.0.{number}", "mac_address": f"fa:16:3e:00:00:{number:02x}"}


OLD, NEW, KURYRS = pair(1), pair(2), pair(3)
PAIRS = st.lists(st.integers(1, 9), unique=True).map(lambda found: list(map(pair, found)))


@given(PAIRS, PAIRS, PAIRS)
def test_what_is_neither_added_nor_removed_stays_where_it_is(
    pairs: list[Pair], added: list[Pair], removed: list[Pair]
) -> None:
    added = [it for it in added if it not in removed]
    changed = changed_pairs(pairs, added, removed)
    others = [it for it in pairs if it not in removed]
    assert changed[: len(others)] == others
    assert all(it in changed for it in added)
    assert not [it for it in changed if it in removed]
    assert changed_pairs(changed, added, removed) == changed


def test_a_pair_is_the_same_however_neutron_writes_it() -> None:
    written = {"ip_address": "10.0.0.1/32", "mac_address": "FA:16:3E:00:00:01"}
    assert changed_pairs([written], [OLD], []) == [written]
    assert changed_pairs([written], [], [OLD]) == []


class Neutron(BaseHTTPRequestHandler):
    """Has one port, to which Kuryr adds a pair before each of the first updates."""

    port: ClassVar[dict[str, Any]]
    faster: ClassVar[int]
    updates: ClassVar[list[str | None]]

    def do_GET(self) -> None:
        if self.path == "/":
            links = [{"rel": "self", "href": f"http://{self.headers['Host']}/v2.0/"}]
            self._send(200, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})
        else:
            self._answer(200, self.port)

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.updates.append(self.headers.get("If-Match"))
        if len(self.updates) <= self.faster:
            self.port["allowed_address_pairs"] = [*self.port["allowed_address_pairs"], KURYRS]
            self.port["revision_number"] += 1
        if self.headers.get("If-Match") != f"revision_number={self.port['revision_number']}":
            self._answer(412, {})
            return
        self.port.update(body["port"])
        self._answer(200, self.port)

    def _answer(self, status: int, port: dict[str, Any]) -> None:
        self._send(status, {"port": port})

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenStackClient]:
    port = {"id": "p", "revision_number": 7, "allowed_address_pairs": [OLD]}
    monkeypatch.setattr(Neutron, "port", port, raising=False)
    monkeypatch.setattr(Neutron, "updates", [], raising=False)
    monkeypatch.setattr(Neutron, "faster", 0, raising=False)
    for pause in ("_FIRST_PAUSE", "_SPREAD"):
        monkeypatch.setattr(patience, pause, 0.0)
    server = HTTPServer(("127.0.0.1", 0), Neutron)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/"
    entry = {
        "auth_type": "none",
        "auth": {"endpoint": url},
        "network_endpoint_override": url,
    }
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(yaml.safe_dump({"clouds": {"odd": entry}}))
    yield OpenStackClient("odd", clouds)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_pair_that_kuryr_added_meanwhile_is_kept(
    cloud: OpenStackClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Neutron, "faster", 1)
    cloud.change_pairs("p", [NEW], [OLD])
    assert Neutron.port["allowed_address_pairs"] == [KURYRS, NEW]
    assert Neutron.updates == ["revision_number=7", "revision_number=8"]


def test_what_is_so_already_is_not_written(cloud: OpenStackClient) -> None:
    assert cloud.change_pairs("p", [OLD], [NEW])["id"] == "p"
    assert Neutron.updates == []
