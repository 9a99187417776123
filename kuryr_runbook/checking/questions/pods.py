"""Does every pod have its interface, and a matching port behind it?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Fault, Occasion
from kuryr_runbook.checking.questions.nodes import without_trunks
from kuryr_runbook.checking.remedies import (
    FIX,
    restart_controller,
    restart_daemon,
    see_log,
    successors,
)
from kuryr_runbook.checking.verdicts import phase, pod_victim, readable, some
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.wording import agreeing, counted
from kuryr_runbook.snapshots.cloud.resources import Trunk
from kuryr_runbook.snapshots.cluster.objects import Pod
from kuryr_runbook.snapshots.cluster.vif import Malformed, PodVif


@Check(
    "pod-unhandled",
    "Kuryr has assigned an interface to each pod",
    "kuryr-kubernetes, controller/handlers/vif.py: the daemon waits for it, then answers 504",
    explains={"pod-plugged"},
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(
        Fault(
            "the controller did not handle a pod",
            "ContainerCreating, `error 504`",
            "a cause above, else `pod-unhandled`",
        ),
    ),
)
def check_handled(look: Look) -> Iterator[Cause]:
    """The controller creates a port and stores it; the kubelet's plugin waits for that."""
    waiting = [pod for pod in look.pods if look.vif(pod) is None and look.is_overdue(pod)]
    if waiting:
        place = look.site.release.vif_state
        message = _kubelet_message(look, waiting)
        yield Cause(
            status=Status.FAIL,
            evidence=f"{len(waiting)} of {counted(len(look.pods), 'pod')} "
            f"{agreeing(len(waiting), 'has', 'have')} none ({place}){message}",
            remedy=f"{restart_controller(look)}; it then looks at all pods again; if it makes no "
            f"port, {see_log(look)}: why (quota, subnet, security group, node's port)",
            victims=tuple(map(pod_victim, waiting)),
            own=True,
        )


@Check(
    "pod-interface",
    "Each interface that Kuryr assigned can be read",
    "kuryr-kubernetes, objects/vif.py: an oslo versioned object",
    explains={"pod-plugged"},
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(Fault("annotation or KuryrPort overwritten", "the pod hangs"),),
)
def check_readable(look: Look) -> Iterator[Cause]:
    """Something else has overwritten it, or another release has."""
    bad = {pod: vif for pod in look.pods if isinstance(vif := look.vif(pod), Malformed)}
    if bad:
        first, why = next(iter(bad.items()))
        yield Cause(
            status=Status.FAIL,
            evidence=f"{first}: {look.site.release.vif_state}: {why.reason}",
            remedy=f"{successors([*bad])}; then {FIX}, since Kuryr cannot delete the old one",
            victims=tuple(map(pod_victim, bad)),
            own=True,
        )


@Check(
    "pod-port-missing",
    "Every pod's port exists in Neutron",
    "kuryr-kubernetes: the annotation or KuryrPort names the port that reserves address and MAC",
    explains={"pod-plugged", "address-pair", "members-differ", "subport", "pod-interface-inactive"},
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(Fault("a pod's port deleted", "sooner or later another one gets its address"),),
)
def check_ports_exist(look: Look) -> Iterator[Cause]:
    """Somebody deleted it; Neutron may assign its address to another one."""
    lost = [(pod, vif) for pod, vif in look.plugged if vif.port_id not in look.ports]
    if lost:
        pod, vif = lost[0]
        yield Cause(
            status=Status.FAIL,
            evidence=f"port {vif.port_id} of {pod} does not exist"
            + (f"; nor do those of {len(lost) - 1} more" if len(lost) > 1 else ""),
            remedy=f"{successors([pod for pod, _ in lost])}; only Kuryr should delete pods' ports",
            victims=tuple(pod_victim(pod) for pod, _ in lost),
            own=True,
        )


@Check(
    "pod-port-differs",
    "Every pod's port has the pod's address and MAC",
    "neutron: security groups and spoofing protection go by address and MAC of the port",
    explains={"address-pair", "members-differ"},
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(
        Fault(
            "port changed, or pod plugged by another network", "no connectivity, although Running"
        ),
    ),
)
def check_ports_match(look: Look) -> Iterator[Cause]:
    """Something changed the port, or the pod was plugged by something else."""
    wrong = {}
    for pod, vif in look.plugged:
        port = look.ports.get(vif.port_id)
        if port is None:
            continue
        wrong_pod = bool(pod.address) and pod.address not in port.addresses
        if wrong_pod or port.mac != vif.mac or not set(vif.addresses) <= set(port.addresses):
            wrong[pod] = (
                f"port {port.id} has {', '.join(port.addresses) or 'no address'} {port.mac}, "
                f"{pod} {pod.address or 'no address'}, its interface "
                f"{', '.join(vif.addresses)} {vif.mac}"
            )
    if wrong:
        yield Cause(
            status=Status.FAIL,
            evidence=next(iter(wrong.values())),
            remedy=successors([*wrong]),
            victims=tuple(map(pod_victim, wrong)),
            own=True,
        )


@Check(
    "port-shared",
    "No two pods have the same port",
    "kuryr-kubernetes: one port for each pod's interface",
    explains={"pod-port-differs", "address-pair", "members-differ"},
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(Fault("annotation copied from another pod", "two pods with one address"),),
)
def check_ports_own(look: Look) -> Iterator[Cause]:
    """Caused by copied annotations, for example from a backup."""
    of: dict[str, list[Pod]] = defaultdict(list)
    for pod, vif in look.plugged:
        of[vif.port_id].append(pod)
    shared = {port: pods for port, pods in of.items() if len(pods) > 1}
    if shared:
        details = [f"port {port}: {', '.join(map(str, pods))}" for port, pods in shared.items()]
        yield Cause(
            status=Status.FAIL,
            evidence=some(details),
            # Kuryr deletes the port with the first of them, so none of them can stay.
            remedy=f"{successors([pod for pods in shared.values() for pod in pods])}, if their "
            f"template lacks the annotation; then {FIX}",
            victims=tuple(pod_victim(pod) for pods in shared.values() for pod in pods),
            own=True,
        )


