"""The health that controller and daemons report, and what the daemons put on the nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cluster.objects import Node
from kuryr_runbook.snapshots.cluster.state import read_cluster
from kuryr_runbook.snapshots.reading import Unreadable, attempted, known
from kuryr_runbook.snapshots.workload.probes import Executor
from kuryr_runbook.specs.daemon import DAEMON

PATHS = ("ready", "alive")
LOG_LINES = 10
FIRST, PLUGIN = "first configuration: ", "plugin sha256: "
"""Prefixes of the lines of the init container's log that matter here."""


class PodReader(KubernetesReader, Executor, Protocol):
    """A reader that can also run commands in pods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthAnswer:
    """A pod's response on one path of its health port."""

    pod: str
    path: str
    text: str | Unreadable
    """The body followed by the status code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What the daemon's init container found and left on a node."""

    first: str
    """The CNI configuration that the kubelet uses; empty: the log names none."""
    plugin: str
    """SHA-256 of the CNI plugin; empty: the log names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonNode:
    """A node that pods are scheduled to, and its daemon."""

    node: Node
    installation: Installation | Unreadable | None
    """None: no daemon runs there."""


def read_health(
    site: Site, cluster: PodReader, component: str, port: int
) -> Iterator[HealthAnswer]:
    """Query the health port of each pod of a component, from inside the pod.

    A query over the network would also test the security groups, and a port that is only open to
    nodes would look like an unhealthy pod. A pod that is being deleted, as after a rollout, is
    skipped: it may be gone before it answers.
    """
    home = site.kubernetes.namespace
    for pod in cluster.list_objects("v1", "Pod", namespace=home, labels=f"name={component}"):
        if "deletionTimestamp" in pod["metadata"]:
            continue
        name = pod["metadata"]["name"]
        for path in PATHS:
            url = f"http://127.0.0.1:{port}/{path}"
            yield HealthAnswer(pod=name, path=path, text=_asked(cluster, home, name, url))


def _asked(cluster: PodReader, namespace: str, pod: str, url: str) -> str | Unreadable:
    command = ["curl", "-s", "-m", "15", "-w", " %{http_code}", url]
    return attempted(lambda: cluster.execute(namespace, pod, command).output.strip())


def read_daemon_nodes(site: Site, cluster: KubernetesReader) -> tuple[DaemonNode, ...]:
    """The schedulable nodes, each with what its daemon's init container logged."""
    home = site.kubernetes.namespace
    pods = {
        pod["spec"]["nodeName"]: pod["metadata"]["name"]
        for pod in cluster.list_objects("v1", "Pod", namespace=home, labels=f"name={DAEMON}")
    }
    return tuple(
        DaemonNode(node=node, installation=_installation(cluster, home, pods.get(node.name)))
        for node in known(read_cluster(cluster).nodes)
        if node.schedulable
    )


def _installation(
    cluster: KubernetesReader, namespace: str, pod: str | None
) -> Installation | Unreadable | None:
    if pod is None:
        return None
    log = attempted(lambda: cluster.log(namespace, pod, lines=LOG_LINES, container="install-cni"))
    if isinstance(log, Unreadable):
        return log
    return Installation(first=_after(log, FIRST), plugin=_after(log, PLUGIN))


def _after(log: str, prefix: str) -> str:
    lines = (line for line in log.splitlines() if line.startswith(prefix))
    return next(lines, prefix).removeprefix(prefix)
