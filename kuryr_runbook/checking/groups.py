"""The check of the one security-group rule that load balancers depend on."""

from __future__ import annotations

from ipaddress import IPv4Network

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.verdicts import CouldNotLook, failed, passed, readable, some
from kuryr_runbook.checking.view.workload import node_port, pods_of, port
from kuryr_runbook.model.drivers import GroupRole
from kuryr_runbook.model.findings import Verdict, Victim
from kuryr_runbook.model.rules import admits
from kuryr_runbook.snapshots.cloud.resources import Port
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.workload.verification import VerificationSnapshot
from kuryr_runbook.specs.openstack import balancer_source


@Check(
    "service-subnet-rule",
    "Security groups admit the service subnet",
    "kuryr-kubernetes, doc/source/installation/services.rst: members are asked from there",
    on=(Occasion.VERIFICATION,),
)
def check_service_rule(snapshot: VerificationSnapshot) -> Verdict:
    """Load balancers in layer-3 mode reach pods from the service subnet.

    Those of some providers keep their clients' addresses.

    With MACVLAN those packets meet the group of the worker's port, with the other drivers that of
    the pod's own port.
    """
    source = balancer_source(snapshot.site)
    ports = _guarding_ports(snapshot)
    closed = {owner: port for owner, port in ports.items() if not _admits(snapshot, port, source)}
    if not closed:
        return passed(f"ingress from {source} is admitted at {len(ports)} of {len(ports)} ports")
    groups = _named_groups(snapshot, closed)
    where = [f"port {port.id} of {owner}" for owner, port in closed.items()]
    return failed(
        f"missing in security group {' or '.join(groups)}: ingress, IPv4, any protocol, from "
        f"{source}; so load balancers do not reach {some(where)}",
        f"openstack security group rule create --ingress --ethertype IPv4 --remote-ip {source} "
        f"{groups[0]}; or run phase 02 (openstack_prep) again, which adds it",
        *(Victim("security group", name) for name in groups),
    )


def _guarding_ports(snapshot: VerificationSnapshot) -> dict[str, Port]:
    """The ports whose groups packets for pods meet, by what they belong to."""
    if snapshot.site.driver.admitting_group is GroupRole.NODE:
        nodes = readable(snapshot.cluster).nodes
        found = {f"node {n.name}": node_port(snapshot, str(n.address)) for n in nodes}
    else:
        found = {
            f"pod {pod.name}": port(snapshot, pod.vif.port_id)
            for pod in pods_of(snapshot)
            if isinstance(pod.vif, PodVif)
        }
    ports = {owner: it for owner, it in found.items() if it is not None}
    if not ports or len(ports) < len(found):
        lost = [owner for owner, it in found.items() if it is None]
        raise CouldNotLook(f"no Neutron port of {some(lost) or 'node or pod'} is visible")
    return ports


def _admits(snapshot: VerificationSnapshot, port: Port, source: IPv4Network) -> bool:
    """Whether a port lets the range in; one without port security lets everything in."""
    if port.port_security is False:
        return True
    groups = set(port.groups)
    rules = [it for it in readable(snapshot.cloud.rules) if it.security_group_id in groups]
    if admits(rules, source=source):
        return True
    hidden = groups - {group.id for group in readable(snapshot.cloud.groups)}
    if hidden:
        raise CouldNotLook(f"security group {', '.join(sorted(hidden))} is of another project")
    return False


def _named_groups(snapshot: VerificationSnapshot, closed: dict[str, Port]) -> list[str]:
    """The site's own group where the ports are in it, else all groups that they are in."""
    network = snapshot.site.network
    in_use = {group for port in closed.values() for group in port.groups}
    named = {group.id: group.name for group in readable(snapshot.cloud.groups)}
    if snapshot.site.driver.admitting_group is GroupRole.NODE:
        wanted = named.get(network.node_security_group, network.node_security_group)
    else:
        wanted = named.get(network.pod_security_group_id or "", network.pod_security_group)
    names = sorted(named[group] for group in in_use)
    return [wanted] if wanted in names else names or [wanted]
