"""What the preflight checks look up in their snapshot, and how they read a refusal."""

from __future__ import annotations

from kuryr_runbook.checking.verdicts import CouldNotLook, readable
from kuryr_runbook.checking.view.cloud import look_up
from kuryr_runbook.clients.openstack.probes import Refusal
from kuryr_runbook.model.services import Service
from kuryr_runbook.snapshots.cloud.permissions import NeutronLook, OctaviaLook
from kuryr_runbook.snapshots.cloud.resources import Port, Subnet
from kuryr_runbook.snapshots.cluster.permissions import ClusterLook
from kuryr_runbook.snapshots.preflight import PreflightSnapshot
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.daemon import DAEMON
from kuryr_runbook.specs.wanted import node_subnet

FORBIDDEN = 403


def neutron(snapshot: PreflightSnapshot) -> NeutronLook:
    """Neutron, where it answered. Raises CouldNotLook where it did not."""
    look = snapshot.permissions.neutron
    if isinstance(look, Unreadable):
        raise CouldNotLook("Neutron could not be asked", "see the checks of Keystone and Neutron")
    return look


def octavia(snapshot: PreflightSnapshot) -> OctaviaLook:
    """Octavia, where it answered. Raises CouldNotLook where it did not."""
    look = snapshot.permissions.octavia
    if isinstance(look, Unreadable):
        raise CouldNotLook("Octavia could not be asked", "see the checks of Keystone and Octavia")
    return look


def octavia_version(snapshot: PreflightSnapshot) -> tuple[int, int]:
    """The highest version of Octavia's API; (0, 0) when it tells none."""
    return max(octavia(snapshot).versions, default=(0, 0))


def cluster(snapshot: PreflightSnapshot) -> ClusterLook:
    """The cluster, where its API answered. Raises CouldNotLook where it did not."""
    if isinstance(snapshot.cluster, Unreadable):
        raise CouldNotLook("Kubernetes could not be asked", "see the check of the Kubernetes API")
    return snapshot.cluster


def nodes_subnet(snapshot: PreflightSnapshot) -> Subnet:
    """The nodes' subnet. Raises CouldNotLook when there is not exactly one."""
    subnet = look_up(snapshot.cloud.subnets, node_subnet(snapshot.site), snapshot.cloud)
    if subnet is None:
        raise CouldNotLook("the nodes' subnet is not known", "see the check of what has to exist")
    return subnet


def port_of(snapshot: PreflightSnapshot, address: str) -> Port | None:
    """The Neutron port that has the address in the nodes' subnet."""
    subnet = nodes_subnet(snapshot).id
    ports = readable(snapshot.cloud.ports)
    return next((port for port in ports if port.is_at(subnet, address)), None)


def node_ports(snapshot: PreflightSnapshot) -> dict[str, Port | None]:
    """The port of each node that has an address, by the node's name."""
    nodes = readable(cluster(snapshot).nodes)
    return {node.name: port_of(snapshot, node.address) for node in nodes if node.address}


def kuryr_is_installed(snapshot: PreflightSnapshot) -> bool:
    """Whether Kuryr's daemon is there already: this is a second run."""
    home = snapshot.site.kubernetes.namespace
    return any(
        (program.kind, program.namespace, program.name) == ("DaemonSet", home, DAEMON)
        for program in readable(cluster(snapshot).programs)
    )


def services(snapshot: PreflightSnapshot) -> list[Service]:
    """The cluster's Services, without `default/kubernetes`, which phase 02 serves."""
    there = readable(cluster(snapshot).services)
    return [service for service in there if str(service) != "default/kubernetes"]


def roles(snapshot: PreflightSnapshot) -> str:
    """Who the user is, and which roles it has, in words."""
    login = readable(snapshot.permissions.login)
    return (
        f"user {login.user} has in project {login.project}: {', '.join(login.roles) or 'no role'}"
    )


def permitted(refusal: Refusal) -> bool:
    """Whether Neutron's policy let a probe for a port through.

    Raises CouldNotLook when the request failed before the policy, or in a way of its own.
    """
    if refusal.type == "SubnetNotFound":
        return True
    if refusal.status == FORBIDDEN:
        return False
    if refusal.type == "OverQuota":
        raise CouldNotLook("the quota of ports is used up", "raise it, then run preflight again")
    raise CouldNotLook(
        f"Neutron answered {refusal.status} to a port that cannot be: {refusal.said}"
    )
