"""Objects of a cluster as its API shows them, for worlds and for what is put into one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

Item = dict[str, Any]
BEFORE = "2026-11-20T08:00:00Z"


def metadata(name: str, namespace: str) -> Item:
    return {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "creationTimestamp": BEFORE,
    }


def node(name: str, address: str, *, ready: bool = True) -> Item:
    """A worker; one that is not ready waits for a CNI configuration."""
    state = {"type": "Ready", "status": str(ready), "message": "kubelet is ready" if ready else ""}
    return {
        "metadata": {"name": name},
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}],
            "conditions": [state],
            "allocatable": {"pods": "250"},
        },
    }


def own_pod(program: str, name: str, where: str, home: str) -> Item:
    """A pod of Kuryr's."""
    owner = "DaemonSet" if program == "kuryr-daemon" else "ReplicaSet"
    found = {
        **metadata(name, home),
        "labels": {"name": program},
        "ownerReferences": [{"kind": owner, "name": program}],
    }
    return {
        "metadata": found,
        "spec": {"nodeName": where, "hostNetwork": True},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"restartCount": 0, "state": {"running": {}}}],
        },
    }


def waiting_pod(name: str, namespace: str = "default", **more: Any) -> Item:
    """A pod without a network yet."""
    return {
        "kind": "Pod",
        "metadata": {**metadata(name, namespace), **more},
        "spec": {"containers": []},
        "status": {"phase": "Pending"},
    }


def program(kind: str, name: str, *words: str, **spec: Any) -> Item:
    """A DaemonSet or Deployment, or a static pod; its command is `words`."""
    pod = {"containers": [{"image": "i", "command": list(words)}], "hostNetwork": True, **spec}
    return {
        "kind": kind,
        "metadata": metadata(name, "kube-system"),
        "spec": pod if kind == "Pod" else {"template": {"spec": pod}},
    }


def service(
    name: str, address: str = "10.96.0.5", port: int = 80, namespace: str = "default", **spec: Any
) -> Item:
    """A Service that selects pods by its own name."""
    return {
        "kind": "Service",
        "metadata": metadata(name, namespace),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "selector": {"app": name},
            "ports": [{"protocol": "TCP", "port": port}],
            **spec,
        },
        "status": {},
    }


def endpoints(
    name: str, pods: list[tuple[str, str]], namespace: str = "default", port: int = 8080
) -> Item:
    return {
        "kind": "Endpoints",
        "metadata": metadata(name, namespace),
        "subsets": [
            {
                "addresses": [
                    {"ip": address, "targetRef": {"kind": "Pod", "name": pod}}
                    for pod, address in pods
                ],
                "ports": [{"port": port, "protocol": "TCP"}],
            }
        ],
    }


def policy(name: str, **spec: Any) -> Item:
    """A NetworkPolicy that lets nobody in, unless said otherwise."""
    return {
        "kind": "NetworkPolicy",
        "metadata": metadata(name, "default"),
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], **spec},
    }


def versioned(name: str, **fields: Any) -> Item:
    return {"versioned_object.name": name, "versioned_object.data": fields}


def vif_of(port: str, mac: str, address: str, **more: Any) -> Item:
    """An interface as Kuryr's controller writes it."""
    ip = versioned("FixedIP", address=address)
    subnet = versioned("Subnet", ips=versioned("FixedIPList", objects=[ip]))
    network = versioned("Network", subnets=versioned("SubnetList", objects=[subnet]))
    return versioned("VIF", id=port, address=mac, active=True, network=network, **more)


def moments_ago(seconds: float) -> str:
    """A time that a snapshot made now takes for that long ago."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
