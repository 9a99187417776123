"""The fixes for a cause that are certain and harm nothing.

A check reports what is wrong; this decides where there is no doubt. Kuryr's resources are
recognized by Kuryr's own marks, and what could not be read is not fixed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from kuryr_runbook.checking.verdicts import CouldNotLook, readable
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.pools import pool_of_controller
from kuryr_runbook.model.fixes import (
    FinalizerFix,
    Fix,
    FloatingIpFix,
    Leftover,
    LeftoverFix,
    ObjectFix,
    PairFix,
)
from kuryr_runbook.model.port_pools import NO_POOL
from kuryr_runbook.snapshots.cloud.ownership import Ownership, leads_nowhere
from kuryr_runbook.snapshots.cloud.resources import Balancer, FloatingIp, Port
from kuryr_runbook.snapshots.cluster.kuryr_objects import KuryrObject
from kuryr_runbook.snapshots.cluster.objects import Life, Pod, Service
from kuryr_runbook.snapshots.cluster.vif import PodVif

MUTABLE = ("ACTIVE", "ERROR")
"""States of a load balancer in which it can be deleted."""

PlacedPair = tuple[str, str, str]
"""Node, address and MAC."""
Marked = Pod | Service | KuryrObject
"""Objects that may have Kuryr's finalizers."""


def certain(find: Callable[[], Iterable[Fix]]) -> tuple[Fix, ...]:
    """The fixes; none if something could not be read."""
    try:
        return tuple(find())
    except CouldNotLook:
        return ()


def allow_pairs(look: Look, lost: Iterable[tuple[Pod, PodVif]]) -> Iterator[Fix]:
    """Restore lost pairs if the pod's port is as it should be and the worker's has room."""
    limit, added = look.pair_limit, Counter[str]()
    for pod, vif in lost:
        own, port = look.ports.get(vif.port_id), look.workers.get(pod.node)
        if own is None or port is None or port.port_security is False:
            continue
        if own.mac != vif.mac or not set(vif.addresses) <= set(own.addresses):
            continue
        added[port.id] += len(vif.addresses)
        if isinstance(limit, int) and len(port.pairs) + added[port.id] > limit:
            continue
        for address in vif.addresses:
            yield PairFix(
                node=pod.node,
                port_id=port.id,
                address=address,
                mac=vif.mac,
                allow=True,
                because=f"{pod} is on {pod.node}, and its packets are dropped",
            )


def drop_pairs(look: Look, stale: Iterable[PlacedPair]) -> Iterator[Fix]:
    """Remove pairs that belong to no pod."""
    for node, address, mac in stale:
        yield from _dropped(look, (node, address, mac), "no pod has it, and no port is for it")


def drop_second_pairs(look: Look, pairs: Iterable[PlacedPair]) -> Iterator[Fix]:
    """Remove a pair on several workers from those where its pod is not."""
    of = Counter(vif.mac for vif in look.vifs.values() if isinstance(vif, PodVif))
    homes = {
        (address, vif.mac): pod
        for pod, vif in look.plugged
        if of[vif.mac] == 1
        for address in vif.addresses
    }
    for node, address, mac in pairs:
        pod = homes.get((address, mac))
        if pod is not None and pod.node != node and look.is_paired(pod.node, address, mac):
            yield from _dropped(look, (node, address, mac), f"{pod} is on {pod.node}")


def _dropped(look: Look, pair: PlacedPair, because: str) -> Iterator[Fix]:
    node, address, mac = pair
    port = look.node_ports.get(node)
    if port is not None:
        yield PairFix(
            node=node, port_id=port.id, address=address, mac=mac, allow=False, because=because
        )


def delete_ports(look: Look, ports: Iterable[Port], because: str) -> Iterator[Fix]:
    """Delete ports that Kuryr created for a pod, by its marks, and their address pairs.

    Subports have Neutron's owner instead: those with the site's tags are deleted, too, if the
    controller is known to have no pools.
    """
    for port in ports:
        if look.owned(Ownership.is_left_of_pod, port) or _is_left_of_pool(look, port):
            for node, (single, _) in look.pairs.items():
                for address in port.addresses:
                    if (address, port.mac) in single:
                        yield from _dropped(look, (node, address, port.mac), because)
            yield LeftoverFix(
                kind=Leftover.PORT, id=port.id, name=port.name or port.id, because=because
            )


