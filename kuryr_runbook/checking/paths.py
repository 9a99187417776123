"""A packet's path to a pod or a Service, hop by hop, as far as the snapshot shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from kuryr_runbook.checking.diagnosis import Place
from kuryr_runbook.checking.verdicts import CouldNotLook
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.drivers import GroupRole, VifDriver
from kuryr_runbook.model.findings import Hop, Status
from kuryr_runbook.model.services import ServicePort
from kuryr_runbook.model.support import gets_balancer
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cloud.resources import Balancer, Member, Port
from kuryr_runbook.snapshots.cluster.objects import Pod, Service
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.specs.openstack import balancer_source

SHOWN = 5
"""Members that are drawn; the rest are counted."""
Found = tuple[Status, str]


def trace(look: Look, place: Place) -> tuple[Hop, ...]:
    """The hops to the pod and to the Service of a place; a missing hop ends the path."""
    hops: list[Hop] = []
    if place.pod:
        hops += _pod_way(look, place.home, place.pod)
    if place.service:
        hops += _service_way(look, place.home, place.service)
    return tuple(hops)


def _hop(depth: int, what: str, name: str, judge: Callable[[], Found]) -> Hop:
    try:
        status, seen = judge()
    except CouldNotLook as reason:
        return _blind(depth, what, name, reason)
    return Hop(depth=depth, what=what, name=name, status=status, seen=seen)


def _blind(depth: int, what: str, name: str, reason: CouldNotLook) -> Hop:
    seen = f"could not look: {reason}"
    return Hop(depth=depth, what=what, name=name, status=Status.UNKNOWN, seen=seen)


def _missing(depth: int, what: str, name: str, seen: str) -> Hop:
    return Hop(depth=depth, what=what, name=name, status=Status.FAIL, seen=seen)


def _pod_way(look: Look, namespace: str, name: str) -> Iterator[Hop]:
    try:
        pods = [it for it in look.all_pods if (it.namespace, it.name) == (namespace, name)]
    except CouldNotLook as reason:
        yield _blind(0, "pod", f"{namespace}/{name}", reason)
        return
    if not pods:
        seen = "there is none with that name, or it is in its node's network"
        yield _missing(0, "pod", f"{namespace}/{name}", seen)
        return
    yield from _hops_to(look, pods[0])
    for service in _services_of(look, pods[0]):
        yield from _service_hops(look, service, only=pods[0])


def _hops_to(look: Look, pod: Pod) -> Iterator[Hop]:
    """Pod, interface, port, node's port, rule."""
    state = "Ready" if pod.ready else f"{pod.phase or 'no phase'}, not ready"
    warning = "" if pod.ready else look.pod_warning(pod)
    where = f"{state} on {pod.node or 'no node yet'} at {pod.address or 'no address'}"
    well = Status.PASS if pod.ready and pod.address else Status.FAIL
    full = f"{where}; {warning}" if warning else where
    yield _hop(0, "pod", f"{pod.namespace}/{pod.name}", lambda: (well, full))
    place = look.site.release.vif_state
    yield _hop(1, "interface", str(place), lambda: _interface(look, pod))
    try:
        vif = look.vif(pod)
    except CouldNotLook:
        return
    if isinstance(vif, PodVif):
        yield _hop(2, "port", vif.port_id, lambda: _port(look, pod, vif))
        if look.site.kuryr.vif_driver is not VifDriver.NEUTRON_VIF:
            yield _hop(3, "node's port", pod.node, lambda: _node_port(look, pod, vif))
        yield _rule_hop(look, pod)


def _interface(look: Look, pod: Pod) -> Found:
    vif = look.vif(pod)
    if vif is None:
        return Status.FAIL, "none: the controller has not handled the pod"
    if not isinstance(vif, PodVif):
        return Status.FAIL, vif.reason
    state = "active" if vif.active else "not active: the daemon waits"
    return (
        Status.PASS if vif.active else Status.FAIL
    ), f"{', '.join(vif.addresses)} {vif.mac}, {state}"


def _port(look: Look, pod: Pod, vif: PodVif) -> Found:
    port = look.ports.get(vif.port_id)
    if port is None:
        return Status.FAIL, "does not exist in Neutron"
    seen = f"{', '.join(port.addresses)} {port.mac}, {port.status}"
    if look.site.driver.needs_address_pairs:
        seen += " (it only reserves the address)"
    fits = port.mac == vif.mac and (not pod.address or pod.address in port.addresses)
    return (Status.PASS if fits else Status.FAIL), seen


def _node_port(look: Look, pod: Pod, vif: PodVif) -> Found:
    port = look.node_ports.get(pod.node)
    if port is None:
        return Status.FAIL, "no Neutron port has the node's address"
    if not look.site.driver.needs_address_pairs:
        trunk = look.trunks.get(port.id)
        carried = trunk is not None and vif.port_id in trunk.carried
        state = f"trunk {trunk.id} {trunk.status}" if trunk else "no trunk"
        verb = "carries" if carried else "does NOT carry"
        return (Status.PASS if carried else Status.FAIL), f"{port.id}, {state} {verb} the pod's"
    paired = any(look.is_paired(pod.node, address, vif.mac) for address in vif.addresses)
    verb = "allows" if paired else "does NOT allow"
    seen = f"{port.id}, {verb} the pair, {counted(len(port.pairs), 'pair')} in all"
    return (Status.PASS if paired else Status.FAIL), seen


