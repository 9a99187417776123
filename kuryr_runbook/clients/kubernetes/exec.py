"""A command in a container of a pod, by the API server's WebSocket.

Not by the SDK, which opens it without any deadline (kubernetes 37, `stream/ws_client.py`). Each
message begins with the number of a channel (`pkg/util/remotecommand` of Kubernetes).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from kuryr_runbook.clients.answers import mapping_of
from kuryr_runbook.clients.exchanges import MEBIBYTE, Bounds
from kuryr_runbook.clients.kubernetes.errors import translated_errors
from kuryr_runbook.clients.kubernetes.session import KubernetesSession
from kuryr_runbook.clients.transport import open_socket
from kuryr_runbook.model.errors import ApplyError, UnreachableError

OUTPUT, STATUS = (b"\x01", b"\x02"), b"\x03"
"""The channels of stdout and stderr, and the one of the exit status."""
PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """The result of a command in a container."""

    status: int
    output: str
    """stdout and stderr, in the order they arrived."""


@dataclass
class _Received:
    messages: list[bytes] = field(default_factory=list)

    @property
    def output(self) -> str:
        pieces = (message[1:] for message in self.messages if message[:1] in OUTPUT)
        return b"".join(pieces).decode(errors="replace")

    @property
    def status(self) -> bytes:
        return b"".join(message[1:] for message in self.messages if message[:1] == STATUS)


def execute_in_pod(
    session: KubernetesSession, namespace: str, pod: str, command: list[str], *, seconds: float
) -> Executed:
    """Run a command in the pod's first container.

    Raises ApplyError after the deadline, UnreachableError if the API server does not open the
    stream.
    """
    doing = f"exec in pod {namespace}/{pod}"
    received = _Received()
    with translated_errors(doing):
        channel = _opened(session, doing, _path(namespace, pod, command))
        running = Bounds(silence=seconds, whole=seconds, size=64 * MEBIBYTE)
        try:
            with session.exchange(doing, running) as asked:
                channel.sock.exchange = asked
                try:
                    for message in _messages(channel):
                        received.messages.append(message)
                except UnreachableError:
                    if not asked.is_over:
                        raise
                    raise ApplyError(
                        f"the command in pod {namespace}/{pod} did not end in {seconds:.0f} s; "
                        f"its last output: {received.output[-300:]}"
                    ) from None
        finally:
            channel.shutdown()
    return Executed(status=_exit_status(received.status, doing), output=received.output)


def _path(namespace: str, pod: str, command: list[str]) -> str:
    asked = [*(("command", word) for word in command), ("stdout", "true"), ("stderr", "true")]
    path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/exec"
    return f"{path}?{urlencode(asked)}"


def _opened(session: KubernetesSession, doing: str, path: str) -> Any:
    """The stream, open."""
    from websocket import WebSocket

    web_socket: Any = WebSocket
    url = f"{session.api.configuration.host}{path}"
    split = urlsplit(url)
    there = urlunsplit(split._replace(scheme="wss" if split.scheme == "https" else "ws"))
    with session.exchange(doing) as asked:
        logins = session.api.configuration.auth_settings().values()
        header = [f"{login['key']}: {login['value']}" for login in logins]
        asked.asks(f"GET {split.scheme}://{split.netloc}{split.path}")
        channel = web_socket(skip_utf8_validation=True)
        sock = open_socket(session.api.rest_client.pool_manager, url)
        try:
            # Given an open socket, it opens none of its own, except for a redirect.
            channel.connect(
                there, socket=sock, header=header, subprotocols=PROTOCOLS, redirect_limit=0
            )
        except BaseException:
            sock.close()
            raise
    return channel


def _messages(channel: Any) -> Iterator[bytes]:
    """The messages on the stream, until it ends."""
    from websocket import ABNF, WebSocketConnectionClosedException

    while True:
        try:
            opcode, frame = channel.recv_data_frame(control_frame=True)
        except (WebSocketConnectionClosedException, ConnectionError):
            return
        if opcode == ABNF.OPCODE_CLOSE:
            return
        if opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT):
            yield bytes(frame.data)


def _exit_status(said: bytes, doing: str) -> int:
    """The command's exit status, from the Status with which the API server ends the stream."""
    try:
        status = mapping_of(doing, said)
        if status.get("status") == "Success":
            return 0
        causes = status["details"]["causes"]
        return int(next(item["message"] for item in causes if item["reason"] == "ExitCode"))
    except (UnreachableError, StopIteration, LookupError, TypeError, ValueError) as error:
        raise ApplyError(
            f"{doing}: no exit status: the connection broke, or the command could not start",
            remedy="check with kubectl get pod and in its node's kubelet log whether the pod runs",
        ) from error
