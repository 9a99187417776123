"""What the data plane should be: a pure function of what the APIs say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Interface

from kuryr_runbook.lab.fabric.balancing import LoadBalancer
from kuryr_runbook.lab.fabric.filtering import guard
from kuryr_runbook.lab.fabric.parts import ApiState, Balancer, Bridge, Nat, Plug, Topology
from kuryr_runbook.lab.fabric.proxying import not_carried
from kuryr_runbook.lab.fabric.state import FloatingIp, NetworkState, Port, Subnet
from kuryr_runbook.lab.settings import (
    AMPHORA_HOST,
    EXTERNAL_GATEWAY,
    INTERNET_NS,
    LB_NS_PREFIX,
    NODE_HOST,
    NODE_OWNER,
    ROUTER_NS,
    node_namespace,
)

NODE_DEVICE = "ens3"
VIP_DEVICE = "eth0"
INTERNET_DEVICE = "external"
INTERNET_INTERFACE = "p-internet"
ROUTER_INTERFACE = "network:router_interface"
ROUTER_GATEWAY = "network:router_gateway"


def bridge_name(network_id: str) -> str:
    """Name of a network's bridge."""
    return f"b-{network_id[:11]}"


def interface_name(port_id: str) -> str:
    """Name of a port's end on the bridge."""
    return f"p-{port_id[:11]}"


def desired_topology(state: ApiState) -> Topology:
    """The data plane that these answers ask for."""
    plan = _Plan(state.network)
    plugs, doubled = _one_for_each_device(plan.plugs())
    guards = tuple(
        guard(interface_name(port.id), port, state.network)
        for port in plan.plugged
        if port.filtered and port.id in plan.hosts
    )
    notes = {note for guard in guards for note in guard.not_carried}
    notes.update(note for balancer in state.balancers for note in not_carried(balancer))
    return Topology(
        bridges=tuple(sorted(Bridge(bridge_name(n.id), n.mtu) for n in state.network.networks)),
        plugs=plugs,
        guards=guards,
        nats=plan.nats(),
        routes=tuple(sorted({route for router in plan.routers for route in router.routes})),
        balancers=tuple(_balancers(plan, state.balancers)),
        notes=tuple(sorted((*notes, *doubled))),
    )


