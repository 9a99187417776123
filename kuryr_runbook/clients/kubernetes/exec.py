"""A command in a container of a pod, by the API server's stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kuryr_runbook.clients.kubernetes.errors import ours
from kuryr_runbook.model.errors import ApplyError

OPEN_SECONDS = 40
"""How long opening the stream may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What came of a command in a container."""

    status: int
    output: str
    """stdout and stderr, as they came."""


def execute_in_pod(
    settings: Any, namespace: str, pod: str, command: list[str], *, seconds: float
) -> Executed:
    """Run a command in the pod's first container; `settings` is the SDK's configuration.

    Raises ApplyError past the deadline.
    """
    from kubernetes.client import ApiClient, CoreV1Api
    from kubernetes.stream import stream

    doing = f"exec in pod {namespace}/{pod}"
    with ours(doing):
        # The stream helper swaps the client's transport: a client of its own for each call.
        channel = stream(
            CoreV1Api(ApiClient(settings)).connect_get_namespaced_pod_exec,
            pod,
            namespace,
            command=command,
            stdout=True,
            stderr=True,
            stdin=False,
            tty=False,
            _preload_content=False,
            _request_timeout=OPEN_SECONDS,
        )
        try:
            channel.run_forever(timeout=seconds)
            # Before read_all(), which forgets the channel that carries the status.
            status = _exit_status(channel, doing)
            output = channel.read_all()
        finally:
            channel.close()
            # close() leaves the socket open when the server was the first to close.
            channel.sock.shutdown()
    if status is None:
        raise ApplyError(
            f"the command in pod {namespace}/{pod} did not end in {seconds:.0f} s; "
            f"it said: {output[-300:]}"
        )
    return Executed(status=status, output=output)


def _exit_status(channel: Any, doing: str) -> int | None:
    """The command's exit status, None while it runs."""
    try:
        status: int | None = channel.returncode
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise ApplyError(
            f"{doing}: no exit status: the connection was cut, or the command could not start",
            remedy="does the pod still run? kubectl get pod, and the kubelet's log on its node",
        ) from error
    return status
