"""Do the nodes' ports in Neutron allow what the VIF driver does with them?"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from shlex import quote

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.verdicts import (
    CouldNotLook,
    failed,
    node_victim,
    passed,
    readable,
    some,
    warned,
)
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.drivers import PoolDriver, VifDriver
from kuryr_runbook.model.findings import Region, Status, Verdict, Victim
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cloud.resources import Port
from kuryr_runbook.snapshots.cloud.state import NOT_ASKED

NEIGHBOURS = 1024
"""Linux' default of `net.ipv4.neigh.default.gc_thresh3`: entries in all network namespaces of a
machine together (arp(7))."""
BROKEN_TRUNKS = ("DEGRADED", "ERROR")
"""Permanent states; a trunk is DOWN or in BUILD while its instance starts."""


def without_pairs(site: Site) -> str:
    """Why no pod needs an address pair of its worker's port; empty: they do."""
    needs = site.driver.needs_address_pairs
    return "" if needs else f"{site.kuryr.vif_driver} needs no address pairs"


def without_trunks(site: Site) -> str:
    """Why pods' ports are not subports of their worker's trunk; empty: they are."""
    return "" if site.driver.needs_trunks else f"{site.kuryr.vif_driver} needs no trunks"


def _without_parents(site: Site) -> str:
    driver = site.kuryr.vif_driver
    return f"{driver} makes ports of their own" if driver is VifDriver.NEUTRON_VIF else ""


def _pools_need_tags(site: Site) -> bool:
    """Whether it needs them to find the trunks with the spare ports of its pools."""
    nested = site.driver.pool is PoolDriver.NESTED
    return nested and site.kuryr.port_pool.enabled and site.release.pools_need_tags


def _without_tags(site: Site) -> str:
    if reason := _without_parents(site):
        return reason
    if site.kuryr.resource_tags and (site.release.tags_find_node_ports or _pools_need_tags(site)):
        return ""
    return f"Kuryr {site.release.name} looks for them by their addresses alone here"


@Check(
    "nodes",
    "Workers and API servers are known, with their addresses",
    "kuryr-kubernetes, controller/drivers/nested_vif.py: by the address of the kubelet",
    on=(Occasion.PREFLIGHT,),
)
def check_nodes(look: Look) -> Verdict:
    """Kuryr finds a worker's port by the address that the kubelet registered."""
    nodes, servers = look.nodes, look.api_servers
    problems = [f"node {node.name} has no InternalIP" for node in nodes if not node.address]
    if not any(node.schedulable for node in nodes):
        problems.append(f"{counted(len(nodes), 'node')}, and none takes pods")
    if not servers:
        problems.append("the endpoints of default/kubernetes are empty: no API server is known")
    if problems:
        return failed(
            some(problems),
            "check `kubectl get nodes -o wide` and `kubectl get endpoints kubernetes`; the "
            "kubelets need --node-ip, or a cloud controller that sets the addresses",
            *(node_victim(node.name) for node in nodes if not node.address),
        )
    details = [f"{node.name} {node.address}" for node in nodes]
    return passed(f"{counted(len(nodes), 'node')} ({some(details)}); API at {some(servers)}")


