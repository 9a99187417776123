"""Do the nodes' ports in Neutron allow what the VIF driver does with them?"""

from __future__ import annotations

from collections.abc import Iterator

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth
from kuryr_runbook.checking.verdicts import CouldNotLook, node_victim, phase, readable, some
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Region, Status
from kuryr_runbook.model.site import Site

BROKEN_TRUNKS = ("DEGRADED", "ERROR")
"""States that last; a trunk is DOWN or in BUILD while its instance starts."""


def without_pairs(site: Site) -> str:
    """That no pod takes an address pair of its worker's port, if so."""
    needs = site.driver.needs_address_pairs
    return "" if needs else f"{site.kuryr.vif_driver} needs no address pairs"


def without_trunks(site: Site) -> str:
    """That pods' ports are no subports of their worker's trunk, if so."""
    driver = site.kuryr.vif_driver
    return "" if driver is VifDriver.NESTED_VLAN else f"{driver} needs no trunks"


def _without_parents(site: Site) -> str:
    driver = site.kuryr.vif_driver
    return f"{driver} makes ports of their own" if driver is VifDriver.NEUTRON_VIF else ""


def _without_tags(site: Site) -> str:
    if site.kuryr.resource_tags and site.release.tags_find_node_ports:
        return ""
    return f"Kuryr {site.release.name} looks for them by their addresses alone here"


@Check(
    "node-port",
    "Each node's address is that of a Neutron port in the node subnet",
    "kuryr-kubernetes, controller/drivers/nested_vif.py, _get_parent_port_by_host_ip",
    explains={"pod-unhandled", "address-pair", "controller-restarts"},
    moot=_without_parents,
    depth=Depth.GROUND,
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


@Check(
    "node-port-security",
    "The workers' ports have port security on",
    "neutron, extensions/allowedaddresspairs.py: a port without it takes no pairs (409)",
    explains={"pod-unhandled", "address-pair", "controller-restarts"},
    moot=without_pairs,
    depth=Depth.GROUND,
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


@Check(
    "trunk",
    "The workers' ports are parents of trunks that work",
    "kuryr-kubernetes, controller/drivers/nested_vlan_vif.py: `missing trunk details`",
    explains={"pod-unhandled", "controller-restarts"},
    moot=without_trunks,
    depth=Depth.GROUND,
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
            explains={"pod-unhandled", "pod-interface-inactive", "subport"},
        )


@Check(
    "node-port-tags",
    "The workers' ports have the tags by which Kuryr looks for them",
    "kuryr-kubernetes, controller/drivers/nested_vif.py from 4.0.0 on",
    explains={"pod-unhandled", "controller-restarts"},
    moot=_without_tags,
    depth=Depth.GROUND,
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


@Check(
    "mtu",
    "The pods' network has no larger MTU than the nodes' network",
    "kuryr-kubernetes, cni/binding/nested.py, bug 1863212",
    explains={"pod-plugged", "daemon-log"},
    moot=_without_parents,
    depth=Depth.GROUND,
    region=Region.PODS,
)
def check_mtu(look: Look) -> Iterator[Cause]:
    """Some releases refuse to plug, and the others lose large packets."""
    mtus = {network.id: network.mtu for network in readable(look.cloud.networks)}
    pods, nodes = mtus.get(look.pod_subnet.network_id), mtus.get(look.node_subnet.network_id)
    if pods is None or nodes is None:
        raise CouldNotLook("Neutron does not tell the MTU of the pods' and the nodes' network")
    refuses = look.site.release.mtu_rule.refuses(pods, nodes)
    if refuses or pods > nodes:
        yield Cause(
            status=Status.FAIL if refuses else Status.WARN,
            evidence=f"{pods} for pods, {nodes} for nodes"
            + ("; this release plugs no pod then" if refuses else "; large packets get lost"),
            remedy=f"openstack network set --mtu {nodes} {look.pod_subnet.network_id}, and start "
            f"the pods anew; {phase('openstack_prep')} says what else does not fit",
        )
