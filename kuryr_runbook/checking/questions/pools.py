"""The pools of ports: are spare ports as Kuryr created them, and do the pools fit?

The controller looks at spare ports only when it starts. Later it gives away what it remembers,
whatever has become of that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from shlex import quote

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.remedies import restart_controller
from kuryr_runbook.checking.verdicts import failed, passed, readable
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.pools import spare_ports, used_ports
from kuryr_runbook.checking.view.subnets import look_up
from kuryr_runbook.model.addressing import pod_pool
from kuryr_runbook.model.findings import Region, Status, Verdict, Victim
from kuryr_runbook.model.marks import POD_PORT_OWNERS
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cloud.ownership import is_of_some_pod
from kuryr_runbook.snapshots.cloud.resources import Port
from kuryr_runbook.specs.wanted import pod_group


def without_pools(site: Site) -> str:
    """Why there are no pools; empty: there are."""
    return "" if site.kuryr.port_pool.enabled else "the site has no pools of ports"


def pools_lack(look: Look) -> int:
    """How many ports Kuryr may create for pools that it has not created yet."""
    if not look.site.kuryr.port_pool.enabled:
        return 0
    return max(0, _pools(look) * look.site.kuryr.port_pool.spare - _spare_now(look))


def _pools(look: Look) -> int:
    """How many there may be: every node has one in each network of pods."""
    networks = len(look.namespaces_of_pods) if look.site.network.namespace_subnets.enabled else 1
    return _workers(look) * networks


def _workers(look: Look) -> int:
    return sum(node.schedulable for node in look.nodes)


def _spare_now(look: Look) -> int:
    """Pods' ports with the site's tags, less those of pods.

    Preflight reads neither trunks nor pods' interfaces.
    """
    tags = set(look.site.kuryr.resource_tags)
    made = sum(is_of_some_pod(port) and tags <= set(port.tags) for port in look.ports.values())
    plugged = sum(pod.is_handled for pod in look.all_pods if not pod.is_finished)
    return max(0, made - plugged)


@Check(
    "pool-room",
    "The pods' subnet has room for pods and their pools",
    "kuryr-kubernetes, controller/drivers/vif_pool.py: a pool for each node, and it is filled",
    on=(Occasion.PREFLIGHT,),
    moot=without_pools,
)
def check_room(look: Look) -> Verdict:
    """Spare ports keep their addresses, and a pool whose node has no pods gives none back."""
    network = look.site.network
    pods = Counter(pod.namespace for pod in look.all_pods if not pod.is_finished)
    pods[look.site.verification.namespace] += look.site.verification.replicas
    if network.namespace_subnets.enabled:
        return _room(
            look,
            network.namespace_subnets.ports,
            max(pods.values()),
            "network.namespace_subnets.prefix_length smaller",
        )
    addresses = pod_pool(network.pod_subnet.cidr, network.pod_subnet.gateway_ip)
    size = int(addresses.last) - int(addresses.first) + 1
    return _room(look, size, pods.total(), "the range of network.pod_subnet larger")


def _room(look: Look, size: int, pods: int, larger: str) -> Verdict:
    """Of one subnet, in which every node has a pool."""
    spare = _workers(look) * look.site.kuryr.port_pool.spare
    counts = (
        f"{size} addresses: up to {spare} spare ports in the pools of "
        f"{counted(_workers(look), 'node')}, {pods} for pods"
    )
    if spare + pods > size:
        return failed(
            counts,
            f"lower kuryr.port_pool.min_ports, batch and max_ports, or make {larger} before phase "
            "02: later it cannot be changed",
        )
    return passed(counts)


@Check(
    "pool-ports",
    "The spare ports of pools are as Kuryr created them",
    "kuryr-kubernetes, controller/drivers/vif_pool.py, _get_port_from_pool: it is not looked at",
    moot=without_pools,
    depth=Depth.GROUND,
    region=Region.PODS,
    faults=(
        Fault("a spare port of a pool that somebody else took", "a pod gets an address of others"),
        Fault("a spare port of a pool edited by hand", "the pod that gets it has no network"),
    ),
)
def check_pool_ports(look: Look) -> Iterator[Cause]:
    """What somebody else has taken still has the tags."""
    spare = spare_ports(look)
    tags = frozenset(look.site.kuryr.resource_tags)
    for port in _taken(look, tags):
        holder = " ".join(filter(None, (port.device_owner, port.device_id)))
        untagged = " ".join(f"--tag {quote(tag)}" for tag in sorted(tags))
        yield Cause(
            status=Status.WARN,
            evidence=f"port {port.id} ({', '.join(port.addresses)}) has the tags of the pools, and "
            f"belongs to {holder}: the controller may give it to a pod",
            remedy=f"openstack port unset {untagged} {port.id}; then {restart_controller(look)}: "
            "it then looks which ports are spare",
            victims=(Victim("port", port.id),),
        )
    for port in spare.values():
        if problem := _edited(look, port):
            what, option = problem
            yield Cause(
                status=Status.WARN,
                evidence=f"spare port {port.id} ({', '.join(port.addresses)}) {what}",
                remedy=f"openstack port set {option} {port.id}",
                victims=(Victim("port", port.id),),
            )


def _taken(look: Look, tags: frozenset[str]) -> list[Port]:
    """Tagged ports in the pods' subnets that neither Kuryr nor a router has."""
    subnets, used = (look.own_pod_subnet, *look.namespace_subnets), used_ports(look)
    return [
        port
        for port in look.ports.values()
        if any(port.is_in(subnet.id) for subnet in subnets)
        and tags.issubset(port.tags)
        and port.id not in used
        and port.device_owner
        and port.device_owner not in POD_PORT_OWNERS
        and not port.device_owner.startswith("network:")
    ]


def _edited(look: Look, port: Port) -> tuple[str, str] | None:
    """What is wrong with a spare port, and the option that puts it right; None: nothing is.

    It may have the groups of policies, as the pod had that it was for.
    """
    group = look_up(readable(look.cloud.groups), pod_group(look.site), look.cloud)
    if not port.admin_state_up:
        return "is switched off", "--enable"
    if group is not None and group.id not in port.groups and not look.is_policed(port):
        return (
            f"is not in group {group.name}",
            f"--no-security-group --security-group {quote(group.name)}",
        )
    return None