@Check(
    "node-port",
    "Each node's address, and each API server's, is that of a Neutron port in the node subnet",
    "kuryr-kubernetes, controller/drivers/nested_vif.py, _get_parent_port_by_host_ip",
    on=tuple(Occasion),
    explains={"pod-unhandled", "address-pair", "controller-restarts"},
    depth=Depth.GROUND,
    faults=(
        Fault(
            "node's address belongs to no port: wrong `--node-ip`, wrong subnet",
            "pods on that node hang",
        ),
    ),
)
def check_node_ports(look: Look) -> Iterator[Verdict]:
    """Kuryr finds the port of a pod's node by the address that the kubelet registered.

    Without an API server's port, the API's load balancer has no member there.
    """
    nodes = {node.name: node.address for node in look.nodes}
    lost = [name for name in nodes if not look.node_ports.get(name)]
    servers = [ip for ip in look.api_servers if ip not in look.node_subnet_ports]
    if not look.nodes and not look.api_servers:
        raise CouldNotLook("no node and no API server is known")
    if lost or servers:
        subnet = look.node_subnet
        details = [f"{name} ({nodes[name] or 'no address'})" for name in lost]
        details += [f"API server {ip}" for ip in servers]
        yield Cause(
            status=Status.FAIL,
            evidence=f"no port in subnet {subnet.name or subnet.id} ({subnet.cidr}) has the "
            f"address of {some(details)}",
            remedy="network.node_subnet has to be the nodes' subnet, and the kubelets have to "
            "register their address in it (--node-ip); the ports have to belong to the project of "
            "the site",
            victims=(*map(node_victim, lost), *(Victim("API server", ip) for ip in servers)),
            nodes=frozenset(lost),
        )
    apis = f", {counted(len(look.api_servers), 'API server')}" if look.api_servers else ""
    yield passed(f"{counted(len(nodes), 'node')}{apis}")


@Check(
    "node-port-security",
    "The workers' ports have port security on",
    "neutron, extensions/allowedaddresspairs.py: a port without it takes no pairs (409)",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    explains={"pod-unhandled", "address-pair", "controller-restarts"},
    moot=without_pairs,
    depth=Depth.GROUND,
    faults=(Fault("port security off on a worker's port", "pods on that node hang: 409"),),
)
def check_port_security(look: Look) -> Iterator[Verdict]:
    """Without it Neutron refuses address pairs with 409."""
    workers = _workers(look)
    off = [name for name, port in workers.items() if port.port_security is False]
    if off:
        yield Cause(
            status=Status.FAIL,
            evidence=f"it is off on the ports of {some(off)}, so they accept no address pairs",
            remedy="openstack port set --enable-port-security --security-group "
            f"{quote(look.site.network.node_security_group)} {workers[off[0]].id}",
            victims=tuple(map(node_victim, off)),
            nodes=frozenset(off),
        )
    hidden = [name for name, port in workers.items() if port.port_security is None]
    if hidden:
        raise CouldNotLook(f"Neutron does not show it for the ports of {some(hidden)}")
    yield passed(f"{len(workers)} of {len(workers)}")


@Check(
    "trunk",
    "The workers' ports are parents of trunks that work",
    "kuryr-kubernetes, controller/drivers/nested_vlan_vif.py: `missing trunk details`",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    explains={"pod-unhandled", "controller-restarts"},
    moot=without_trunks,
    depth=Depth.GROUND,
    faults=(Fault("worker's port is no trunk parent (nested-vlan)", "pods on that node hang"),),
)
def check_trunks(look: Look) -> Iterator[Verdict]:
    """nested-vlan makes pods' ports subports of their worker's trunk."""
    workers = _workers(look)
    bare = [name for name, port in workers.items() if not look.is_trunk_parent(port)]
    if bare:
        yield Cause(
            status=Status.FAIL,
            evidence=f"those of {some(bare)} are not",
            remedy=f"openstack network trunk create --parent-port {workers[bare[0]].id} "
            f"trunk-{quote(bare[0])}, before the instance is started on it",
            victims=tuple(map(node_victim, bare)),
            nodes=frozenset(bare),
        )
    trunks = {} if look.cloud.trunks == NOT_ASKED else look.trunks
    broken = {
        name: trunk.status
        for name, port in workers.items()
        if (trunk := trunks.get(port.id)) and trunk.status in BROKEN_TRUNKS
    }
    if broken:
        yield Cause(
            status=Status.FAIL,
            evidence=some([f"that of {name} is {state}" for name, state in broken.items()]),
            remedy="check Neutron's trunk driver or agent on the host of that instance",
            victims=tuple(map(node_victim, broken)),
            nodes=frozenset(broken),
            explains={"pod-unhandled", "pod-interface-inactive", "subport"},
        )
    yield passed(f"{len(workers)} of {len(workers)}")


