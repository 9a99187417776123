"""The part of phase 02's plan that is about networks, subnets and the router."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from kuryr_runbook.model.addressing import Pool
from kuryr_runbook.model.bodies import RouterLeg
from kuryr_runbook.model.marks import is_marked
from kuryr_runbook.model.plan import Action, Differences, Step, Target, field_changes, shown
from kuryr_runbook.planning.gathering import Gathering, Ref, target_of
from kuryr_runbook.snapshots.cloud.resources import Network, Port, Subnet
from kuryr_runbook.snapshots.reading import known
from kuryr_runbook.specs.openstack import PoolSpec, SubnetSpec

REPAIRABLE = frozenset({"enable_dhcp", "allocation_pools"})
"""Fields of a subnet that can be changed without harming running pods."""
POOL_ROLE = "subnets of namespaces"


def use_external_network(gathering: Gathering) -> str:
    """Require the network of the floating IPs; returns its id."""
    wanted = gathering.spec.external_network
    network = gathering.found(known(gathering.cloud.networks), wanted)
    if network is None:
        return ""
    if not network.external:
        gathering.refuse(
            target_of(wanted),
            f"network {wanted.name} should be external (router:external) and is not",
        )
    subnet = gathering.subnet(gathering.spec.external_subnet_id)
    if subnet is not None and subnet.network_id != network.id:
        gathering.refuse(
            target_of(wanted),
            f"subnet {subnet.id} (network.external_subnet_id) should be in network {wanted.name}",
        )
    because = "external network: floating IPs come from it"
    return gathering.keep(target_of(wanted), network.id, because)


def use_node_subnet(gathering: Gathering) -> Subnet | None:
    """Require the subnet of the nodes; None if it cannot be used."""
    wanted = gathering.spec.node_subnet
    subnet = gathering.found(known(gathering.cloud.subnets), wanted)
    if subnet is None:
        return None
    if not _is_ipv4(subnet.cidr):
        gathering.refuse(
            target_of(wanted), f"{wanted} should have an IPv4 range and has {subnet.cidr}"
        )
        return None
    gathering.keep(target_of(wanted), subnet.id, "node subnet: the nodes are attached to it")
    return subnet


def plan_router(gathering: Gathering, external: str) -> Ref:
    """The router between nodes, pods and services, with its gateway on the external network."""
    wanted = gathering.spec.router
    router = gathering.find(known(gathering.cloud.routers), wanted)
    to_outside = {"network_id": external}
    if router is None:
        body = {"name": wanted.name, "external_gateway_info": to_outside}
        return gathering.create(target_of(wanted), body, "there is none of that name")
    gateway = router.gateway.network_id if router.gateway else None
    if gateway is None and gathering.owns(router):
        lost: Differences = {"external_gateway_info": (None, to_outside)}
        because = "has lost its gateway on the external network"
        return gathering.update(target_of(wanted), router.id, lost, because)
    if gateway != external:
        outside = gathering.spec.external_network.name
        gathering.refuse(
            target_of(wanted),
            f"router {wanted.name} should have its gateway on network {outside} ({external}) and "
            f"has {gateway or 'none'}",
        )
    because = "exists, with its gateway on the external network"
    return gathering.keep(target_of(wanted), router.id, because)


def plan_interface(gathering: Gathering, router: Ref, subnet: Ref, subnet_name: str) -> None:
    """The router's interface in the subnet."""
    target, router_name = Target("router_interface", subnet_name), gathering.spec.router.name
    port = next((port for port in gathering.ports if _is_leg(port, router, subnet)), None)
    if port is not None:
        gathering.keep(target, port.id, "the router has it")
        return
    there = gathering.subnet(subnet)
    holder = gathering.port_at(there.id, there.gateway_ip) if there is not None else None
    if there is not None and holder is not None:
        gathering.refuse(
            target,
            f"subnet {subnet_name}: its gateway {there.gateway_ip} should be router "
            f"{router_name}'s and is that of port {holder.id} "
            f"({holder.device_owner or 'no owner'} {holder.device_id})",
        )
    gathering.steps.append(
        Step(
            action=Action.CREATE,
            target=target,
            because=f"router {router_name} has no interface in subnet {subnet_name}",
            body=RouterLeg(router_id=router, subnet_id=subnet),
            changes=field_changes({"router_id": router, "subnet_id": subnet}),
        )
    )


def plan_network(gathering: Gathering, node_network: Network | None) -> Ref:
    """The network of the services: as wide as the nodes', and with port security for the VIPs."""
    wanted = gathering.spec.service_network
    target, name = target_of(wanted), wanted.name
    network = gathering.find(known(gathering.cloud.networks), wanted)
    if network is None:
        return gathering.create(target, {"name": name}, "there is none of that name")
    # Without the extension net-mtu Neutron shows no MTU to compare.
    mtu = (node_network.mtu if node_network else None) or 0
    misfits: dict[str, tuple[object, object]] = {}
    reasons: list[str] = []
    if network.port_security is False:
        misfits["port_security_enabled"] = (network.port_security, True)
        reasons.append("has port security off: Octavia cannot create VIPs in it")
    if (network.mtu or mtu) < mtu:
        misfits["mtu"] = (network.mtu, mtu)
        reasons.append(
            f"should have the nodes' MTU of {mtu} and has {network.mtu}: load balancers' "
            "responses would not fit"
        )
    if not misfits:
        return gathering.keep(target, network.id, "exists and fits: services")
    if not gathering.owns(network):
        for reason in reasons:
            gathering.refuse(target, f"network {name} {reason}")
    return gathering.update(target, network.id, misfits, "; ".join(reasons))


