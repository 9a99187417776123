"""Checks of the nodes: are they there, and does Neutron know them as Kuryr needs it?"""

from __future__ import annotations

from math import ceil

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.verdicts import (
    CouldNotLook,
    failed,
    node_victim,
    passed,
    readable,
    skipped,
    some,
    warned,
)
from kuryr_runbook.checking.view.permissions import (
    cluster,
    node_ports,
    nodes_subnet,
    port_of,
)
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Verdict
from kuryr_runbook.snapshots.cloud.resources import Port
from kuryr_runbook.snapshots.preflight import PreflightSnapshot

SEE_PORTS = "see the check of the nodes' ports"

NEIGHBOURS = 1024
"""Linux' default of `net.ipv4.neigh.default.gc_thresh3`: the entries of all network namespaces of
a machine together (arp(7))."""


@Check(
    "nodes",
    "Workers and API servers are known, with their addresses",
    "kuryr-kubernetes, controller/drivers/nested_vif.py: by the address of the kubelet",
    on=(Occasion.PREFLIGHT,),
)
def check_nodes(snapshot: PreflightSnapshot) -> Verdict:
    """Kuryr finds a worker's port by the address that its kubelet registered."""
    nodes, servers = readable(cluster(snapshot).nodes), readable(cluster(snapshot).api_servers)
    problems = [f"node {node.name} has no InternalIP" for node in nodes if not node.address]
    if not any(node.schedulable for node in nodes):
        problems.append(f"{len(nodes)} nodes, and none takes pods")
    if not servers:
        problems.append("the endpoints of default/kubernetes are empty: no API server is known")
    if problems:
        return failed(
            some(problems),
            "look at `kubectl get nodes -o wide` and `kubectl get endpoints kubernetes`; the "
            "kubelets need --node-ip, or a cloud controller that gives the addresses",
        )
    told = [f"{node.name} {node.address}" for node in nodes]
    return passed(f"{len(nodes)} nodes ({some(told)}); API at {some(servers)}")


@Check(
    "node-ports",
    "Each node's address is that of a port in the node subnet",
    "kuryr-kubernetes, controller/drivers/nested_vif.py, _get_parent_port_by_host_ip",
    on=(Occasion.PREFLIGHT,),
)
def check_node_ports(snapshot: PreflightSnapshot) -> Verdict:
    """Without that port Kuryr cannot plug a pod, or the API's load balancer has no member."""
    subnet, ports = nodes_subnet(snapshot), node_ports(snapshot)
    addresses = {node.name: node.address for node in readable(cluster(snapshot).nodes)}
    servers = {f"API server {ip}": ip for ip in readable(cluster(snapshot).api_servers)}
    found = {**ports, **{name: port_of(snapshot, ip) for name, ip in servers.items()}}
    if not found:
        raise CouldNotLook("no node and no API server is known")
    lost = [name for name, port in found.items() if port is None]
    if lost:
        told = [f"{name} {addresses[name]}" if name in addresses else name for name in lost]
        return failed(
            f"no port of {some(told)} in subnet {subnet.name or subnet.id} ({subnet.cidr})",
            "is network.node_subnet the nodes' subnet, and do the kubelets register their "
            "address in it (--node-ip)? The ports have to belong to the project of the site",
            *(node_victim(name) for name in lost if name in addresses),
        )
    return passed(f"{len(found)} ports")


@Check(
    "node-port-security",
    "The nodes' ports have port security on",
    "neutron, extensions/allowedaddresspairs.py: a port without it takes no pairs (409)",
    on=(Occasion.PREFLIGHT,),
)
def check_port_security(snapshot: PreflightSnapshot) -> Verdict:
    """A port without it takes no allowed address pairs: Neutron answers 409."""
    site = snapshot.site
    if not site.driver.needs_address_pairs:
        return skipped(f"{site.kuryr.vif_driver} needs no address pairs")
    ports = _known_ports(snapshot)
    hidden = [name for name, port in ports.items() if port.port_security is None]
    if hidden:
        raise CouldNotLook(f"Neutron does not tell it of the ports of {some(hidden)}")
    bad = [name for name, port in ports.items() if not port.port_security]
    if bad:
        return failed(
            f"it is off at the ports of {some(bad)}",
            "openstack port set --enable-port-security --security-group GROUP PORT",
            *map(node_victim, bad),
        )
    return passed(f"{len(ports)} of {len(ports)}")


