"""What teardown removes of Neutron and Octavia: what the runbook made, and what Kuryr left; and of
the nodes' disks: what the daemon's init container put there, by a pod.

Whose something is says `snapshots/cloud/ownership.py`; what is somebody else's stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from kuryr_runbook.model.bodies import PairChanges, RouterLeg, SubportRemoval
from kuryr_runbook.model.marks import KURYR_PORT_OWNER
from kuryr_runbook.model.plan import (
    ADDRESS_PAIRS,
    SUBPORTS,
    Action,
    Step,
    Target,
    changed,
    field_changes,
)
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import counted
from kuryr_runbook.planning.kubernetes import deletion, target_of
from kuryr_runbook.snapshots.cloud.ownership import Ownership
from kuryr_runbook.snapshots.cloud.resources import (
    Balancer,
    Group,
    Network,
    Pair,
    Port,
    Router,
    Subnet,
    SubnetPool,
)
from kuryr_runbook.snapshots.reading import known
from kuryr_runbook.specs.daemon import CLEANER, DAEMON, cleaner_manifest


def openstack_removal(ownership: Ownership, keep: Collection[str] = ()) -> list[list[Step]]:
    """Stages in the order in which they can be done: users before what they use.

    Within a stage steps are sorted by kind and name, since Neutron's lists have no fixed order.
    With `openstack` in `keep` only Kuryr's own leftovers are removed. Trunks have to be read if
    `ownership.has_subports`.
    """
    of_runbook = [] if "openstack" in keep else runbook_removal(ownership)
    return [*map(_sorted, _of_kuryr(ownership)), *of_runbook]


def runbook_removal(ownership: Ownership) -> list[list[Step]]:
    """The stages for what the runbook made, by its mark."""
    return [*map(_sorted, _of_runbook(ownership))]


def _sorted(stage: Iterable[Step]) -> list[Step]:
    return sorted(stage, key=lambda step: (str(step.target), str(step.id)))


def _of_kuryr(ownership: Ownership) -> Iterator[list[Step]]:
    cloud, because = ownership.cloud, "Kuryr made it for a service"
    ports = [port for port in known(cloud.ports) if ownership.is_pods(port)]
    addresses = [it for it in known(cloud.floating_ips) if ownership.is_services_address(it)]
    balancers = [it for it in known(cloud.balancers) if ownership.is_services(it)]
    yield [_delete("floatingip", it.id, it.address, because) for it in addresses]
    yield [_delete("loadbalancer", it.id, it.name, because) for it in balancers]
    yield [*_pairs(ownership), *_subports(ownership, ports)]
    yield [_delete("port", it.id, it.name or it.id, "Kuryr made it for a pod") for it in ports]
    groups = [it for it in known(cloud.groups) if ownership.is_policys(it)]
    because = "Kuryr made it for a network policy"
    yield [_delete("security_group", it.id, it.name, because) for it in groups]
    because, spaces = "Kuryr made it for a namespace", ownership.namespace_subnets
    yield [*_legs(ownership, lambda subnet, router: subnet in spaces, because)]
    yield [_delete("subnet", it.id, it.name, because) for it in spaces]
    yield [_delete("network", it.id, it.name, because) for it in ownership.namespace_networks]


def _of_runbook(ownership: Ownership) -> Iterator[list[Step]]:
    cloud = ownership.cloud
    yield [*_owned(ownership, "loadbalancer", known(cloud.balancers))]
    yield [*_interfaces(ownership)]
    yield [
        *_owned(ownership, "router", known(cloud.routers)),
        *_owned(ownership, "subnet", known(cloud.subnets)),
    ]
    yield [
        *_owned(ownership, "network", known(cloud.networks)),
        *_owned(ownership, "subnet_pool", known(cloud.subnet_pools)),
        *_memberships(ownership),
    ]
    yield [*_rules(ownership)]
    yield [*_owned(ownership, "security_group", known(cloud.groups))]


def _delete(kind: str, resource_id: str, name: str, because: str) -> Step:
    return Step(action=Action.DELETE, target=Target(kind, name), id=resource_id, because=because)


def _owned(
    ownership: Ownership,
    kind: str,
    resources: Iterable[Balancer | Router | Subnet | SubnetPool | Network | Group],
) -> Iterator[Step]:
    for resource in resources:
        if ownership.is_ours(resource):
            yield _delete(kind, resource.id, resource.name, "the runbook made it")


def _pairs(ownership: Ownership) -> Iterator[Step]:
    """Pods' address pairs that Kuryr did not remove from the nodes' ports."""
    for port in ownership.node_ports:
        of_pods = ownership.pairs_of_pods(port)
        if of_pods:
            staying = [pair for pair in port.pairs if pair not in of_pods]
            yield Step(
                action=Action.UPDATE,
                target=Target(ADDRESS_PAIRS, f"port {port.name or port.id}"),
                id=port.id,
                because="address pairs of pods are left on it",
                body=PairChanges(removed=tuple(map(_fields, of_pods))),
                changes=changed(
                    {
                        "allowed_address_pairs": (
                            [*map(_fields, port.pairs)],
                            [*map(_fields, staying)],
                        )
                    }
                ),
            )


def _fields(pair: Pair) -> dict[str, str]:
    return {"ip_address": pair.address, "mac_address": pair.mac}


def _subports(ownership: Ownership, left: Collection[Port]) -> Iterator[Step]:
    """Subports are removed from their trunk first: Neutron would not delete them."""
    if not ownership.has_subports:
        return
    ids = {port.id for port in left}
    for trunk in known(ownership.cloud.trunks):
        ports = tuple(it.port_id for it in trunk.sub_ports if it.port_id in ids)
        if ports:
            yield Step(
                action=Action.UPDATE,
                target=Target(SUBPORTS, trunk.name or trunk.id),
                id=trunk.id,
                because=f"{counted(len(ports), 'port of a pod is', 'ports of pods are')} left on "
                "the trunk",
                body=SubportRemoval(ports=ports),
            )


def _interfaces(ownership: Ownership) -> Iterator[Step]:
    """Routers' interfaces in subnets that will be deleted, or of routers that will be deleted.

    Except for those that Kuryr made.
    """
    ours, spaces = ownership.is_ours, ownership.namespace_subnets
    yield from _legs(
        ownership,
        lambda subnet, router: subnet not in spaces and (ours(subnet) or ours(router)),
        "router {} has it for the runbook",
    )


def _legs(
    ownership: Ownership, goes: Callable[[Subnet, Router], bool], because: str
) -> Iterator[Step]:
    """The interfaces that go; the router's name is filled in where `because` has braces."""
    subnets = {it.id: it for it in known(ownership.cloud.subnets)}
    routers = {it.id: it for it in known(ownership.cloud.routers)}
    for port in known(ownership.cloud.ports):
        router = routers.get(port.device_id) if port.is_leg else None
        for fixed in port.fixed_ips:
            subnet = subnets.get(fixed.subnet_id)
            if router is None or subnet is None:
                continue
            if goes(subnet, router):
                yield Step(
                    action=Action.DELETE,
                    target=Target("router_interface", subnet.name),
                    id=port.id,
                    because=because.format(router.name),
                    body=RouterLeg(router_id=router.id, subnet_id=subnet.id),
                )


