"""What teardown removes of Neutron and Octavia: what the runbook made, and what Kuryr left.

The mark of the runbook is the resource's description; what does not bear it stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from kuryr_runbook.model.marks import (
    KURYR_PORT_OWNER,
    KURYRS_FLOATING_IP,
    POD_PORT_OWNERS,
    SUBPORT_OWNER,
    is_marked,
    owner_mark,
)
from kuryr_runbook.model.plan import ADDRESS_PAIRS, Action, Step, Target, field_changes
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.openstack import OpenStackSnapshot

Resource = Mapping[str, Any]


def openstack_removal(
    site: Site,
    cluster_id: str,
    snapshot: OpenStackSnapshot,
    keep: Collection[str] = (),
    trunks: Collection[Resource] = (),
) -> list[list[Step]]:
    """Stages in the order in which they can be done: users before what they use.

    Within a stage steps are in order of kind and name: that of Neutron's lists is chance. With
    `openstack` in `keep` only what Kuryr itself left behind goes. `trunks` are those of the
    project, if `has_subports` says that there is something on them.
    """
    owner = owner_mark(site.name, cluster_id)
    stages = _stages(site, owner, snapshot, keep, trunks)
    return [sorted(stage, key=lambda step: (str(step.target), str(step.id))) for stage in stages]


def _stages(
    site: Site,
    owner: str,
    snapshot: OpenStackSnapshot,
    keep: Collection[str],
    trunks: Collection[Resource],
) -> list[list[Step]]:
    service_subnet = _service_subnet(site, owner, snapshot)
    pod_subnet = _pod_subnet(site, owner, snapshot)
    theirs = _subports_of_others(site, snapshot, trunks)
    left = [port for port in _left_ports(snapshot, pod_subnet) if port["id"] not in theirs]
    of_kuryr = [
        list(_floating_addresses(site, snapshot, service_subnet)),
        list(_service_leftovers(site, snapshot, service_subnet)),
        [*_pairs(site, snapshot, pod_subnet), *_subports(left, trunks)],
        list(_pod_ports(left)),
    ]
    if "openstack" in keep:
        return of_kuryr
    return [
        *of_kuryr,
        list(_owned(owner, snapshot, "loadbalancer")),
        list(_interfaces(owner, snapshot)),
        [*_owned(owner, snapshot, "router"), *_owned(owner, snapshot, "subnet")],
        [*_owned(owner, snapshot, "network"), *_memberships(owner, snapshot)],
        list(_rules(owner, snapshot)),
        list(_owned(owner, snapshot, "security_group")),
    ]


def has_subports(site: Site, cluster_id: str, snapshot: OpenStackSnapshot) -> bool:
    """Whether ports are left in the pods' subnet that are, or were, subports of a trunk."""
    owner = owner_mark(site.name, cluster_id)
    left = _left_ports(snapshot, _pod_subnet(site, owner, snapshot))
    return any(port["device_owner"] == SUBPORT_OWNER for port in left)


def _pod_subnet(site: Site, owner: str, snapshot: OpenStackSnapshot) -> Resource | None:
    """On the nodes' network."""
    if given := site.network.kuryr_pod_subnet_id:
        return snapshot.by_id("subnet", given)
    nodes = _node_subnet(site, snapshot)
    network = nodes["network_id"] if nodes is not None else None
    near = [it for it in snapshot.of("subnet") if it["network_id"] == network]
    wanted = site.network.pod_subnet
    return _subnet_of(owner, snapshot, wanted.name, str(wanted.cidr), near)


def _service_subnet(site: Site, owner: str, snapshot: OpenStackSnapshot) -> Resource | None:
    """Joined to the nodes by a router."""
    if given := site.network.kuryr_service_subnet_id:
        return snapshot.by_id("subnet", given)
    nodes = _node_subnet(site, snapshot)
    routers = _routers_of(nodes, snapshot)
    near = [it for it in snapshot.of("subnet") if routers & _routers_of(it, snapshot)]
    wanted = site.network.service_subnet
    return _subnet_of(owner, snapshot, wanted.name, str(wanted.cidr), near)


def _routers_of(subnet: Resource | None, snapshot: OpenStackSnapshot) -> set[str]:
    """Ids of the routers that have a leg in a subnet."""
    return {
        port["device_id"]
        for port in snapshot.of("port")
        if _is_leg(port)
        and any(subnet is not None and it["subnet_id"] == subnet["id"] for it in port["fixed_ips"])
    }