@Check(
    "trunk-parents",
    "The workers' ports are parents of trunks",
    "kuryr-kubernetes, controller/drivers/nested_vlan_vif.py: `missing trunk details`",
    on=(Occasion.PREFLIGHT,),
)
def check_trunks(snapshot: PreflightSnapshot) -> Verdict:
    """nested-vlan makes pods' ports subports of their worker's trunk."""
    site = snapshot.site
    if site.kuryr.vif_driver is not VifDriver.NESTED_VLAN:
        return skipped(f"{site.kuryr.vif_driver} needs no trunks")
    ports = _known_ports(snapshot)
    workers = [node.name for node in readable(cluster(snapshot).nodes) if node.schedulable]
    bad = [name for name in workers if name in ports and ports[name].trunk_id is None]
    if bad:
        return failed(
            f"those of {some(bad)} are not",
            "openstack network trunk create --parent-port PORT NAME, before the instance is "
            "started on it",
            *map(node_victim, bad),
        )
    return passed(f"{len(workers)} of {len(workers)}")


@Check(
    "node-port-tags",
    "The workers' ports have the tags by which Kuryr looks for them",
    "kuryr-kubernetes, controller/drivers/nested_vif.py from 4.0.0 on",
    on=(Occasion.PREFLIGHT,),
)
def check_tags(snapshot: PreflightSnapshot) -> Verdict:
    """From Wallaby on Kuryr looks for a node's port by address and `resource_tags`."""
    site = snapshot.site
    tags = set(site.kuryr.resource_tags)
    if not tags or not site.release.tags_find_node_ports:
        return skipped(f"Kuryr {site.release.name} looks for them by their addresses alone here")
    ports = _known_ports(snapshot)
    bad = [name for name, port in ports.items() if not tags <= set(port.tags)]
    if bad:
        options = " ".join(f"--tag {tag}" for tag in sorted(tags))
        return failed(
            f"those of {some(bad)} lack {', '.join(sorted(tags))}",
            f"openstack port set {options} PORT, for the port of every node",
            *map(node_victim, bad),
        )
    return passed(f"{len(ports)} of {len(ports)}")


@Check(
    "neighbours",
    "The nodes can keep the verification's pods as neighbours",
    "arp(7): net.ipv4.neigh.default.gc_thresh3, of all network namespaces together",
    on=(Occasion.PREFLIGHT,),
)
def check_neighbours(snapshot: PreflightSnapshot) -> Verdict:
    """A pod asks each other one, and its gateway; what a node has no room for gets no answer."""
    replicas = snapshot.site.verification.replicas
    workers = sum(node.schedulable for node in readable(cluster(snapshot).nodes))
    if not workers:
        raise CouldNotLook("no node takes pods")
    pods = ceil(replicas / workers)
    needed = pods * replicas
    evidence = f"{pods} pods on a worker, each with {replicas} neighbours: {needed} entries"
    if needed > NEIGHBOURS:
        more = 2 ** needed.bit_length()
        return warned(
            f"{evidence}; Linux keeps {NEIGHBOURS} by default",
            "on each node, if it is not higher there: "
            f"sysctl -w net.ipv4.neigh.default.gc_thresh2={more} "
            f"net.ipv4.neigh.default.gc_thresh3={2 * more}; or verification.replicas lower",
        )
    return passed(evidence)


def _known_ports(snapshot: PreflightSnapshot) -> dict[str, Port]:
    """The port of each node. Raises CouldNotLook when one is not known."""
    found = node_ports(snapshot)
    ports = {name: port for name, port in found.items() if port is not None}
    if not ports or len(ports) < len(found):
        lost = [name for name, port in found.items() if port is None]
        raise CouldNotLook(f"no port of {some(lost) or 'any node'} is known", SEE_PORTS)
    return ports
