"""Do the nodes' ports in Neutron allow what the VIF driver does with them?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from kuryr_runbook.checking.diagnosis_causes import (
    Cause,
    Victim,
    node_victim,
    phase,
    pod_victim,
    question,
)
from kuryr_runbook.checking.diagnosis_look import Look, ipv4, ipv4_range
from kuryr_runbook.checking.verdicts import CouldNotLook, readable, some
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.releases.hazards import SMALLER_MTU, UNEQUAL_MTU
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.vif import PodVif

DEFAULT_PAIRS = 10
"""Neutron's max_allowed_address_pair, unless somebody raised it; no API tells."""
NEARLY = 8
BROKEN_TRUNKS = ("DEGRADED", "ERROR")
"""States that last; a trunk is DOWN or in BUILD while its instance starts."""

FROM_DRIVER = "kuryr-kubernetes, controller/drivers/nested_macvlan_vif.py, nested_vif.py"


def _needs_pairs(site: Site) -> bool:
    return site.driver.needs_address_pairs


def _is_nested(site: Site) -> bool:
    return site.kuryr.vif_driver is not VifDriver.NEUTRON_VIF


def _finds_by_tags(site: Site) -> bool:
    return bool(site.kuryr.resource_tags) and site.release.tags_find_node_ports


def uses_trunks(site: Site) -> bool:
    """Whether pods' ports are subports of their worker's trunk."""
    return site.kuryr.vif_driver is VifDriver.NESTED_VLAN


@question(
    "node-port",
    "Each node's address is that of a Neutron port in the node subnet",
    "kuryr-kubernetes, controller/drivers/nested_vif.py, _get_parent_port_by_host_ip",
    {"pod-unhandled", "address-pair", "controller-restarts"},
    arises=_is_nested,
)
def check_node_ports(look: Look) -> Iterator[Cause]:
    """Kuryr finds the port of a pod's node by the address that its kubelet registered."""
    workers = {node.name: node.address for node in look.nodes if node.schedulable}
    lost = [name for name, address in workers.items() if not look.node_ports.get(name)]
    if lost:
        told = [f"{name} ({workers[name] or 'no address'})" for name in lost]
        yield Cause(
            status=Status.FAIL,
            evidence=f"no port in subnet {look.node_subnet.name or look.node_subnet.id} has the "
            f"address of {some(told)}",
            remedy="network.node_subnet has to be the nodes' subnet, and the kubelets have to "
            "register their address in it (--node-ip)",
            victims=tuple(map(node_victim, lost)),
            nodes=frozenset(lost),
        )


@question(
    "node-port-security",
    "The workers' ports have port security on",
    "neutron, extensions/allowedaddresspairs.py: a port without it takes no pairs (409)",
    {"pod-unhandled", "address-pair", "controller-restarts"},
    arises=_needs_pairs,
)
def check_port_security(look: Look) -> Iterator[Cause]:
    """Neutron answers 409 to a pair for it."""
    off = [name for name, port in look.workers.items() if port.port_security is False]
    if off:
        yield Cause(
            status=Status.FAIL,
            evidence=f"it is off at the ports of {some(off)}, so that they take no address pairs",
            remedy="openstack port set --enable-port-security --security-group GROUP "
            f"{look.workers[off[0]].id}",
            victims=tuple(map(node_victim, off)),
            nodes=frozenset(off),
        )


@question(
    "trunk",
    "The workers' ports are parents of trunks that work",
    "kuryr-kubernetes, controller/drivers/nested_vlan_vif.py: `missing trunk details`",
    {"pod-unhandled", "controller-restarts"},
    arises=uses_trunks,
)
def check_trunks(look: Look) -> Iterator[Cause]:
    """nested-vlan makes pods' ports subports of their worker's trunk."""
    bare = [name for name, port in look.workers.items() if port.id not in look.trunks]
    broken = {
        name: trunk.status
        for name, port in look.workers.items()
        if (trunk := look.trunks.get(port.id)) and trunk.status in BROKEN_TRUNKS
    }
    if bare:
        yield Cause(
            status=Status.FAIL,
            evidence=f"those of {some(bare)} are not",
            remedy=f"openstack network trunk create --parent-port {look.workers[bare[0]].id} NAME",
            victims=tuple(map(node_victim, bare)),
            nodes=frozenset(bare),
        )
    if broken:
        yield Cause(
            status=Status.FAIL,
            evidence=some([f"that of {name} is {state}" for name, state in broken.items()]),
            remedy="look at Neutron's trunk driver or agent on the host of that instance",
            victims=tuple(map(node_victim, broken)),
            nodes=frozenset(broken),
            explains=frozenset({"pod-unhandled", "pod-interface-inactive", "subport"}),
        )


