"""Checks of nodes and pods: are they there, and does Neutron know them?"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_network

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.verdicts import (
    CouldNotLook,
    failed,
    node_victim,
    passed,
    readable,
    some,
)
from kuryr_runbook.checking.view.workload import node_port, pods_of, port, workload_pod
from kuryr_runbook.model.findings import Status, Verdict
from kuryr_runbook.snapshots.cloud.resources import Port
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.workload.verification import Pod, VerificationSnapshot
from kuryr_runbook.specs.workload import DEMO


@Check(
    "nodes-ready",
    "All nodes are Ready",
    "kubelet: a node is ready once it finds a CNI configuration",
    on=(Occasion.VERIFICATION,),
)
def check_nodes(snapshot: VerificationSnapshot) -> Verdict:
    """The kubelet calls a node Ready when it found a CNI configuration."""
    nodes = readable(snapshot.cluster).nodes
    if not nodes:
        raise CouldNotLook("the cluster shows no node")
    bad = [f"{node.name}: {node.reason}" for node in nodes if not node.ready]
    if bad:
        return failed(
            f"{len(bad)} of {len(nodes)} are not: {some(bad)}",
            "run phase 04 (daemon) again: its init container brings the CNI configuration",
            *(node_victim(node.name) for node in nodes if not node.ready),
        )
    return passed(f"{len(nodes)} of {len(nodes)}")


@Check(
    "deployment-available",
    "All replicas of the workload are available",
    "kubernetes: a replica is available once its pod is ready",
    on=(Occasion.VERIFICATION,),
)
def check_deployment(snapshot: VerificationSnapshot) -> Verdict:
    """A pod is available once Kuryr has plugged it and its container runs."""
    workload, wanted = readable(snapshot.workload), snapshot.site.verification.replicas
    if workload.available is None:
        namespace = snapshot.site.verification.namespace
        return failed(f"there is no Deployment {namespace}/{DEMO}", "apply the plan first")
    if workload.available == wanted:
        return passed(f"{wanted} of {wanted}")
    bad = [
        f"{pod.name} on {pod.node or 'no node yet'}: {pod.trouble or 'does not run yet'}"
        for pod in workload.pods
        if not pod.running
    ]
    return failed(
        f"{workload.available} of {wanted}: {some(bad)}".rstrip(": "),
        "`CNI Daemon returned error 504`: the controller did not handle the pod, see its log; "
        "`error 500`: the daemon could not plug it, see the log of kuryr-daemon on that node",
    )


@Check(
    "pod-ports",
    "Every pod has the Neutron port that Kuryr noted for it",
    "kuryr-kubernetes: what it notes of a pod names the port with its address and MAC",
    on=(Occasion.VERIFICATION,),
)
def check_pod_ports(snapshot: VerificationSnapshot) -> Verdict:
    """The port has to have the pod's address and the MAC that stands where Kuryr notes it."""
    pods = pods_of(snapshot)
    problems = {pod.name: problem for pod in pods if (problem := _port_problem(snapshot, pod))}
    if problems:
        return failed(
            some([f"pod {name}: {problem}" for name, problem in problems.items()]),
            "see the controller's log: port quota, subnet and security groups in kuryr.conf; a "
            "deleted pod gets a new port",
            *(workload_pod(snapshot.site, name) for name in problems),
        )
    return passed(f"{len(pods)} pods, {len(pods)} ports with their addresses")


def _port_problem(snapshot: VerificationSnapshot, pod: Pod) -> str:
    """What is wrong between a pod, what is noted of it and its port; empty when nothing is."""
    vif, place = pod.vif, str(snapshot.site.release.vif_state)
    if vif is None:
        return f"nothing stands in {place}: the controller has not handled it"
    if not isinstance(vif, PodVif):
        return f"{place}: {vif.reason}"
    own = port(snapshot, vif.port_id)
    if own is None:
        return f"port {vif.port_id}, of {place}, does not exist in Neutron"
    if not vif.active:
        return f"port {vif.port_id} is not active in {place}: the daemon waits for that"
    has = f"{', '.join(own.addresses)} {own.mac}"
    if pod.address not in own.addresses or own.mac != vif.mac:
        return f"port {vif.port_id} has {has}, the pod {pod.address or 'no address'} {vif.mac}"
    return ""


@Check(
    "address-pairs",
    "Every pod stands in the allowed address pairs of its worker's port",
    "neutron: without its pair a nested pod's packets are taken for spoofed",
    on=(Occasion.VERIFICATION,),
)
def check_address_pairs(snapshot: VerificationSnapshot) -> Verdict:
    """Without its pair Neutron takes a nested pod's packets for spoofed ones and drops them."""
    site = snapshot.site
    if not site.driver.needs_address_pairs:
        return Verdict(status=Status.SKIP, evidence=f"{site.kuryr.vif_driver} needs none")
    pods = pods_of(snapshot)
    problems = dict(_pair_problems(snapshot, pods))
    if problems:
        return failed(
            some(list(problems.values())),
            "delete the pod: its successor gets a pair; if that fails too, see the controller's "
            "log and Neutron's max_allowed_address_pair (by default 10)",
            *(workload_pod(snapshot.site, name) for name in problems),
        )
    return passed(f"{len(pods)} pods, {len(pods)} pairs")


def _pair_problems(
    snapshot: VerificationSnapshot, pods: tuple[Pod, ...]
) -> Iterator[tuple[str, str]]:
    """Each pod without a pair, and what is missing where."""
    for pod in pods:
        carrier = node_port(snapshot, pod.node_address)
        where = f"of {pod.node or 'no node yet'} ({pod.node_address or 'no address'})"
        if not isinstance(pod.vif, PodVif) or not pod.address:
            yield pod.name, f"pod {pod.name} has no interface of Kuryr's yet"
        elif carrier is None:
            yield pod.name, f"pod {pod.name}: there is no Neutron port {where} in the node subnet"
        elif not _paired(carrier, IPv4Address(pod.address), pod.vif.mac):
            pair = f"ip_address={pod.address}, mac_address={pod.vif.mac}"
            yield (
                pod.name,
                f"pod {pod.name}: port {carrier.id} {where} lacks the address pair {pair}",
            )


def _paired(carrier: Port, address: IPv4Address, mac: str) -> bool:
    """Whether one of the port's pairs, each with an address or a range, is for the pod."""
    return any(
        pair.mac == mac and address in ip_network(pair.address, strict=False)
        for pair in carrier.pairs
    )