@Check(
    "pod-interface-inactive",
    "Every pod's interface is active",
    "kuryr-kubernetes, controller/handlers/vif.py: the daemon plugs what is active",
    explains={"pod-plugged"},
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(Fault("interface not active", "ContainerCreating, `error 504`"),),
)
def check_active(look: Look) -> Iterator[Cause]:
    """nested-macvlan does not wait for Neutron; with other drivers the port has to be ACTIVE."""
    waiting = [(pod, vif) for pod, vif in look.plugged if not vif.active and look.is_overdue(pod)]
    if waiting:
        pod, vif = waiting[0]
        port = look.ports.get(vif.port_id)
        state = f"; its port is {port.status}" if port else ""
        nested = look.site.driver.needs_address_pairs
        yield Cause(
            status=Status.FAIL,
            evidence=f"that of {pod} is not{state}",
            remedy=f"the controller stopped halfway: {restart_controller(look)}"
            if nested
            else "Neutron has to make the port ACTIVE: check the agent or trunk driver of "
            f"{pod.node} (openstack network agent list)",
            victims=tuple(pod_victim(pod) for pod, _ in waiting),
            own=True,
        )


@Check(
    "subport",
    "Every pod's port is a subport of its worker's trunk",
    "kuryr-kubernetes, controller/drivers/nested_vlan_vif.py",
    explains={"pod-interface-inactive"},
    moot=without_trunks,
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(
        Fault(
            "pod's port removed from the trunk (nested-vlan)", "no connectivity, although Running"
        ),
    ),
)
def check_subports(look: Look) -> Iterator[Cause]:
    """Otherwise nothing carries the pod's VLAN."""
    lost = {}
    for pod, vif in look.plugged:
        parent = look.node_ports.get(pod.node)
        trunk = look.trunks.get(parent.id) if parent else None
        if trunk and vif.port_id not in trunk.carried:
            details = f"port {vif.port_id} of {pod} is not in trunk {trunk.id} of {pod.node}"
            lost[pod] = (details, _carried_again(trunk, vif) or f"{successors([pod])}; then {FIX}")
    if lost:
        first = next(iter(lost.values()))
        yield Cause(
            status=Status.FAIL,
            evidence=first[0],
            remedy=first[1],
            victims=tuple(map(pod_victim, lost)),
            own=True,
        )


def _carried_again(trunk: Trunk, vif: PodVif) -> str:
    """The command that puts a port back into its trunk; empty if its VLAN is not free.

    Up to Wallaby, Kuryr cannot delete a pod's port that is not a subport (nested_vlan_vif.py).
    """
    taken = {it.segmentation_id for it in trunk.sub_ports}
    if vif.vlan is None or vif.vlan in taken:
        return ""
    subport = f"port={vif.port_id},segmentation-type=vlan,segmentation-id={vif.vlan}"
    return f"openstack network trunk set --subport {subport} {trunk.id}"


FAULTS: Mapping[str, tuple[str, str]] = {
    "cannot be reached": (
        "the CNI plugin cannot reach the daemon",
        "RESTART, and it listens again, if its [cni_daemon] bind_address is 127.0.0.1:5036",
    ),
    "connection refused": (
        "the CNI plugin cannot reach the daemon",
        "RESTART, and it listens again",
    ),
    "error 500": (
        "the daemon could not plug the pod",
        "see the log of kuryr-daemon on that node: KeyError means that kuryr.link_iface is not the "
        f"name of its interface; then {phase('daemon')}",
    ),
    "error 504": (
        "the daemon waited in vain for an active interface",
        "the daemon may not see the pod, since it watches pods by its node's name: RESTART",
    ),
}
"""The kubelet's messages about pods that it could not plug, their meaning, and what to do;
RESTART stands for the command that restarts the daemon of the pod's node."""


@Check(
    "pod-plugged",
    "Every pod with an interface was plugged",
    "kuryr-kubernetes, cni/ and kuryr_cni/: the kubelet puts the plugin's answer into an event",
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(
        Fault("the node's side fails", "ContainerCreating, `error 500` or `cannot be reached`"),
    ),
)
def check_plugged(look: Look) -> Iterator[Cause]:
    """The port and the interface are assigned; the node's side fails."""
    by_fault: dict[str, list[tuple[Pod, str]]] = defaultdict(list)
    waiting = [pod for pod in look.pods if not pod.address]
    if waiting:
        readable(look.cluster.events)
    for pod in waiting:
        warning = look.pod_warning(pod)
        fault = next((fault for fault in FAULTS if fault in warning), None)
        if fault is not None:
            by_fault[fault].append((pod, warning))
    for fault, pods in by_fault.items():
        means, remedy = FAULTS[fault]
        pod, warning = pods[0]
        yield Cause(
            status=Status.FAIL,
            evidence=f"{means}; {pod} on {pod.node}: {warning}",
            remedy=remedy.replace("RESTART", restart_daemon(look, pod.node)),
            victims=tuple(pod_victim(pod) for pod, _ in pods),
        )


def _kubelet_message(look: Look, pods: list[Pod]) -> str:
    """The kubelet's message about the first of them that it has one for."""
    warnings = (look.pod_warning(pod) for pod in pods)
    first = next((warning for warning in warnings if warning), "")
    return f"; {first}" if first else ""