@question(
    "node-port-tags",
    "The workers' ports have the tags by which Kuryr looks for them",
    "kuryr-kubernetes, controller/drivers/nested_vif.py from 4.0.0 on",
    {"pod-unhandled", "controller-restarts"},
    arises=_finds_by_tags,
)
def check_tags(look: Look) -> Iterator[Cause]:
    """With kuryr.resource_tags, later releases find only tagged ports."""
    tags = set(look.site.kuryr.resource_tags)
    bare = [name for name, port in look.workers.items() if not tags <= set(port.tags)]
    if bare:
        options = " ".join(f"--tag {tag}" for tag in sorted(tags))
        yield Cause(
            status=Status.FAIL,
            evidence=f"those of {some(bare)} lack {', '.join(sorted(tags))}",
            remedy=f"openstack port set {options} {look.workers[bare[0]].id}",
            victims=tuple(map(node_victim, bare)),
            nodes=frozenset(bare),
        )


@question(
    "pair-limit",
    "No worker's port is near the limit of address pairs",
    "neutron, max_allowed_address_pair, 10 by default; seen: the pod beyond it makes the "
    "controller restart, and leaves a port each time",
    {"address-pair", "pod-unhandled", "controller-ready", "controller-restarts", "port-orphaned"},
    arises=_needs_pairs,
)
def check_pair_limit(look: Look) -> Iterator[Cause]:
    """Any port that has more tells that the default was raised."""
    counts = {name: len(port.pairs) for name, port in look.workers.items()}
    if max(counts.values(), default=0) > DEFAULT_PAIRS:
        return
    waiting = {pod.node for pod in look.pods if look.vif(pod) is None and look.is_overdue(pod)}
    full = [name for name, count in counts.items() if count == DEFAULT_PAIRS and name in waiting]
    near = [name for name, count in counts.items() if count >= NEARLY and name not in full]
    raising = (
        "have max_allowed_address_pair in neutron.conf raised to the pods of a worker, or more"
    )
    if full:
        yield Cause(
            status=Status.FAIL,
            evidence=f"{some(full)}: {DEFAULT_PAIRS} pairs, Neutron's default limit, and pods wait",
            remedy=raising,
            victims=tuple(map(node_victim, full)),
        )
    if near:
        told = [f"{name} {counts[name]}" for name in near]
        yield Cause(
            status=Status.WARN,
            evidence=f"near Neutron's default of {DEFAULT_PAIRS}: {some(told)}; no port has more, "
            "so it may not have been raised",
            remedy=raising,
            victims=tuple(map(node_victim, near)),
            explains=frozenset(),
        )


@question(
    "address-pair",
    "Every pod stands in the allowed address pairs of its worker's port",
    f"{FROM_DRIVER}; stein 1.0.1 loses pairs when two pods start at once",
    arises=_needs_pairs,
)
def check_pairs(look: Look) -> Iterator[Cause]:
    """Without its pair Neutron drops a nested pod's packets, though the pod is Ready."""
    lost = [
        (pod, vif)
        for pod, vif in look.plugged
        if pod.node in look.pairs
        and not any(look.is_paired(pod.node, address, vif.mac) for address in vif.addresses)
    ]
    if lost:
        pod, vif = lost[0]
        port = look.workers.get(pod.node) or look.node_ports[pod.node]
        pair = f"ip-address={', '.join(vif.addresses)},mac-address={vif.mac}"
        yield Cause(
            status=Status.FAIL,
            evidence=f"{len(lost)} of {len(look.plugged)} pods do not: the first, {pod}, is not "
            f"allowed on port {port.id if port else ''} of {pod.node}",
            remedy=f"openstack port set --allowed-address {pair} {port.id if port else 'PORT'}; or "
            "delete the pod: its successor gets a pair",
            victims=tuple(pod_victim(pod) for pod, _ in lost),
        )


