"""Probes against a server on loopback that answers as no healthy cloud does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import yaml

from kuryr_runbook.clients.openstack import probes
from kuryr_runbook.clients.openstack.probes import ProbingCloud
from kuryr_runbook.model.errors import ApplyError, UnreachableError

HTML = "<html>Please log in to the guest network</html>"


class Answers(BaseHTTPRequestHandler):
    """The same answer to everything, but for the root, where an SDK looks for versions first."""

    status: ClassVar[int] = 200
    body: ClassVar[str] = HTML
    root: ClassVar[tuple[int, str]] = (200, HTML)
    asked: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        self._answer(*(self.root if self.path == "/" else (self.status, self.body)))

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.asked.append(json.loads(self.rfile.read(length)))
        self._answer(self.status, self.body)

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        pass


def answering(monkeypatch: pytest.MonkeyPatch, status: int, body: object) -> None:
    monkeypatch.setattr(Answers, "status", status)
    monkeypatch.setattr(Answers, "body", text_of(body))


def at_root(monkeypatch: pytest.MonkeyPatch, status: int, body: object) -> None:
    monkeypatch.setattr(Answers, "root", (status, text_of(body)))


def text_of(body: object) -> str:
    return body if isinstance(body, str) else json.dumps(body)


@pytest.fixture
def prober(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProbingCloud]:
    monkeypatch.setattr(Answers, "asked", [])
    monkeypatch.setattr(probes, "PATIENCE_SECONDS", 0.0)
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/"
    links = [{"rel": "self", "href": f"{url}v2.0/"}]
    at_root(monkeypatch, 200, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})
    entry = {
        "auth_type": "none",
        "auth": {"endpoint": url},
        "network_endpoint_override": url,
        "load_balancer_endpoint_override": f"{url}v2.0",
    }
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(yaml.safe_dump({"clouds": {"odd": entry}}))
    yield ProbingCloud("odd", clouds)
    server.shutdown()
    thread.join()
    server.server_close()


def test_versions_stand_at_the_root_above_the_endpoint(
    prober: ProbingCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_root(monkeypatch, 200, {"versions": [{"id": "v2.0"}, {"id": "v2.27"}]})
    assert prober.octavia_versions() == ["v2.0", "v2.27"]


@pytest.mark.parametrize(
    ("status", "body"), [(200, HTML), (503, "busy"), (200, {}), (200, []), (200, "v2")]
)
def test_what_is_no_octavia_is_reported(
    prober: ProbingCloud, monkeypatch: pytest.MonkeyPatch, status: int, body: object
) -> None:
    at_root(monkeypatch, status, body)
    with pytest.raises(UnreachableError, match=rf"Octavia answer(s|ed) {status}") as caught:
        prober.octavia_versions()
    assert "proxy" in str(caught.value.remedy)


def test_a_page_in_place_of_neutron_is_reported(prober: ProbingCloud) -> None:
    with pytest.raises(UnreachableError, match=r"Neutron answers 200 .* not JSON"):
        prober.list_resources("extension")


@pytest.mark.parametrize(
    ("status", "body", "type_"),
    [
        (404, {"NeutronError": {"type": "SubnetNotFound", "message": "m"}}, "SubnetNotFound"),
        (403, {"NeutronError": "m"}, ""),
        (403, {"faultstring": "m"}, ""),
        (409, {"NeutronError": {"type": "OverQuota", "message": "m"}}, "OverQuota"),
        (501, HTML, ""),
    ],
)
def test_a_refusal_is_reported_as_it_came(
    prober: ProbingCloud, monkeypatch: pytest.MonkeyPatch, status: int, body: object, type_: str
) -> None:
    answering(monkeypatch, status, body)
    refusal = prober.refuse_port("network", {})
    assert (refusal.status, refusal.type) == (status, type_)
    assert refusal.said == (HTML if body == HTML else "m")


def test_every_port_probe_names_another_subnet_that_does_not_exist(
    prober: ProbingCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, 404, {})
    for _ in range(2):
        prober.refuse_port("network", {"binding:host_id": "h"})
    first, second = (asked["port"]["fixed_ips"] for asked in Answers.asked)
    assert first != second


def test_a_probe_that_is_taken_says_so(
    prober: ProbingCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, 201, {"port": {"id": "p"}})
    with pytest.raises(ApplyError, match="accepted an impossible request, POST /ports") as caught:
        prober.refuse_port("network", {})
    assert "delete what it created" in str(caught.value.remedy)


@pytest.mark.parametrize("status", [429, 502])
def test_a_service_that_stays_busy_has_refused_nothing(
    prober: ProbingCloud, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    answering(monkeypatch, status, HTML)
    with pytest.raises(ApplyError, match=f"Neutron answered {status} to POST /ports"):
        prober.refuse_port("network", {})