def plan_subnet(gathering: Gathering, spec: SubnetSpec, network: Ref) -> Ref:
    """A subnet that Kuryr takes addresses from; an existing one has to fit."""
    target, name = target_of(spec.wanted), spec.wanted.name
    subnet = gathering.find(known(gathering.cloud.subnets), spec.wanted)
    if subnet is None:
        body = {
            "name": name,
            "network_id": network,
            "ip_version": 4,
            "cidr": str(spec.cidr),
            "gateway_ip": str(spec.gateway),
            "enable_dhcp": False,
            "allocation_pools": _pools(spec.pool),
        }
        return gathering.create(target, body, f"there is none yet: {spec.role}")
    if not spec.wanted.given_id and is_marked(subnet.description) and not gathering.owns(subnet):
        gathering.refuse(
            target,
            f"subnet {name} belongs to another cluster or site ({subnet.description}): name "
            "another subnet; if that cluster or site is gone, set this one's description to "
            f"{gathering.spec.owner!r}",
        )
    misfits = _misfits(spec, subnet, network)
    if misfits and gathering.owns(subnet) and misfits.keys() <= REPAIRABLE:
        because = f"exists and does not fit: {spec.role}"
        return gathering.update(target, subnet.id, misfits, because)
    for field, (read, wanted) in misfits.items():
        gathering.refuse(
            target, f"subnet {name}: {field} should be {shown(wanted)} and is {shown(read)}"
        )
    return gathering.keep(target, subnet.id, f"exists and fits: {spec.role}")


def plan_namespace_pool(gathering: Gathering, spec: PoolSpec) -> Ref:
    """The pool of namespaces' subnets; an existing one has to be in the site's range."""
    target, name = target_of(spec.wanted), spec.wanted.name
    pool = gathering.find(known(gathering.cloud.subnet_pools), spec.wanted)
    if pool is None:
        body = {
            "name": name,
            "prefixes": [str(spec.cidr)],
            "default_prefixlen": spec.prefix_length,
            "min_prefixlen": spec.prefix_length,
        }
        return gathering.create(target, body, f"there is none yet: {POOL_ROLE}")
    if is_marked(pool.description) and not gathering.owns(pool):
        gathering.refuse(
            target,
            f"subnet pool {name} belongs to another cluster or site ({pool.description}): name "
            "another pool; if that cluster or site is gone, set this one's description to "
            f"{gathering.spec.owner!r}",
        )
    if not all(_is_inside(prefix, spec.cidr) for prefix in pool.prefixes):
        gathering.refuse(
            target,
            f"subnet pool {name}: all prefixes should be in {spec.cidr} and are "
            f"{', '.join(pool.prefixes)}",
        )
    if pool.prefix_length != spec.prefix_length:
        gathering.refuse(
            target,
            f"subnet pool {name}: default_prefixlen should be {spec.prefix_length} and is "
            f"{pool.prefix_length}",
        )
    return gathering.keep(target, pool.id, f"exists and fits: {POOL_ROLE}")


def refuse_overlaps(gathering: Gathering, node_cidr: IPv4Network) -> None:
    """Pods and services must not be in the nodes' range, which only the cloud knows."""
    spec = gathering.spec
    ranges = [(spec.pod_subnet.wanted, spec.pod_subnet.cidr)]
    ranges.append((spec.service_subnet.wanted, spec.service_subnet.cidr))
    if spec.namespace_pool is not None:
        ranges.append((spec.namespace_pool.wanted, spec.namespace_pool.cidr))
    for wanted, cidr in ranges:
        if cidr.overlaps(node_cidr):
            gathering.refuse(
                target_of(wanted),
                f"{wanted.kind.replace('_', ' ')} {wanted.name} {cidr} overlaps the node subnet "
                f"{node_cidr}",
            )


def _is_leg(port: Port, router: Ref, subnet: Ref) -> bool:
    return port.is_leg and port.device_id == router and port.is_in(str(subnet))


def _misfits(spec: SubnetSpec, subnet: Subnet, network: Ref) -> Differences:
    """How an existing subnet differs from what Kuryr needs of it."""
    there = [{"start": first, "end": last} for first, last in subnet.pools]
    fitting = all(_is_within(spec.pool, it) for pool in subnet.pools for it in pool)
    both = {
        "network_id": (subnet.network_id, network),
        "cidr": (subnet.cidr, str(spec.cidr)),
        "gateway_ip": (subnet.gateway_ip or None, str(spec.gateway)),
        "enable_dhcp": (subnet.enable_dhcp, False),
        "allocation_pools": (there, there if fitting else _pools(spec.pool)),
    }
    return {name: (read, wanted) for name, (read, wanted) in both.items() if read != wanted}


def _is_ipv4(cidr: str) -> bool:
    try:
        return bool(IPv4Network(cidr))
    except ValueError:
        return False


def _is_inside(prefix: str, cidr: IPv4Network) -> bool:
    return _is_ipv4(prefix) and IPv4Network(prefix).subnet_of(cidr)


def _is_within(pool: Pool, address: str) -> bool:
    try:
        return IPv4Address(address) in pool
    except ValueError:
        return False


def _pools(pool: Pool) -> list[dict[str, str]]:
    return [{"start": str(pool.first), "end": str(pool.last)}]