def _is_leg(port: Resource) -> bool:
    return str(port["device_owner"]).startswith("network:router_interface")


def _node_subnet(site: Site, snapshot: OpenStackSnapshot) -> Resource | None:
    if given := site.network.node_subnet_id:
        return snapshot.by_id("subnet", given)
    return next(iter(snapshot.named("subnet", site.network.node_subnet)), None)


def _subports_of_others(
    site: Site, snapshot: OpenStackSnapshot, trunks: Collection[Resource]
) -> set[str]:
    """Ids of what trunks carry whose parent is no node's port.

    Neutron's own owner stands in the place of Kuryr's on every subport.
    """
    of_nodes = {port["id"] for port in _node_ports(site, snapshot)}
    others = [trunk for trunk in trunks if trunk["port_id"] not in of_nodes]
    return {item["port_id"] for trunk in others for item in trunk["sub_ports"]}


def _node_ports(site: Site, snapshot: OpenStackSnapshot) -> list[Resource]:
    """Ports with an address in the nodes' subnet."""
    nodes = _node_subnet(site, snapshot)
    return [
        port
        for port in snapshot.of("port")
        if any(nodes is not None and it["subnet_id"] == nodes["id"] for it in port["fixed_ips"])
    ]


def _subnet_of(
    owner: str, snapshot: OpenStackSnapshot, name: str, cidr: str, near: Collection[Resource]
) -> Resource | None:
    """The subnet whose ports and load balancers Kuryr made for this cluster.

    Another cluster in the project may have one of the same name, which is the default: it is ours
    if the runbook made it for the site, or if it was adopted. Then it is what the site says that it
    should be, `near` the nodes, and nobody else's.
    """
    named = snapshot.named("subnet", name)
    owned = [it for it in named if _is_owned(owner, it)]
    unmarked = [it for it in named if not is_marked(it.get("description"))]
    adopted = [it for it in unmarked if it["cidr"] == cidr and it in near]
    return next(iter([*owned, *adopted]), None)


def _is_owned(owner: str, resource: Resource) -> bool:
    return resource.get("description") == owner


def _delete(kind: str, resource: Resource, name: str, because: str) -> Step:
    return Step(action=Action.DELETE, target=Target(kind, name), id=resource["id"], because=because)


def _owned(owner: str, snapshot: OpenStackSnapshot, kind: str) -> Iterator[Step]:
    for resource in snapshot.of(kind):
        if _is_owned(owner, resource):
            yield _delete(kind, resource, str(resource["name"]), "the runbook made it")


def _service_leftovers(
    site: Site, snapshot: OpenStackSnapshot, subnet: Resource | None
) -> Iterator[Step]:
    """Load balancers of services that Kuryr made and did not remove."""
    for balancer in _left_balancers(site, snapshot, subnet):
        yield _delete("loadbalancer", balancer, balancer["name"], "Kuryr made it for a service")


def _floating_addresses(
    site: Site, snapshot: OpenStackSnapshot, subnet: Resource | None
) -> Iterator[Step]:
    """Those of these load balancers that Kuryr made; one that a Service named stays somebody's."""
    vips = {balancer["vip_port_id"] for balancer in _left_balancers(site, snapshot, subnet)}
    for address in snapshot.of("floatingip"):
        if address["port_id"] in vips and address["description"] == KURYRS_FLOATING_IP:
            name = str(address["floating_ip_address"])
            yield _delete("floatingip", address, name, "Kuryr made it for a service")


def _left_balancers(
    site: Site, snapshot: OpenStackSnapshot, subnet: Resource | None
) -> list[Resource]:
    cidr = IPv4Network(site.kubernetes.service_cidr)
    return [
        balancer
        for balancer in snapshot.of("loadbalancer")
        if subnet is not None
        and balancer["vip_subnet_id"] == subnet["id"]
        and IPv4Address(balancer["vip_address"]) in cidr
        and "/" in balancer["name"]
        and not is_marked(balancer.get("description"))
    ]