def _memberships(ownership: Ownership) -> Iterator[Step]:
    """Nodes' ports are removed from a group that will be deleted."""
    going = {it.id for it in known(ownership.cloud.groups) if ownership.is_ours(it)}
    for port in known(ownership.cloud.ports):
        if port.device_owner != KURYR_PORT_OWNER and going.intersection(port.groups):
            staying = [group for group in port.groups if group not in going]
            yield Step(
                action=Action.UPDATE,
                target=Target("port", port.name or port.id),
                id=port.id,
                because="is in a group that the runbook made",
                body={"security_groups": staying},
                changes=changed({"security_groups": (list(port.groups), staying)}),
            )


def _rules(ownership: Ownership) -> Iterator[Step]:
    """Rules that the runbook added to a group that stays."""
    groups = {it.id: it for it in known(ownership.cloud.groups)}
    for rule in known(ownership.cloud.rules):
        group = groups.get(rule.security_group_id)
        if group is None or ownership.is_ours(group) or not ownership.is_ours(rule):
            continue
        source = rule.remote_ip_prefix or rule.remote_group_id
        name = f"{group.name}: ingress from {source}"
        yield _delete("security_group_rule", rule.id, name, "the runbook made it")


NODE_FILES = "node_files"
"""The kind of the step that waits until every node is clean, and then ends the cleaning."""


def node_files_removal(site: Site, daemon_sets: Iterable[Mapping[str, Any]]) -> list[list[Step]]:
    """Stages; none if neither daemon nor cleaner exists.

    The cleaner is created before the daemon is deleted, so that after an interruption in between
    the next teardown finds it and finishes the work.
    """
    found = {item["metadata"]["name"]: item for item in daemon_sets}
    present = [found[name] for name in (DAEMON, CLEANER) if name in found]
    if not present:
        return []
    image = present[0]["spec"]["template"]["spec"]["containers"][0]["image"]
    cleaner = cleaner_manifest(site, image)
    return [
        [_start(cleaner)] if CLEANER not in found else [],
        [deletion(found[DAEMON], "the runbook made it")] if DAEMON in found else [],
        [_end(cleaner)],
    ]


def _start(cleaner: Mapping[str, Any]) -> Step:
    return Step(
        action=Action.CREATE,
        target=target_of(cleaner),
        because="removes plugin and CNI configuration on every node",
        body=cleaner,
        changes=field_changes(cleaner),
        disturbs="new pods get no network any more",
    )


def _end(cleaner: Mapping[str, Any]) -> Step:
    return Step(
        action=Action.DELETE,
        target=Target(NODE_FILES, "CNI plugin and configuration on every node"),
        because="the daemon's init container put them there",
        body=cleaner,
    )
