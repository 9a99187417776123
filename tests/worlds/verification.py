"""A verification snapshot of a lab where all is well, for pure tests to spoil one thing in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from worlds.cloud_answers import PROJECT, answer
from worlds.memory_cloud import MemoryCloud
from worlds.memory_cluster import CLUSTER_ID

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.snapshots.cloud.state import LISTS, CloudState, read_cloud, with_service_ports
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.kubernetes import ClusterSnapshot, NodeAddress
from kuryr_runbook.snapshots.workload.probes import Answer, PodProbe
from kuryr_runbook.snapshots.workload.verification import Pod, VerificationSnapshot, Workload

NOW = datetime(2026, 11, 23, tzinfo=UTC)
YES = Answer(ok=True, said="answers")
NO = Answer(ok=False, said="no reply in 10 s")
PODS = ("kuryr-demo-a", "kuryr-demo-b", "kuryr-demo-c", "kuryr-demo-d")
EXTERNAL = "203.0.113.10"
VIP = "10.2.0.40"
AMPHORA = "10.2.0.140"
FLOATING = "198.51.100.21"
NODES = {"worker1": "172.18.0.11", "worker2": "172.18.0.12"}
SERVICE_RULE = "rule-service"


def lab_site(driver: VifDriver = VifDriver.NESTED_MACVLAN) -> Site:
    """The lab's site, with another driver if asked for."""
    path = Path(__file__).parents[2] / "parameters" / "lab.yaml"
    site = parse_site(path.read_text(), path.name)
    return site.model_copy(update={"kuryr": site.kuryr.model_copy(update={"vif_driver": driver})})


def pod(index: int) -> Pod:
    """The pod of that index, on alternating workers."""
    node = f"worker{index % 2 + 1}"
    address = f"10.1.0.{10 + index}"
    mac = f"fa:16:3e:00:00:{index:02x}"
    return Pod(
        name=PODS[index],
        node=node,
        node_address=NODES[node],
        address=address,
        running=True,
        vif=PodVif(port_id=f"port-{index}", mac=mac, addresses=(address,), active=True),
        trouble="",
    )


def port(port_id: str, address: str, **more: Any) -> dict[str, Any]:
    """A Neutron port."""
    fields = {
        "fixed_ips": [{"ip_address": address, "subnet_id": "pods"}],
        "security_groups": ["pod-group"],
        **more,
    }
    return answer("port", id=port_id, **fields)


def rule(rule_id: str, group: str, **more: Any) -> dict[str, Any]:
    """An ingress rule that admits everything but what `more` narrows."""
    fields = {"direction": "ingress", "ethertype": "IPv4", **more}
    return answer("security_group_rule", id=rule_id, security_group_id=group, **fields)


def resources() -> dict[str, tuple[Mapping[str, Any], ...]]:
    """Neutron and Octavia of the healthy lab."""
    pods = [pod(index) for index in range(4)]
    nodes = [
        port(
            f"port-{node}",
            address,
            fixed_ips=[{"ip_address": address, "subnet_id": "nodes"}],
            security_groups=["node-group"],
            allowed_address_pairs=[
                {"ip_address": it.address, "mac_address": it.vif.mac}
                for it in pods
                if it.node == node and isinstance(it.vif, PodVif)
            ],
        )
        for node, address in NODES.items()
    ]
    pod_ports = [
        port(it.vif.port_id, it.address, mac_address=it.vif.mac.upper())
        for it in pods
        if isinstance(it.vif, PodVif)
    ]
    return {
        "network": (answer("network", id="n1"), answer("network", id="n2")),
        "subnet": (
            answer("subnet", id="nodes", name="k8s-node-subnet", network_id="n1"),
            answer("subnet", id="services", name="kuryr-service-subnet", network_id="n2"),
        ),
        "port": (*nodes, *pod_ports),
        "security_group": (
            answer("security_group", id="node-group", name="k8s-node-sg"),
            answer("security_group", id="pod-group", name="kuryr-pod-sg"),
        ),
        "security_group_rule": (
            rule("rule-self", "node-group", remote_group_id="node-group"),
            rule(SERVICE_RULE, "node-group", remote_ip_prefix="10.2.0.0/24"),
            rule("rule-pods", "pod-group", remote_ip_prefix="10.2.0.0/24"),
        ),
        "floatingip": (
            answer("floatingip", id="f", floating_ip_address=FLOATING, port_id="vip-port"),
        ),
        "loadbalancer": (
            answer(
                "loadbalancer",
                id="lb",
                name="kuryr-verification/kuryr-demo-service",
                vip_address=VIP,
                vip_port_id="vip-port",
            ),
        ),
        "pool": (answer("pool", id="pool", loadbalancers=[{"id": "lb"}]),),
    }


