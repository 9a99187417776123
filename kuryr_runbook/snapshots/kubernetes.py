"""What the cluster holds that matters to Kuryr, read in one list call per kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.snapshots.parsing import part, text


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAddress:
    """A node and the address that its kubelet registered."""

    name: str
    address: IPv4Address
    schedulable: bool
    ready: bool
    reason: str
    """What the Ready condition says."""
    runtime: str
    """Container runtime and version: containerd://1.6.20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSnapshot:
    """Nodes and API servers, as they were at one time."""

    taken_at: datetime
    cluster_id: str
    version: str
    nodes: tuple[NodeAddress, ...]
    api_servers: tuple[tuple[IPv4Address, int], ...]
    """Addresses and port behind the `kubernetes` service."""

    @property
    def dockershim(self) -> bool:
        """Whether kubelets drive Docker themselves, as they could up to Kubernetes 1.23."""
        return any(node.runtime.startswith("docker:") for node in self.nodes)


def read_cluster_id(reader: KubernetesReader) -> str:
    """What tells this cluster from all others: the uid of its namespace kube-system.

    Kubernetes has no id of a cluster; OpenTelemetry's conventions take this for `k8s.cluster.uid`.
    """
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}
    uid = text(part(reader.get(space), "metadata"), "uid")
    if not uid:
        raise DriftError(
            "the cluster has no namespace kube-system, whose uid tells it from other clusters",
            remedy="check that the kubeconfig's context names a cluster of Kubernetes",
        )
    return uid


def read_cluster(reader: KubernetesReader) -> ClusterSnapshot:
    """Read which cluster it is, its nodes, and where the API servers are."""
    taken_at = datetime.now(UTC)
    endpoints = reader.get(
        {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": "kubernetes", "namespace": "default"},
        }
    )
    return ClusterSnapshot(
        taken_at=taken_at,
        cluster_id=read_cluster_id(reader),
        version=reader.version,
        nodes=tuple(_node(node) for node in reader.list_objects("v1", "Node")),
        api_servers=tuple(
            (IPv4Address(address["ip"]), port["port"])
            for subset in (endpoints or {}).get("subsets", ())
            for address in subset.get("addresses", ())
            for port in subset["ports"]
        ),
    )


def _node(node: Mapping[str, Any]) -> NodeAddress:
    addresses = {item["type"]: item["address"] for item in node["status"].get("addresses", ())}
    ready: Mapping[str, Any] = next(
        (item for item in node["status"].get("conditions", ()) if item["type"] == "Ready"), {}
    )
    return NodeAddress(
        name=node["metadata"]["name"],
        address=IPv4Address(addresses["InternalIP"]),
        schedulable=not node["spec"].get("unschedulable", False),
        ready=ready.get("status") == "True",
        reason=ready.get("message", "no Ready condition yet"),
        runtime=node["status"].get("nodeInfo", {}).get("containerRuntimeVersion", ""),
    )
