"""The sockets of our clients: none is left to the interpreter."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest
from urllib3 import PoolManager
from worlds.memory_cloud import cluster_cloud
from worlds.served_apis import ServedApis, served

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.exchanges import exchange
from kuryr_runbook.clients.transport import bind, open_socket

NODES = {"master": "172.18.0.10"}


def test_a_connection_that_the_pool_kept_is_closed_when_it_is_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[int] = []
    close = socket.socket.close

    def noted(sock: socket.socket) -> None:
        closed.append(sock.fileno())
        close(sock)

    monkeypatch.setattr(socket.socket, "close", noted)
    apis = ServedApis(cluster_cloud(NODES), NODES)
    manager = bind(PoolManager())
    with (
        served(apis, tmp_path),
        exchange("the API", bounds=exchanges.PROBE, remedy="look there"),
    ):
        url = f"{apis.url}/cluster/version"
        assert manager.request("GET", url).status == 200
        pool: Any = manager.connection_from_url(url).pool
        kept = pool.queue[-1].sock.fileno()
        again = open_socket(manager, url)
        assert kept in closed
        again.close()
    manager.clear()


@pytest.mark.parametrize(
    ("query", "marked"), [("", ""), ("?dryRun=All&token=secret", " (changes nothing)")]
)
def test_a_request_is_logged_by_its_address_alone(
    query: str, marked: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    apis = ServedApis(cluster_cloud(NODES), NODES)
    manager = bind(PoolManager())
    caplog.set_level("INFO", "kuryr_runbook")
    with (
        served(apis, tmp_path),
        exchange("the API", bounds=exchanges.PROBE, remedy="look there"),
    ):
        url = f"{apis.url}/cluster/version"
        manager.request("GET", f"{url}{query}", headers={"X-Auth-Token": "secret"})
    manager.clear()
    [line] = caplog.messages
    assert re.fullmatch(rf"GET {url}{re.escape(marked)}: 200, \d+\.\d\d s", line)