@Check(
    "node-port-tags",
    "The workers' ports have the tags by which Kuryr looks for them",
    "kuryr-kubernetes, controller/drivers/nested_vif.py from 4.0.0 on; vif_pool.py from 1.1.2 on",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    explains={"pod-unhandled", "controller-restarts"},
    moot=_without_tags,
    depth=Depth.GROUND,
    faults=(Fault("worker's port without `resource_tags` (Wallaby on)", "pods on that node hang"),),
)
def check_tags(look: Look) -> Iterator[Verdict]:
    """With kuryr.resource_tags, later releases find only tagged ports.

    Those before need the tags for nested pools only: a controller that is started anew forgets the
    spare ports of an untagged trunk, and new ones are created.
    """
    tags, workers = set(look.site.kuryr.resource_tags), _workers(look)
    bare = [name for name, port in workers.items() if not tags <= set(port.tags)]
    if bare:
        options = " ".join(f"--tag {quote(tag)}" for tag in sorted(tags))
        finds = look.site.release.tags_find_node_ports
        forgets = "" if finds else ": a new controller forgets the spare ports of their pools"
        yield Cause(
            status=Status.FAIL if finds else Status.WARN,
            evidence=f"those of {some(bare)} do not have {', '.join(sorted(tags))}{forgets}",
            remedy=f"openstack port set {options} {workers[bare[0]].id}, and the same for the port "
            "of every worker",
            victims=tuple(map(node_victim, bare)),
            nodes=frozenset(bare),
            explains=None if finds else frozenset({"port-orphaned"}),
        )
    yield passed(f"{len(workers)} of {len(workers)}")


@Check(
    "mtu",
    "The pods' network has no larger MTU than the nodes' network",
    "kuryr-kubernetes, cni/binding/nested.py, bug 1863212",
    explains={"pod-plugged", "daemon-log"},
    moot=_without_parents,
    depth=Depth.GROUND,
    region=Region.PODS,
    faults=(
        Fault(
            "pods' network has a larger MTU than the nodes'", "pods hang, or large packets get lost"
        ),
    ),
)
def check_mtu(look: Look) -> Iterator[Cause]:
    """Some releases refuse to plug, and with the others large packets get lost."""
    mtus = {network.id: network.mtu for network in readable(look.cloud.networks)}
    nodes = mtus.get(look.node_subnet.network_id)
    for network in dict.fromkeys(subnet.network_id for subnet in look.pod_subnets):
        pods = mtus.get(network)
        if pods is None or nodes is None:
            raise CouldNotLook("Neutron does not show the MTU of the pods' and the nodes' network")
        refuses = look.site.release.mtu_rule.refuses(pods, nodes)
        if refuses or pods > nodes:
            yield Cause(
                status=Status.FAIL if refuses else Status.WARN,
                evidence=f"{pods} for pods, {nodes} for nodes"
                + ("; this release then plugs no pod" if refuses else "; large packets get lost"),
                remedy=f"openstack network set --mtu {nodes} {network}; then create the pods "
                "again, which keep the MTU that they started with",
            )


@Check(
    "neighbours",
    "The nodes can keep the verification's pods as neighbours",
    "arp(7): net.ipv4.neigh.default.gc_thresh3, of all network namespaces together",
    on=(Occasion.PREFLIGHT,),
)
def check_neighbours(look: Look) -> Verdict:
    """Each pod contacts every other one, and its gateway; those without an entry get no answer."""
    replicas = look.site.verification.replicas
    workers = sum(node.schedulable for node in look.nodes)
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


def _workers(look: Look) -> dict[str, Port]:
    """The known ports of workers; another check reports missing ones.

    Raises CouldNotLook if none of them is known.
    """
    if not look.workers and any(node.schedulable for node in look.nodes):
        raise CouldNotLook("no port of any worker is known", "see the check `node-port`")
    return look.workers