def _pairs(site: Site, snapshot: OpenStackSnapshot, subnet: Resource | None) -> Iterator[Step]:
    """Address pairs of pods that Kuryr did not take off the nodes' ports."""
    if subnet is None:
        return
    cidr = IPv4Network(subnet["cidr"])
    for port in _node_ports(site, snapshot):
        pairs = port["allowed_address_pairs"]
        of_pods = [pair for pair in pairs if _inside(pair["ip_address"], cidr)]
        if of_pods:
            body = {"allowed_address_pairs": [pair for pair in pairs if pair not in of_pods]}
            yield Step(
                action=Action.UPDATE,
                target=Target(ADDRESS_PAIRS, f"port {port['name'] or port['id']}"),
                id=port["id"],
                because="address pairs of pods are left on it",
                body={"added": [], "removed": of_pods},
                changes=field_changes(body, port),
            )


def _subports(left: Collection[Resource], trunks: Collection[Resource]) -> Iterator[Step]:
    """Neutron deletes no port that a trunk carries: they are taken off first."""
    ids = {port["id"] for port in left}
    for trunk in trunks:
        ports = [item["port_id"] for item in trunk["sub_ports"] if item["port_id"] in ids]
        if ports:
            yield Step(
                action=Action.UPDATE,
                target=Target("subports", str(trunk["name"] or trunk["id"])),
                id=trunk["id"],
                because=f"{len(ports)} ports of pods are left on the trunk",
                body={"ports": ports},
            )


def _pod_ports(left: Collection[Resource]) -> Iterator[Step]:
    """Ports of pods that Kuryr did not remove."""
    for port in left:
        yield _delete("port", port, str(port["name"] or port["id"]), "Kuryr made it for a pod")


def _left_ports(snapshot: OpenStackSnapshot, subnet: Resource | None) -> Iterator[Resource]:
    for port in snapshot.of("port"):
        if port["device_owner"] in POD_PORT_OWNERS and any(
            subnet is not None and fixed["subnet_id"] == subnet["id"] for fixed in port["fixed_ips"]
        ):
            yield port


def _inside(address: str, cidr: IPv4Network) -> bool:
    return "/" not in address and ":" not in address and IPv4Address(address) in cidr


def _interfaces(owner: str, snapshot: OpenStackSnapshot) -> Iterator[Step]:
    """Legs of routers in subnets that will go, or of routers that will go."""
    subnets = {item["id"]: item for item in snapshot.of("subnet")}
    routers = {item["id"]: item for item in snapshot.of("router")}
    for port in snapshot.of("port"):
        if not _is_leg(port):
            continue
        router = routers.get(port["device_id"])
        for fixed in port["fixed_ips"]:
            subnet = subnets.get(fixed["subnet_id"])
            if router is None or subnet is None:
                continue
            if _is_owned(owner, subnet) or _is_owned(owner, router):
                yield Step(
                    action=Action.DELETE,
                    target=Target("router_interface", str(subnet["name"])),
                    id=port["id"],
                    because=f"router {router['name']} has it for the runbook",
                    body={"router_id": router["id"], "subnet_id": subnet["id"]},
                )


def _memberships(owner: str, snapshot: OpenStackSnapshot) -> Iterator[Step]:
    """Nodes' ports leave a group that will go."""
    going = {item["id"] for item in snapshot.of("security_group") if _is_owned(owner, item)}
    for port in snapshot.of("port"):
        groups = port["security_groups"]
        if port["device_owner"] != KURYR_PORT_OWNER and going.intersection(groups):
            body = {"security_groups": [group for group in groups if group not in going]}
            yield Step(
                action=Action.UPDATE,
                target=Target("port", str(port["name"] or port["id"])),
                id=port["id"],
                because="is in a group that the runbook made",
                body=body,
                changes=field_changes(body, port),
            )


def _rules(owner: str, snapshot: OpenStackSnapshot) -> Iterator[Step]:
    """Rules that the runbook added to a group that stays."""
    groups = {item["id"]: item for item in snapshot.of("security_group")}
    for rule in snapshot.of("security_group_rule"):
        group = groups.get(rule["security_group_id"])
        if group is None or _is_owned(owner, group) or not _is_owned(owner, rule):
            continue
        source = rule["remote_ip_prefix"] or rule["remote_group_id"]
        yield _delete(
            "security_group_rule",
            rule,
            f"{group['name']}: ingress from {source}",
            "the runbook made it",
        )