def _rule(look: Look, pod: Pod, own: Port | None) -> Found:
    source = balancer_source(look.site)
    by_node = look.site.driver.admitting_group is GroupRole.NODE
    port = look.node_ports.get(pod.node) if by_node else own
    if port is None:
        raise CouldNotLook("the port that guards it is not known")
    if port.port_security is False:
        return Status.PASS, f"port {port.id} has no port security: everything comes in"
    names = ", ".join(look.groups.get(group, group) for group in port.groups) or "no group"
    admitted = look.admits(port.groups, source)
    verb = "admits" if admitted else "does NOT admit"
    return (Status.PASS if admitted else Status.FAIL), f"{names} {verb} {source}"


def _services_of(look: Look, pod: Pod) -> list[Service]:
    """The Services with the pod as a backend; none if that was not read."""
    try:
        return [
            service
            for service in look.all_services
            if service.namespace == pod.namespace
            and any(backend.pod == pod.name for backend in look.backends(service))
        ]
    except CouldNotLook:
        return []


def _service_way(look: Look, namespace: str, name: str) -> Iterator[Hop]:
    try:
        found = [it for it in look.all_services if it.place == f"{namespace}/{name}"]
    except CouldNotLook as reason:
        yield _blind(0, "service", f"{namespace}/{name}", reason)
        return
    if not found:
        yield _missing(0, "service", f"{namespace}/{name}", "there is none that Kuryr serves")
        return
    yield from _service_hops(look, found[0], only=None)


def _service_hops(look: Look, service: Service, only: Pod | None) -> Iterator[Hop]:
    """Service, load balancer, listeners and members: all, or that of one pod."""
    made = gets_balancer(look.site.release, service)
    kind = f"{service.type} {service.cluster_ip or 'without address'}"
    seen = kind if made else f"{kind}; Kuryr makes no load balancer for it"
    verdict = Status.PASS if made else Status.WARN
    yield _hop(0, "service", service.place, lambda: (verdict, seen))
    if not made:
        return
    yield _hop(1, "endpoints", service.place, lambda: _endpoints(look, service))
    if service.type == "LoadBalancer":
        yield _hop(1, "floating IP", service.ingress or "none", lambda: _floating(look, service))
    try:
        balancer = look.balancer(service)
    except CouldNotLook as reason:
        yield _blind(1, "load balancer", service.place, reason)
        return
    if balancer is None:
        yield _missing(1, "load balancer", service.place, "there is none of that name")
        return
    yield _hop(1, "load balancer", balancer.id, lambda: _balancer(service, balancer))
    for port in service.ports:
        yield from _listener_hops(look, balancer, port, only)


def _listener_hops(
    look: Look, balancer: Balancer, port: ServicePort, only: Pod | None
) -> Iterator[Hop]:
    name = f"{port.protocol} {port.port}"
    try:
        listener = look.listener(balancer, port.protocol, port.port)
        members = look.members(listener) if listener else None
    except CouldNotLook as reason:
        yield _blind(2, "listener", name, reason)
        return
    if listener is None:
        yield _missing(2, "listener", name, "there is none")
        return
    status = Status.FAIL if listener.provisioning == "ERROR" else Status.PASS
    yield Hop(depth=2, what="listener", name=name, status=status, seen=listener.provisioning)
    if members is None:
        yield _missing(3, "pool", name, "the listener has none")
        return
    yield from _member_hops(look, members, only)


def _endpoints(look: Look, service: Service) -> Found:
    count = len(look.backends(service))
    return (Status.PASS if count else Status.WARN), counted(count, "ready backend")


def _floating(look: Look, service: Service) -> Found:
    balancer = look.balancer(service)
    port = balancer.vip_port_id if balancer else ""
    at = [it.address for it in look.floating_ips if port and it.port_id == port]
    seen = f"Neutron has {', '.join(at) or 'none'} at the VIP"
    return (Status.PASS if service.ingress and at == [service.ingress] else Status.FAIL), seen


def _balancer(service: Service, balancer: Balancer) -> Found:
    fits = balancer.vip == service.cluster_ip
    at = balancer.vip if fits else f"{balancer.vip}, NOT the ClusterIP"
    well = fits and balancer.provisioning == "ACTIVE"
    return (Status.PASS if well else Status.FAIL), f"{balancer.provisioning} at {at}"


def _member_hops(look: Look, members: Sequence[Member], only: Pod | None) -> Iterator[Hop]:
    try:
        pods = {pod.address: pod for pod in look.pods if pod.address}
    except CouldNotLook as reason:
        yield _blind(3, "members", f"{len(members)} of them", reason)
        return
    if only is not None:
        own = [member for member in members if member.address == only.address]
        if not own:
            yield _missing(3, "member", only.address or only.name, "the pod is not in the pool")
        for member in own:
            yield _member(member, pods.get(member.address))
        return
    for member in members[:SHOWN]:
        pod = pods.get(member.address)
        yield _member(member, pod)
        if pod is not None:
            yield _rule_hop(look, pod)
    if len(members) > SHOWN:
        rest = f"{len(members) - SHOWN} more"
        yield _hop(3, "members", rest, lambda: (Status.SKIP, "not drawn"))
    if not members:
        yield _hop(3, "members", "none", lambda: (Status.WARN, "the pool is empty"))


def _rule_hop(look: Look, pod: Pod) -> Hop:
    def judge() -> Found:
        vif = look.vif(pod)
        own = look.ports.get(vif.port_id) if isinstance(vif, PodVif) else None
        return _rule(look, pod, own)

    return _hop(4, "rule", f"from load balancers, on {pod.node}", judge)


def _member(member: Member, pod: Pod | None) -> Hop:
    bad = pod is None or "ERROR" in (member.operating, member.provisioning)
    return Hop(
        depth=3,
        what="member",
        name=f"{member.address}:{member.port}",
        status=Status.WARN if bad else Status.PASS,
        seen=f"{member.operating}, {pod or 'no pod has that address'}",
    )