def _one_for_each_device(plugs: Iterable[Plug]) -> tuple[tuple[Plug, ...], tuple[str, ...]]:
    """Of several ports for one device the first is plugged; the others are named."""
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
    """Neutron's state, indexed, and the plugs it asks for."""

    def __init__(self, state: NetworkState) -> None:
        self.subnets = {subnet.id: subnet for subnet in state.subnets}
        self._mtus = {network.id: network.mtu for network in state.networks}
        self.routers = sorted(state.routers, key=lambda router: router.id)
        # Between two lists a network may go or a port may lose its addresses.
        self.plugged = sorted(
            (port for port in state.ports if port.network_id in self._mtus and _known(self, port)),
            key=lambda port: port.id,
        )
        self.hosts = {port.id: namespace for port in self.plugged if (namespace := _host(port))}
        self.gateways = [
            port
            for port in self.plugged
            if port.device_owner == ROUTER_GATEWAY
            and any(router.id == port.device_id for router in self.routers)
        ]
        self.floating: Mapping[str, tuple[FloatingIp, ...]] = {
            router.id: tuple(
                sorted(
                    (ip for ip in state.floating_ips if ip.router_id == router.id),
                    key=lambda ip: ip.address,
                )
            )
            for router in self.routers
        }

    def plugs(self) -> tuple[Plug, ...]:
        found = [self._host_plug(port) for port in self.plugged if port.id in self.hosts]
        found += [self._router_plug(port) for port in self.plugged if _is_leg(port)]
        found += self._internet_plug()
        return tuple(found)

    def nats(self) -> tuple[Nat, ...]:
        return tuple(self._nat(gateway) for gateway in self.gateways)

    def subnet(self, port: Port) -> Subnet:
        """The subnet of the port's first address."""
        return self.subnets[port.fixed_ips[0].subnet_id]

    def _host_plug(self, port: Port) -> Plug:
        vips = _vips(port)
        is_member = port.host == AMPHORA_HOST and not vips
        gateway = self.subnet(port).gateway
        device = NODE_DEVICE if port.host == NODE_HOST else VIP_DEVICE
        return self._plug(
            port,
            self.hosts[port.id],
            device=f"m-{port.id[:11]}" if is_member else device,
            more=tuple(map(IPv4Interface, vips)),
            gateway=None if is_member else gateway,
            vips=vips,
        )

    def _router_plug(self, port: Port) -> Plug:
        is_gateway = port.device_owner == ROUTER_GATEWAY
        floating = self.floating.get(port.device_id, ()) if is_gateway else ()
        # One namespace has one default route: the first gateway's.
        leads_out = is_gateway and port == self.gateways[0]
        return self._plug(
            port,
            ROUTER_NS,
            device=_leg(port),
            more=tuple(IPv4Interface(ip.address) for ip in floating),
            gateway=self.subnet(port).gateway if leads_out else None,
        )

    def _plug(
        self,
        port: Port,
        namespace: str,
        *,
        device: str,
        more: tuple[IPv4Interface, ...] = (),
        gateway: IPv4Address | None = None,
        vips: tuple[IPv4Address, ...] = (),
    ) -> Plug:
        own = tuple(
            IPv4Interface((ip.address, self.subnets[ip.subnet_id].cidr.prefixlen))
            for ip in port.fixed_ips
        )
        return Plug(
            interface=interface_name(port.id),
            bridge=bridge_name(port.network_id),
            namespace=namespace,
            device=device,
            mac=port.mac,
            mtu=self._mtus[port.network_id],
            addresses=own + more,
            gateway=gateway,
            vips=vips,
            vip_gateway=gateway if vips else None,
        )

    def _internet_plug(self) -> list[Plug]:
        """The internet's leg on the external network, which is the one with its gateway."""
        by_id = sorted(self.subnets.values(), key=lambda subnet: subnet.id)
        outside = [subnet for subnet in by_id if subnet.gateway == EXTERNAL_GATEWAY]
        if not outside or outside[0].network_id not in self._mtus:
            return []
        subnet = outside[0]
        packed = EXTERNAL_GATEWAY.packed.hex(":")
        return [
            Plug(
                interface=INTERNET_INTERFACE,
                bridge=bridge_name(subnet.network_id),
                namespace=INTERNET_NS,
                device=INTERNET_DEVICE,
                mac=f"0a:00:{packed}",
                mtu=self._mtus[subnet.network_id],
                addresses=(IPv4Interface((EXTERNAL_GATEWAY, subnet.cidr.prefixlen)),),
            )
        ]

    def _nat(self, gateway: Port) -> Nat:
        router = next(r for r in self.routers if r.id == gateway.device_id)
        inside = {
            self.subnets[ip.subnet_id].cidr
            for port in self.plugged
            if port.device_owner == ROUTER_INTERFACE and port.device_id == router.id
            for ip in port.fixed_ips
        }
        return Nat(
            device=_leg(gateway),
            address=gateway.fixed_ips[0].address,
            snat=router.snat,
            inside=tuple(sorted(inside)),
            floating=tuple((ip.address, ip.fixed_address) for ip in self.floating[router.id]),
        )


def _known(plan: _Plan, port: Port) -> bool:
    return bool(port.fixed_ips) and all(ip.subnet_id in plan.subnets for ip in port.fixed_ips)


def _is_leg(port: Port) -> bool:
    return port.device_owner in (ROUTER_INTERFACE, ROUTER_GATEWAY)


def _leg(port: Port) -> str:
    return f"q-{port.id[:11]}"


def _host(port: Port) -> str | None:
    """The namespace of the machine that has the port; None for what is no machine's."""
    if port.device_owner != NODE_OWNER or not port.device_id:
        return None
    if port.host == NODE_HOST:
        return node_namespace(port.device_id)
    if port.host == AMPHORA_HOST:
        return f"{LB_NS_PREFIX}{port.device_id[:8]}"
    return None


def _vips(port: Port) -> tuple[IPv4Address, ...]:
    """Addresses that an amphora's port answers for beside its own."""
    if port.host != AMPHORA_HOST:
        return ()
    own = {ip.address for ip in port.fixed_ips}
    single = {p.network.network_address for p in port.pairs if p.network.prefixlen == 32}
    return tuple(sorted(single - own))


def _balancers(plan: _Plan, found: Iterable[LoadBalancer]) -> Iterable[Balancer]:
    for load_balancer in sorted(found, key=lambda lb: lb.id):
        for port in plan.plugged:
            if port.network_id == load_balancer.network_id and load_balancer.vip in _vips(port):
                yield Balancer(namespace=plan.hosts[port.id], load_balancer=load_balancer)
                break
