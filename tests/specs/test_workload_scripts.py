"""The scripts that run in the pods of the verification, against real servers on loopback."""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from importlib import util
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kuryr_runbook
from kuryr_runbook.clients.kubernetes.exec import Executed
from kuryr_runbook.snapshots.workload.probes import PodProbe, parse_probe

SCRIPTS = Path(kuryr_runbook.__file__).parent / "share" / "workload"
ME, OTHER = "127.0.0.1", "127.0.0.9"


def probe_module() -> ModuleType:
    spec = util.spec_from_file_location("probe", SCRIPTS / "probe.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def probe() -> ModuleType:
    """The probe as a module."""
    return probe_module()


@pytest.fixture
def impatient(probe: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """One that soon gives up, for what never answers."""
    monkeypatch.setattr(probe, "AGAIN_SECONDS", 0.1)
    for name in ("ECHO_SECONDS", "DNS_SECONDS"):
        monkeypatch.setattr(probe, name, 0.3)
    return probe


@pytest.fixture
def server() -> Iterator[int]:
    """The pods' server itself, on loopback; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {"PORT": str(port), "POD_NAME": "kuryr-demo-x"}
    command = [sys.executable, str(SCRIPTS / "server.py")]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        await_listening(port)
        yield port
    finally:
        process.terminate()
        assert process.wait(10) == 0, "it has to end by itself when the kubelet asks"


def await_listening(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server does not listen")


def test_the_server_answers_with_the_pods_name(server: int) -> None:
    connection = HTTPConnection("127.0.0.1", server, timeout=10)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"kuryr-demo-x")
    assert response.getheader("Client-Address") == "127.0.0.1"
    connection.close()


def may_ping() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    except PermissionError:
        return False
    return True


needs_ping = pytest.mark.skipif(not may_ping(), reason="no raw sockets for this user")


def questions(server: int, **more: Any) -> dict[str, Any]:
    return {
        "peers": [ME], "port": server, "external": ME, "size": 1450, "vip": [ME, server],
        "tries": 2, "api": [ME, "/api"], "dns": "", **more,
    }  # fmt: skip


def asked(wanted: dict[str, Any]) -> PodProbe:
    """What the probe answers as a process, read as the runbook reads it."""
    command = [sys.executable, str(SCRIPTS / "probe.py"), json.dumps(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = parse_probe(Executed(status=0, output=done.stdout))
    assert isinstance(found, PodProbe)
    return found


def test_the_probe_answers_all_its_questions_in_one_go(server: int) -> None:
    found = asked(questions(server))
    assert [(it.ok, it.said, it.seen) for it in found.vip] == [(True, "kuryr-demo-x", ME)] * 2
    assert found.tcp[ME] == found.vip[0]
    assert found.pings.keys() == {ME}
    assert found.pings[ME].ok is (True if may_ping() else None)
    assert found.large == ({ME: found.pings[ME]} if may_ping() else {})
    assert found.api.ok is None
    assert found.dns is None


def test_without_a_size_or_peers_nothing_of_that_is_asked(server: int) -> None:
    found = asked(questions(server, size=0, peers=[], tries=0))
    assert (found.large, found.tcp, found.vip) == ({}, {}, ())


def test_many_peers_are_asked_at_once_and_reported_in_a_few_kilobytes(
    server: int, probe: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    peers = [f"127.0.1.{index}" for index in range(64)]
    probe.main(questions(server, peers=peers))
    output = capsys.readouterr().out
    found = parse_probe(Executed(status=0, output=output))
    assert isinstance(found, PodProbe)
    assert all(answer.ok for answer in found.tcp.values())
    assert list(found.tcp) == peers
    assert len(output) < 64 * 300


def test_what_does_not_answer_is_a_no(probe: ModuleType) -> None:
    closed = probe.http(ME, 1)
    assert closed["ok"] is False
    assert "refused" in closed["said"]


@needs_ping
@pytest.mark.parametrize("size", [84, 1450])
def test_a_ping_is_answered_by_all_that_hear_it(probe: ModuleType, size: int) -> None:
    found = probe.echoes([ME, OTHER], size)
    assert [found[it]["ok"] for it in (ME, OTHER)] == [True, True]


@needs_ping
def test_a_ping_that_nobody_answers_is_a_no(
    impatient: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(impatient, "is_reply", lambda packet, token: False)
    assert impatient.echoes([ME])[ME] == {"ok": False, "said": "no reply in 0 s", "seen": ""}


def refusing(error: OSError) -> Any:
    class Refusing(socket.socket):
        def sendto(self, *_: Any) -> int:
            raise error

    return lambda: Refusing(socket.AF_INET, socket.SOCK_DGRAM)


def test_a_packet_that_does_not_fit_the_way_says_so(
    impatient: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_long = OSError(errno.EMSGSIZE, "Message too long")
    monkeypatch.setattr(impatient, "icmp_socket", refusing(too_long))
    found = impatient.echoes([ME], 1450)[ME]
    assert (found["ok"], found["said"]) == (
        False,
        "a packet of 1450 bytes is too large for the path",
    )
    unreachable = OSError(errno.ENETUNREACH, "Network is unreachable")
    monkeypatch.setattr(impatient, "icmp_socket", refusing(unreachable))
    assert "Network is unreachable" in impatient.echoes([ME])[ME]["said"]


def test_a_pod_that_may_not_ping_says_that_it_could_not_ask(
    probe: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden() -> socket.socket:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(probe, "icmp_socket", forbidden)
    found = probe.echoes([ME, OTHER])
    assert [answer["ok"] for answer in found.values()] == [None, None]
    assert "ping cannot run" in found[ME]["said"]


TOKEN = b"12345678"


def test_a_request_is_as_long_as_it_is_wanted_and_checks(probe: ModuleType) -> None:
    for size in (84, 1450, 1451):
        packet = probe.echo_request(TOKEN, size)
        assert len(packet) == size - 20
        assert probe.checksum(packet) == 0


@pytest.mark.parametrize(
    ("packet", "is_reply"),
    [
        (b"\x00" + b"-" * 7 + TOKEN, True),
        (b"\x45" + b"-" * 19 + b"\x00" + b"-" * 7 + TOKEN, True),
        (b"\x46" + b"-" * 23 + b"\x00" + b"-" * 7 + TOKEN, True),
        (b"\x45" + b"-" * 19 + b"\x08" + b"-" * 7 + TOKEN, False),
        (b"\x45" + b"-" * 19 + b"\x00" + b"-" * 7 + b"87654321", False),
        (b"\x45", False),
        (b"", False),
    ],
)
def test_which_packets_are_replies(probe: ModuleType, packet: bytes, is_reply: bool) -> None:
    assert probe.is_reply(packet, TOKEN) is is_reply


@given(st.binary(max_size=80))
def test_no_packet_of_others_is_taken_for_a_reply(packet: bytes) -> None:
    assert PROBE.is_reply(packet, os.urandom(8)) is False


PROBE = probe_module()


@contextmanager
def dns_server(code: int, *, mute: int = 0) -> Iterator[int]:
    """Answers every query with that code, but for the first few; its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind((ME, 0))
        channel.settimeout(0.05)
        ends: list[bool] = []

        def serve() -> None:
            left = mute
            while not ends:
                try:
                    query, client = channel.recvfrom(512)
                except TimeoutError:
                    continue
                if left:
                    left -= 1
                    channel.sendto(b"??", client)
                    continue
                flags = struct.pack("!H", 0x8180 | code)
                channel.sendto(query[:2] + flags + query[4:], client)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield channel.getsockname()[1]
        finally:
            ends.append(True)
            thread.join()


@pytest.mark.parametrize(("code", "ok"), [(0, True), (3, True), (2, False), (5, False)])
def test_a_dns_server_answers_when_it_says_yes_or_that_there_is_no_such_name(
    probe: ModuleType, code: int, ok: bool
) -> None:
    with dns_server(code) as port:
        assert probe.dns(ME, port) == {"ok": ok, "said": f"answers with code {code}", "seen": ""}


def test_what_is_no_answer_of_dns_is_asked_again(probe: ModuleType) -> None:
    with dns_server(0, mute=2) as port:
        assert probe.dns(ME, port)["ok"] is True


def test_a_dns_server_that_is_not_there_is_a_no(impatient: ModuleType) -> None:
    found = impatient.dns(ME, 1)
    assert found["ok"] is False
    assert "refused" in found["said"]


WITHOUT_RAW_SOCKETS = """
sysctl -qw net.ipv4.ping_group_range='0 1'
exec setpriv --bounding-set -net_raw "$@"
"""
TWO_IDENTIFIERS = """
import runpy, sys
open_one = runpy.run_path(sys.argv[1])["icmp_socket"]
first, second = open_one(), open_one()
print(first.type.name, first.getsockname()[1], second.getsockname()[1])
"""


@pytest.mark.lab
def test_pings_of_pods_on_different_nodes_have_different_identifiers() -> None:
    node = ("unshare", "--net", "sh", "-ec", WITHOUT_RAW_SOCKETS, "sh")
    pod = (sys.executable, "-c", TWO_IDENTIFIERS, str(SCRIPTS / "probe.py"))
    said = [subprocess.check_output((*node, *pod), text=True).split() for _ in range(2)]
    assert {kind for kind, *_ in said} == {"SOCK_DGRAM"}
    # Without one (0), a kernel would count them up, and nodes booted alike would have the same.
    assert all("0" != first != second != "0" for _, first, second in said)
