"""Finding the ports and the load balancer that a check is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kuryr_runbook.checking.verdicts import CouldNotLook, readable
from kuryr_runbook.snapshots.workload.verification import Pod, VerificationSnapshot
from kuryr_runbook.specs.workload import balancer_name

Resource = Mapping[str, Any]


def pods_of(snapshot: VerificationSnapshot) -> tuple[Pod, ...]:
    """The workload's pods. Raises CouldNotLook when there are fewer than the site asks for."""
    pods = readable(snapshot.workload).pods
    wanted = snapshot.site.verification.replicas
    if len(pods) < wanted:
        raise CouldNotLook(f"there are {len(pods)} of {wanted} pods")
    return pods


def node_port(snapshot: VerificationSnapshot, address: str) -> Resource | None:
    """The Neutron port of the node with that address, as Kuryr finds it: by address and subnet."""
    cloud = readable(snapshot.cloud)
    given, name = snapshot.site.network.node_subnet_id, snapshot.site.network.node_subnet
    named = [str(subnet["id"]) for subnet in cloud.named("subnet", name)]
    subnets = [given] if given else named
    if not subnets:
        raise CouldNotLook(f"the project shows no subnet {name}")
    return next(
        (
            port
            for port in cloud.of("port")
            for fixed in port["fixed_ips"]
            if fixed["ip_address"] == address and fixed["subnet_id"] in subnets
        ),
        None,
    )


def balancer(snapshot: VerificationSnapshot) -> Resource:
    """The load balancer of the Service. Raises CouldNotLook when there is none."""
    name = balancer_name(snapshot.site)
    found = readable(snapshot.cloud).named("loadbalancer", name)
    if not found:
        raise CouldNotLook(f"there is no load balancer {name}")
    return found[0]


def members(snapshot: VerificationSnapshot) -> list[Resource]:
    """The members of its pools."""
    cloud, wanted = readable(snapshot.cloud), balancer(snapshot)["id"]
    return [
        member
        for pool in cloud.of("pool")
        if any(item["id"] == wanted for item in pool["loadbalancers"])
        for member in cloud.members.get(pool["id"], ())
    ]
