"""Computes what the hypervisor should have from what the APIs say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface

from kuryr_runbook.lab.compute.balancing import LoadBalancer
from kuryr_runbook.lab.compute.parts import Balancer, Machines, Plug
from kuryr_runbook.lab.compute.proxying import not_carried
from kuryr_runbook.lab.compute.state import CloudState, Port
from kuryr_runbook.lab.settings import (
    AMPHORA_OWNER,
    CHASSIS,
    LB_NS_PREFIX,
    NODE_OWNER,
    node_namespace,
)

NODE_DEVICE = "ens3"
VIP_DEVICE = "eth0"
INTERFACE_PREFIX = "p-"


def interface_name(port_id: str) -> str:
    """Name of a port's interface on the bridge."""
    return f"{INTERFACE_PREFIX}{port_id[:11]}"


def desired_machines(state: CloudState, virtual: Collection[str] = ()) -> Machines:
    """The machines that the cloud's state requires; `virtual` are the nodes with own kernels."""
    plan = _Plan(state, virtual)
    plugs, doubled = _one_for_each_device(map(plan.plug, plan.ports))
    notes = {note for balancer in state.balancers for note in not_carried(balancer)}
    return Machines(
        plugs=plugs,
        balancers=tuple(_balancers(plan, state.balancers)),
        notes=tuple(sorted((*notes, *doubled))),
    )


def _one_for_each_device(plugs: Iterable[Plug]) -> tuple[tuple[Plug, ...], tuple[str, ...]]:
    """If several ports claim the same device, plug the first, and report the others."""
    taken: dict[tuple[str, str], Plug] = {}
    doubled = []
    for plug in plugs:
        first = taken.setdefault((plug.namespace, plug.device), plug)
        if first is not plug:
            doubled.append(
                f"port {plug.interface} is not plugged: {plug.namespace} has {first.interface} "
                f"as {plug.device}"
            )
    return tuple(taken.values()), tuple(doubled)


class _Plan:
    """The cloud's state, indexed."""

    def __init__(self, state: CloudState, virtual: Collection[str]) -> None:
        self._virtual = virtual
        self._subnets = {subnet.id: subnet for subnet in state.subnets}
        self._mtus = {network.id: network.mtu for network in state.networks}
        # Between two list calls, a network may disappear, or a port may lose its addresses.
        known = (port for port in state.ports if host(port) and self._is_known(port))
        self.ports = sorted(known, key=lambda port: port.id)

    def plug(self, port: Port) -> Plug:
        vips = vips_of(port)
        is_node = port.device_owner == NODE_OWNER
        # An amphora's other ports are only for its members' subnets.
        is_member = not is_node and not vips
        own = tuple(
            IPv4Interface((ip.address, self._subnets[ip.subnet_id].cidr.prefixlen))
            for ip in port.fixed_ips
        )
        gateway = self._subnets[port.fixed_ips[0].subnet_id].gateway
        return Plug(
            port_id=port.id,
            interface=interface_name(port.id),
            namespace=host(port),
            device=f"m-{port.id[:11]}" if is_member else NODE_DEVICE if is_node else VIP_DEVICE,
            mac=port.mac,
            mtu=self._mtus[port.network_id],
            addresses=(*own, *map(IPv4Interface, vips)),
            gateway=None if is_member else gateway,
            vips=vips,
            vip_gateway=gateway if vips else None,
            virtual=is_node and port.device_id in self._virtual,
        )

    def _is_known(self, port: Port) -> bool:
        return (
            port.network_id in self._mtus
            and bool(port.fixed_ips)
            and all(ip.subnet_id in self._subnets for ip in port.fixed_ips)
        )


def host(port: Port) -> str:
    """The namespace of the machine that has the port; empty if it is not a machine's port."""
    if port.host != CHASSIS or not port.device_id:
        return ""
    if port.device_owner == NODE_OWNER:
        return node_namespace(port.device_id)
    if port.device_owner == AMPHORA_OWNER:
        return f"{LB_NS_PREFIX}{port.device_id[:8]}"
    return ""


def vips_of(port: Port) -> tuple[IPv4Address, ...]:
    """Addresses that an amphora's port answers for in addition to its own."""
    if port.device_owner != AMPHORA_OWNER:
        return ()
    own = {ip.address for ip in port.fixed_ips}
    single = {pair.network_address for pair in port.pairs if pair.prefixlen == 32}
    return tuple(sorted(single - own))


def _balancers(plan: _Plan, found: Iterable[LoadBalancer]) -> Iterator[Balancer]:
    for load_balancer in sorted(found, key=lambda lb: lb.id):
        for port in plan.ports:
            if port.network_id == load_balancer.network_id and load_balancer.vip in vips_of(port):
                yield Balancer(namespace=host(port), load_balancer=load_balancer)
                break
