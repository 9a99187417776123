"""Finding the ports and the load balancer that a check is about."""

from __future__ import annotations

from kuryr_runbook.checking.verdicts import CouldNotLook, readable
from kuryr_runbook.checking.view.cloud import look_up
from kuryr_runbook.model.findings import Victim
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.lookup import of_name
from kuryr_runbook.snapshots.cloud.resources import Balancer, Member, Port
from kuryr_runbook.snapshots.workload.verification import Pod, VerificationSnapshot
from kuryr_runbook.specs.wanted import node_subnet
from kuryr_runbook.specs.workload import SERVICE, balancer_name


def workload_pod(site: Site, name: str) -> Victim:
    """One of the workload's pods, as one that suffers."""
    return Victim("pod", name, site.verification.namespace)


def workload_service(site: Site) -> Victim:
    """The workload's Service, as one that suffers."""
    return Victim("service", SERVICE, site.verification.namespace)


def pods_of(snapshot: VerificationSnapshot) -> tuple[Pod, ...]:
    """The workload's pods. Raises CouldNotLook when there are fewer than the site asks for."""
    pods = readable(snapshot.workload).pods
    wanted = snapshot.site.verification.replicas
    if len(pods) < wanted:
        raise CouldNotLook(f"there are {len(pods)} of {wanted} pods")
    return pods


def node_port(snapshot: VerificationSnapshot, address: str) -> Port | None:
    """The Neutron port of the node with that address, as Kuryr finds it: by address and subnet."""
    wanted = node_subnet(snapshot.site)
    subnet = look_up(snapshot.cloud.subnets, wanted, snapshot.cloud)
    if subnet is None:
        raise CouldNotLook(f"the project shows no {wanted}")
    ports = readable(snapshot.cloud.ports)
    return next((port for port in ports if port.is_at(subnet.id, address)), None)


def port(snapshot: VerificationSnapshot, port_id: str) -> Port | None:
    """The port of that id."""
    return next((it for it in readable(snapshot.cloud.ports) if it.id == port_id), None)


def balancers(snapshot: VerificationSnapshot) -> list[Balancer]:
    """The load balancers that bear the name which Kuryr gives that of the Service."""
    cloud = snapshot.cloud
    there, name = readable(cloud.balancers), balancer_name(snapshot.site)
    return of_name(there, name, readable(cloud.project_id))


def balancer(snapshot: VerificationSnapshot) -> Balancer:
    """The load balancer of the Service. Raises CouldNotLook when there is none."""
    there = balancers(snapshot)
    if not there:
        raise CouldNotLook(f"there is no load balancer {balancer_name(snapshot.site)}")
    return there[0]


def members(snapshot: VerificationSnapshot) -> list[Member]:
    """The members of its pools."""
    wanted, lists = balancer(snapshot).id, readable(snapshot.cloud.members)
    return [
        member
        for pool in readable(snapshot.cloud.pools)
        if wanted in pool.balancers
        for member in readable(lists.get(pool.id, ()))
    ]