def _is_left_of_pool(look: Look, port: Port) -> bool:
    return look.owned(Ownership.is_of_pool, port) and pool_of_controller(look) == NO_POOL


def delete_balancers(look: Look, orphans: Iterable[Balancer]) -> Iterator[Fix]:
    """Delete those at a Service address that nobody claims, with the floating IPs from Kuryr."""
    claimed = {(it.namespace, it.name) for it in look.kuryr_objects}
    for balancer in orphans:
        namespace, _, name = balancer.name.partition("/")
        if (namespace, name) in claimed or balancer.provisioning not in MUTABLE:
            continue
        addresses = [it for it in look.floating_ips if it.port_id == balancer.vip_port_id]
        if not all(look.owned(Ownership.is_services_address, it) for it in addresses):
            # Somebody assigned a floating IP by hand, and so uses it.
            continue
        because = f"Kuryr made it for service {balancer.name}, which is gone"
        for floating in addresses:
            yield _address_gone(floating, because)
        yield LeftoverFix(
            kind=Leftover.LOAD_BALANCER,
            id=balancer.id,
            name=balancer.name,
            because=because,
        )


def delete_floating_ips(look: Look, orphans: Iterable[FloatingIp]) -> Iterator[Fix]:
    """Delete those that point nowhere, unless a Service still announces them."""
    announced = {service.ingress for service in look.all_services}
    for floating in orphans:
        is_nobodys = look.owned(Ownership.is_loose_address, floating)
        if is_nobodys and floating.address not in announced:
            yield _address_gone(floating, "Kuryr made it for a service, and it points nowhere")


def _address_gone(floating: FloatingIp, because: str) -> LeftoverFix:
    return LeftoverFix(
        kind=Leftover.FLOATING_IP, id=floating.id, name=floating.address, because=because
    )


def reconnect(look: Look, served: Iterable[tuple[Service, Balancer]]) -> Iterator[Fix]:
    """Point announced addresses that point nowhere to the load balancers that have none."""
    taken = {it.port_id for it in look.floating_ips}
    loose = {it.address: it for it in look.floating_ips if leads_nowhere(it)}
    for service, balancer in served:
        floating = loose.get(service.ingress)
        if floating is not None and balancer.vip_port_id and balancer.vip_port_id not in taken:
            yield FloatingIpFix(
                id=floating.id,
                address=floating.address,
                port_id=balancer.vip_port_id,
                service=service.place,
            )


def delete_kuryr_ports(look: Look, orphans: Iterable[KuryrObject]) -> Iterator[Fix]:
    """Delete KuryrPorts if there is a controller that then removes their resources."""
    if any(pod.ready and not pod.going for pod in look.programs.controllers):
        for it in orphans:
            because = "its pod is gone: the controller then deletes the port, too"
            yield ObjectFix(kind=it.kind, namespace=it.namespace, name=it.name, because=because)


def release(look: Look, stuck: Iterable[Marked]) -> Iterator[Fix]:
    """Remove finalizers of objects without resources in Neutron, Octavia and Kuryr's own kinds."""
    claimed = {(it.kind, it.namespace, it.name) for it in look.kuryr_objects}
    uids = {port.device_id for port in look.ports.values()}
    # Including those that are being deleted.
    balancers = {it.name for it in readable(look.cloud.balancers)}
    for item in stuck:
        match item:
            case Pod():
                place, kind, life = (item.namespace, item.name), "Pod", item.life
                is_empty = ("KuryrPort", *place) not in claimed and item.uid not in uids
            case Service():
                place, kind, life = (item.namespace, item.name), "Service", item.life
                is_empty = ("KuryrLoadBalancer", *place) not in claimed
                is_empty = is_empty and "/".join(place) not in balancers
            case KuryrObject():
                place, kind, life = (item.namespace, item.name), item.kind, item.life
                is_empty = _is_empty(look, item, balancers)
        if is_empty:
            yield FinalizerFix(
                kind=kind, namespace=place[0], name=place[1], finalizers=_all_finalizers(life)
            )


def _is_empty(look: Look, item: KuryrObject, balancers: set[str]) -> bool:
    if item.kind == "KuryrPort":
        return item.vif is None or (
            isinstance(item.vif, PodVif) and item.vif.port_id not in look.ports
        )
    return item.kind == "KuryrLoadBalancer" and f"{item.namespace}/{item.name}" not in balancers


def _all_finalizers(life: Life) -> tuple[str, ...]:
    return (*life.finalizers, *life.other_finalizers)
