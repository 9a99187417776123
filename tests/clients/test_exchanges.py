"""Deadlines of exchanges: who enforces them, what is shown meanwhile, what nobody gets around."""

from __future__ import annotations

import ast
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from worlds.misbehaving import misbehaving

import kuryr_runbook
from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.exchanges import (
    Bounds,
    all_within,
    call_with_timeout,
    exchange,
    left_of_all,
)
from kuryr_runbook.clients.patience import polls
from kuryr_runbook.clients.transport import web_session
from kuryr_runbook.model.errors import UnreachableError

PACKAGE = Path(kuryr_runbook.__file__).parent
SHORT = Bounds(connect=2.0, silence=0.2, whole=0.4, size=1 << 20)
HOME = "clients/transport.py"
"""Where sockets are made."""
MAKERS = {
    "requests.get", "requests.post", "requests.put", "requests.request", "requests.Session",
    "requests.session", "urlopen", "HTTPConnection", "HTTPSConnection", "PoolManager",
    "ProxyManager", "socket.socket", "socket.create_connection", "socket.getaddrinfo",
    "create_connection", "WebSocket", "Watch", "create_websocket", "load_kube_config", "ApiClient",
    "Connection", "OpenStackConfig", "boto3.Session", "boto3.client", "boto3.resource",
}  # fmt: skip
"""Calls by which something that connects comes to be."""
ALLOWED = {
    "clients/transport.py": {"requests.Session", "socket.socket", "socket.getaddrinfo"},
    # They get their connections from there, which the tests of misbehaving servers show.
    "clients/kubernetes/connection.py": {"ApiClient"},
    "clients/openstack/cloud_config.py": {"Connection", "OpenStackConfig"},
    "clients/artifacts.py": {"boto3.Session"},
    # A port on this machine that is looked for, and bound to.
    "running/jupyterlab.py": {"socket.socket"},
}
ELSEWHERE = ("lab/", "share/")
"""What runs in other environments: the lab's, the image's, and pods."""
COMMANDS = {"subprocess.run", "subprocess.call", "subprocess.check_output", "subprocess.Popen"}
MAY_COMMAND = {"clients/commands.py"}


def calls(path: Path) -> set[str]:
    """The functions that a module calls, with the module in front where one stands there."""
    return {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }


def modules() -> list[tuple[str, Path]]:
    named = [(str(path.relative_to(PACKAGE)), path) for path in sorted(PACKAGE.rglob("*.py"))]
    return [item for item in named if not item[0].startswith(ELSEWHERE)]


def made(called: set[str]) -> set[str]:
    return {name for name in MAKERS for call in called if call == name or call.endswith(f".{name}")}


def test_nobody_makes_a_connection_but_the_one_home() -> None:
    found = {name: made(calls(path)) - ALLOWED.get(name, set()) for name, path in modules()}
    assert {name: calls for name, calls in found.items() if calls} == {}


def test_nobody_runs_a_command_without_a_deadline() -> None:
    found = {name for name, path in modules() if calls(path) & COMMANDS}
    # JupyterLab is a person's, who ends it; a fleet's programs have deadlines of their own.
    others = {"running/jupyterlab.py", "cli/notebooks.py", "clients/children.py"}
    assert found - others <= MAY_COMMAND


def test_the_rule_knows_its_calls() -> None:
    assert made({"requests.get", "kubernetes.watch.Watch", "openstack.connection.Connection"}) == {
        "requests.get",
        "Watch",
        "Connection",
    }


def test_a_connection_outside_of_an_exchange_is_a_defect() -> None:
    with misbehaving("null") as server, web_session() as web:
        with pytest.raises(RuntimeError, match="no deadline"):
            web.get(server.url)


def test_what_is_awaited_is_shown_with_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "SHOWN_AFTER", 0.05)
    monkeypatch.setattr(exchanges, "SHOWN_AGAIN", 0.05)
    told: list[str] = []
    with misbehaving("half a header") as server, web_session() as web:
        with (
            pytest.raises(UnreachableError) as caught,
            exchange("Neutron", bounds=SHORT, remedy="look there", notify=told.append),
        ):
            web.get(f"{server.url}/ports?token=x")
    assert told[-1].startswith(f"waiting for Neutron: GET {server.url}/ports: ")
    assert "of at most 0 s" in told[-1]
    message = str(caught.value)
    assert f"Neutron: GET {server.url}/ports: " in message
    assert "seen last: 27 bytes of an answer" in message
    assert "-> look there" in message


def test_an_exchange_within_another_ends_with_it() -> None:
    with exchange("a", bounds=SHORT, remedy="") as outer:
        with exchange("b", bounds=Bounds(), remedy="") as inner:
            assert inner.left(100) <= outer.left(100) + 0.1 <= 0.6


def test_a_command_has_a_time_in_all_whatever_the_thread() -> None:
    found: list[float] = []

    def ask() -> None:
        with exchange("a", bounds=Bounds(), remedy="") as opened:
            found.append(opened.left(100))

    with all_within(5.0):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        assert 0 < found[0] <= left_of_all(100.0) + 1 <= 6.0
        with all_within(0.0):
            assert list(polls("x", seconds=100, notify=print)) == []
    assert left_of_all(100.0) == 100.0


def test_a_name_that_nobody_resolves_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    real, over = socket.getaddrinfo, threading.Event()

    def silent(host: str, *arguments: object, **options: object) -> object:
        if host == "127.0.0.1" or options.get("flags"):
            return real(host, *arguments, **options)  # type: ignore[arg-type]
        over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    bounds = Bounds(connect=0.1)
    with web_session() as web, pytest.raises(UnreachableError, match="the lookup of"):
        with exchange("Keystone", bounds=bounds, remedy=""):
            web.get("http://keystone.example.org:5000/")
    over.set()


def test_one_dead_address_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with misbehaving("null") as server, web_session() as web:
        port = int(server.url.rpartition(":")[2])
        dead = socket.create_server(("127.0.0.1", 0), backlog=1)
        places = [("127.0.0.1", dead.getsockname()[1]), ("127.0.0.1", port)]
        dead.close()
        entries = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", place) for place in places]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
        with exchange("x", bounds=SHORT, remedy=""):
            assert web.get(f"http://two.example.org:{port}/").text == "null"


def test_what_is_left_behind_returns_or_raises_as_it_would() -> None:
    assert call_with_timeout(lambda: 1, 5.0) == 1
    with pytest.raises(ZeroDivisionError):
        call_with_timeout(lambda: 1 // 0, 5.0)
    over = threading.Event()
    with pytest.raises(TimeoutError):
        call_with_timeout(over.wait, 0.01)
    over.set()


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x03\x40\x00"])
def test_tls_that_does_not_come_or_byte_by_byte_ends(said: bytes) -> None:
    over = threading.Event()

    def trickle(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        with sock, suppress(OSError):
            sock.sendall(said)
            while said and not over.wait(0.01):
                sock.sendall(b"x")
            over.wait()

    with socket.create_server(("127.0.0.1", 0)) as listener, web_session() as web:
        server = threading.Thread(target=trickle, args=(listener,))
        server.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        bounds = Bounds(connect=0.3)
        with (
            pytest.raises(UnreachableError, match=r"no TLS in \d s"),
            exchange("registry", bounds=bounds, remedy=""),
        ):
            web.get(url)
        over.set()
        server.join()