AMPHORAS = port(
    "port-vrrp", AMPHORA, name="octavia-lb-vrrp-1", network_id="n2", project_id="octavia",
    allowed_address_pairs=[{"ip_address": VIP, "mac_address": "fa:16:3e:00:00:aa"}],
)  # fmt: skip
"""On the network of the Services, and Octavia's own."""


def cloud_of(
    kinds: Mapping[str, tuple[Mapping[str, Any], ...]],
    members: int = 4,
    amphoras: Mapping[str, Any] | None = AMPHORAS,
) -> CloudState:
    """A cloud with these resources, that many members in the pool, and the port of an amphora."""
    cloud = MemoryCloud()
    cloud.resources |= {kind: [dict(item) for item in items] for kind, items in kinds.items()}
    cloud.resources["port"] += [dict(amphoras)] if amphoras else []
    cloud.pool_members["pool"] = [
        answer("member", id=f"member-{i}", address=pod(i).address, protocol_port=8888)
        for i in range(members)
    ]
    state = read_cloud(cloud, PROJECT, pools_of=["lb"])
    return with_service_ports(lab_site(), cloud, state)


def probe(index: int) -> PodProbe:
    """What the pod of that index reaches: everything."""
    others = [other for other in range(4) if other != index]
    addresses = [pod(other).address for other in others]
    mine = pod(index).address
    return PodProbe(
        pings=dict.fromkeys([*addresses, EXTERNAL], YES),
        large=dict.fromkeys(addresses, YES),
        tcp={pod(it).address: Answer(ok=True, said=PODS[it], seen=mine) for it in others},
        vip=tuple(Answer(ok=True, said=name, seen=AMPHORA) for name in PODS),
        api=Answer(ok=True, said="kuryr-demo-service other"),
        dns=Answer(ok=True, said="answers with code 0"),
    )


def healthy(driver: VifDriver = VifDriver.NESTED_MACVLAN) -> VerificationSnapshot:
    """All is well."""
    return VerificationSnapshot(
        taken_at=NOW,
        site=lab_site(driver),
        cluster=ClusterSnapshot(
            cluster_id=CLUSTER_ID,
            taken_at=NOW,
            version="v1.20.2",
            nodes=tuple(_node(name, address) for name, address in NODES.items()),
            api_servers=((IPv4Address("172.18.0.10"), 6443),),
        ),
        workload=Workload(
            available=4,
            pods=tuple(pod(index) for index in range(4)),
            cluster_ip=VIP,
            ingress=FLOATING,
        ),
        cloud=cloud_of(resources()),
        packet=1450,
        dns="10.2.0.10",
        probes={PODS[index]: probe(index) for index in range(4)},
        outside=tuple(Answer(ok=True, said=name) for name in PODS),
    )


def _node(name: str, address: str) -> NodeAddress:
    return NodeAddress(
        name=name,
        address=IPv4Address(address),
        schedulable=True,
        ready=True,
        reason="kubelet is posting ready status",
        runtime="containerd://1.6.20",
    )


def with_workload(snapshot: VerificationSnapshot, **changes: Any) -> VerificationSnapshot:
    """The same with other fields in the workload."""
    assert isinstance(snapshot.workload, Workload)
    return replace(snapshot, workload=replace(snapshot.workload, **changes))


def with_pod(snapshot: VerificationSnapshot, index: int, **changes: Any) -> VerificationSnapshot:
    """The same with other fields in one pod."""
    assert isinstance(snapshot.workload, Workload)
    pods = list(snapshot.workload.pods)
    pods[index] = replace(pods[index], **changes)
    return with_workload(snapshot, pods=tuple(pods))


def with_cloud(
    snapshot: VerificationSnapshot, kind: str, resource_id: str, change: Mapping[str, Any] | None
) -> VerificationSnapshot:
    """The same with other fields in one resource, or without it when `change` is None."""
    items = getattr(snapshot.cloud, LISTS[kind])
    others = [item for item in items if item.id != resource_id]
    changed = [replace(it, **change) for it in items if it.id == resource_id and change is not None]
    return replace(snapshot, cloud=replace(snapshot.cloud, **{LISTS[kind]: (*others, *changed)}))
