"""Commands in pods: what is made of each way in which the API server's stream may end."""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.kubernetes.exec import Executed
from kuryr_runbook.model.errors import ApplyError

KEY_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
STDOUT, STDERR, ERROR = b"\x01", b"\x02", b"\x03"
BINARY, CLOSE = 0x82, 0x88
SUCCESS = {"status": "Success"}
EXIT_3 = {
    "status": "Failure",
    "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
}
NOT_STARTED = {"status": "Failure", "message": "exec: nosuch: executable file not found"}


def frame(opcode: int, payload: bytes) -> bytes:
    assert len(payload) < 126
    return struct.pack("BB", opcode, len(payload)) + payload


def ended(status: object) -> bytes:
    return frame(BINARY, ERROR + json.dumps(status).encode()) + frame(CLOSE, b"\x03\xe8")


def answer_once(listener: socket.socket, frames: bytes, done: threading.Event) -> None:
    """Accept one connection, shake hands as a WebSocket server, send the frames, close."""
    connection, _ = listener.accept()
    with connection:
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(4096)
        key = next(
            line.partition(b":")[2].strip()
            for line in request.splitlines()
            if line.lower().startswith(b"sec-websocket-key:")
        )
        accept = base64.b64encode(hashlib.sha1(key + KEY_SUFFIX).digest()).decode()  # noqa: S324
        connection.sendall(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n"
            "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n".encode()
        )
        connection.sendall(frames)
        if not frames:
            done.wait(20)


@contextmanager
def cluster(path: Path, frames: bytes) -> Iterator[KubernetesClient]:
    """A client whose API server answers one exec with these frames; none: it never ends."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer_once, args=(listener, frames, done))
        server.start()
        kubeconfig = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [
                {
                    "name": "c",
                    "cluster": {"server": f"http://127.0.0.1:{listener.getsockname()[1]}"},
                }
            ],
            "users": [{"name": "u", "user": {}}],
        }
        (path / "kubeconfig").write_text(json.dumps(kubeconfig))
        try:
            yield KubernetesClient(path / "kubeconfig")
        finally:
            done.set()
            server.join(20)
    assert not server.is_alive()


@pytest.mark.parametrize(("status", "expected"), [(SUCCESS, 0), (EXIT_3, 3)])
def test_status_and_output_are_both_told(tmp_path: Path, status: object, expected: int) -> None:
    frames = frame(BINARY, STDOUT + b"hi\n") + frame(BINARY, STDERR + b"oh\n") + ended(status)
    with cluster(tmp_path, frames) as client:
        executed = client.execute("ns", "pod", ["true"], seconds=20)
    assert executed == Executed(status=expected, output="hi\noh\n")
    # An open socket would end as a ResourceWarning, which is an error here.
    gc.collect()


@pytest.mark.parametrize(
    "frames",
    [ended(NOT_STARTED), frame(BINARY, STDOUT + b"hi\n") + frame(CLOSE, b"\x03\xe8")],
    ids=["not started", "cut"],
)
def test_an_end_without_status_is_no_success(tmp_path: Path, frames: bytes) -> None:
    with cluster(tmp_path, frames) as client, pytest.raises(ApplyError, match="no exit status"):
        client.execute("ns", "pod", ["nosuch"], seconds=20)


def test_a_command_without_end_is_given_up(tmp_path: Path) -> None:
    with cluster(tmp_path, b"") as client, pytest.raises(ApplyError, match=r"not end in 1 s"):
        client.execute("ns", "pod", ["sleep", "infinity"], seconds=1)