@question(
    "pair-twice",
    "No address is allowed twice",
    "neutron: whoever has an address in its pairs may answer for it",
    arises=_needs_pairs,
)
def check_pairs_once(look: Look) -> Iterator[Cause]:
    """One of the two is of an earlier pod, and would be answered for by the wrong node."""
    where: dict[str, list[str]] = defaultdict(list)
    for name, address, mac in _pod_pairs(look):
        where[address].append(f"{name} ({mac})")
    twice = {address: places for address, places in where.items() if len(places) > 1}
    if twice:
        told = [f"{address} at {' and '.join(places)}" for address, places in twice.items()]
        yield Cause(
            status=Status.WARN,
            evidence=some(told),
            remedy="for the MAC that is no pod's: openstack port unset --allowed-address "
            "ip-address=ADDRESS,mac-address=MAC PORT",
            victims=tuple(Victim("address", address) for address in twice),
        )


@question(
    "pair-stale",
    "No address pair is left of a pod that is gone",
    f"{FROM_DRIVER}; up to ussuri, what is deleted while the controller is down stays",
    ("pair-twice",),
    arises=_needs_pairs,
)
def check_stale_pairs(look: Look) -> Iterator[Cause]:
    """They count towards the limit, and let somebody use the address. Only the pods' subnet."""
    known = {(address, vif.mac) for vif in _vifs(look) for address in vif.addresses}
    macs = {port.mac for port in look.ports.values()}
    counts: Counter[str] = Counter()
    victims = []
    for name, address, mac in _pod_pairs(look):
        # A pair whose port is there is a pod's that comes or goes.
        if (address, mac) not in known and mac not in macs:
            counts[name] += 1
            victims.append(Victim("address", address))
    if victims:
        yield Cause(
            status=Status.WARN,
            evidence=some([f"{name}: {count}" for name, count in counts.items()]),
            remedy="openstack port unset --allowed-address ip-address=ADDRESS,mac-address=MAC PORT",
            victims=tuple(victims),
            own=True,
        )


@question(
    "mtu",
    "The pods' network has no larger MTU than the nodes' network",
    "kuryr-kubernetes, cni/binding/nested.py, bug 1863212",
    ("pod-plugged", "daemon-log"),
    arises=_is_nested,
)
def check_mtu(look: Look) -> Iterator[Cause]:
    """Some releases refuse to plug, and the others lose large packets."""
    hazards = look.site.release.hazards
    mtus = {network.id: network.mtu for network in readable(look.cloud.networks)}
    pods, nodes = mtus.get(look.pod_subnet.network_id), mtus.get(look.node_subnet.network_id)
    if pods is None or nodes is None:
        raise CouldNotLook("Neutron does not tell the MTU of the pods' and the nodes' network")
    refused = pods > nodes if SMALLER_MTU in hazards else pods != nodes
    refuses = (SMALLER_MTU in hazards or UNEQUAL_MTU in hazards) and refused
    if refuses or pods > nodes:
        yield Cause(
            status=Status.FAIL if refuses else Status.WARN,
            evidence=f"{pods} for pods, {nodes} for nodes"
            + ("; this release plugs no pod then" if refuses else "; large packets get lost"),
            remedy=f"openstack network set --mtu {nodes} {look.pod_subnet.network_id}, and start "
            f"the pods anew; {phase('openstack_prep')} says what else does not fit",
        )


def _pod_pairs(look: Look) -> Iterator[tuple[str, str, str]]:
    """Node, address and MAC of each pair in the pods' subnet: others are of no concern here."""
    pods = ipv4_range(look.pod_subnet.cidr)
    if pods is None:
        raise CouldNotLook("the range of the pods' subnet cannot be read")
    for name, (single, _) in look.pairs.items():
        for address, mac in sorted(single):
            ip = ipv4(address)
            if ip is not None and ip in pods:
                yield name, address, mac


def _vifs(look: Look) -> Iterator[PodVif]:
    return (vif for vif in look.vifs.values() if isinstance(vif, PodVif))
