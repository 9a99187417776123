"""Phase 02's plan: what Neutron and Octavia lack for Kuryr.

What exists under the given id or name is checked and used. What is there and does not fit is
refused, with the exact difference: changing a subnet or a gateway under running pods is worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from kuryr_runbook.model.addressing import Pool
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.plan import Action, Later, Plan, Step, Target
from kuryr_runbook.model.rules import admits
from kuryr_runbook.snapshots.openstack import OpenStackSnapshot
from kuryr_runbook.specs.openstack import (
    HTTPS_PORT,
    GroupSpec,
    LoadBalancerSpec,
    OpenStackSpec,
    RuleSpec,
    Source,
    SubnetSpec,
)

Resource = Mapping[str, Any]
Ref = str | Later


def plan_openstack(spec: OpenStackSpec, snapshot: OpenStackSnapshot) -> Plan:
    """Wanted minus read. Raises DriftError with everything that exists and does not fit."""
    return _Planning(spec, snapshot).plan()


class _Planning:
    """One act of planning: steps and problems gather while it reads top to bottom."""

    def __init__(self, spec: OpenStackSpec, snapshot: OpenStackSnapshot) -> None:
        self.spec = spec
        self.snapshot = snapshot
        self.steps: list[Step] = []
        self.problems: list[str] = []

    def plan(self) -> Plan:
        spec = self.spec
        external = self._existing_network(spec.external_network, spec.external_network_id)
        node_subnet = self._existing_subnet(spec.node_subnet, spec.node_subnet_id)
        if node_subnet is not None:
            router = self._router(external)
            self._interface(router, str(node_subnet["id"]), spec.node_subnet)
            pods = self._subnet(spec.pod_subnet, str(node_subnet["network_id"]))
            service_network = self._network(spec.service_network)
            services = self._subnet(spec.service_subnet, service_network)
            self._interface(router, pods, spec.pod_subnet.name)
            self._interface(router, services, spec.service_subnet.name)
            node_cidr = IPv4Network(node_subnet["cidr"])
            self._apart(node_cidr)
            self._group(spec.pod_group, node_cidr)
            node_group = self._group(spec.node_group, node_cidr)
            self._node_ports(node_group, str(node_subnet["id"]))
            self._load_balancer(spec.load_balancer, services, str(node_subnet["id"]))
        if self.problems:
            raise DriftError(
                "\n  ".join(["what exists does not fit the site:", *self.problems]),
                remedy="mend the site file or the resource; nothing was changed",
            )
        return Plan(phase="openstack_prep", steps=tuple(self.steps))

    # What must be there.

    def _existing_network(self, name: str, given_id: str | None) -> str:
        network = self._found("network", name, given_id, "network.external_network")
        if network is None:
            return ""
        if not network["router:external"]:
            self.problems.append(f"network {name} should be external (router:external) and is not")
        self._keep("network", name, network, "external network: floating IPs come from it")
        return str(network["id"])

    def _existing_subnet(self, name: str, given_id: str | None) -> Resource | None:
        subnet = self._found("subnet", name, given_id, "network.node_subnet")
        if subnet is not None:
            self._keep("subnet", name, subnet, "node subnet: the nodes are attached to it")
        return subnet

    def _found(self, kind: str, name: str, given_id: str | None, key: str) -> Resource | None:
        """The one resource of that id or name; a problem when there is none."""
        found = self._find(kind, name, given_id, key)
        if found is None and not given_id:
            self.problems.append(f"{kind} {name} ({key}) does not exist, and must")
        return found

    def _find(self, kind: str, name: str, given_id: str | None, key: str) -> Resource | None:
        if given_id:
            found = self.snapshot.by_id(kind, given_id)
            if found is None:
                self.problems.append(f"{kind} {given_id} ({key}_id) does not exist")
            return found
        named = self.snapshot.named(kind, name)
        if len(named) > 1:
            ids = ", ".join(str(item["id"]) for item in named)
            self.problems.append(f"{len(named)} {kind}s are named {name}: give the id ({ids})")
        return named[0] if named else None

    # What may be made.

    def _router(self, external: str) -> Ref:
        name = self.spec.router
        router = self._find("router", name, None, "network.router")
        if router is None:
            body = {"name": name, "external_gateway_info": {"network_id": external}}
            return self._create("router", name, body, "there is none of that name")
        gateway = (router["external_gateway_info"] or {}).get("network_id")
        if gateway != external:
            self.problems.append(
                f"router {name} should have its gateway on network {self.spec.external_network} "
                f"({external}) and has {gateway or 'none'}"
            )
        return self._keep(
            "router", name, router, "exists, with its gateway on the external network"
        )

    def _interface(self, router: Ref, subnet: Ref, subnet_name: str) -> None:
        target = Target("router_interface", subnet_name)
        port = next((p for p in self.snapshot.of("port") if _is_leg(p, router, subnet)), None)
        if port is not None:
            self.steps.append(
                Step(action=Action.KEEP, target=target, id=port["id"], because="the router has it")
            )
            return
        self.steps.append(
            Step(
                action=Action.CREATE,
                target=target,
                because=f"router {self.spec.router} has no leg in subnet {subnet_name}",
                body={"router_id": router, "subnet_id": subnet},
            )
        )

    def _network(self, name: str) -> Ref:
        network = self._find("network", name, None, "network.service_subnet.network")
        if network is None:
            return self._create("network", name, {"name": name}, "there is none of that name")
        return self._keep("network", name, network, "exists")

    def _subnet(self, spec: SubnetSpec, network: Ref) -> Ref:
        subnet = self._find("subnet", spec.name, spec.given_id, "network")
        if subnet is None:
            body = {
                "name": spec.name,
                "network_id": network,
                "ip_version": 4,
                "cidr": str(spec.cidr),
                "gateway_ip": str(spec.gateway),
                "enable_dhcp": False,
                "allocation_pools": [{"start": str(spec.pool.first), "end": str(spec.pool.last)}],
            }
            return self._create("subnet", spec.name, body, f"there is none yet: {spec.role}")
        self.problems += [f"subnet {spec.name}: {text}" for text in _misfits(spec, subnet, network)]
        return self._keep("subnet", spec.name, subnet, f"exists and fits: {spec.role}")

    def _apart(self, node_cidr: IPv4Network) -> None:
        for subnet in (self.spec.pod_subnet, self.spec.service_subnet):
            if subnet.cidr.overlaps(node_cidr):
                self.problems.append(
                    f"subnet {subnet.name} {subnet.cidr} overlaps the node subnet {node_cidr}"
                )

    def _group(self, spec: GroupSpec, node_cidr: IPv4Network) -> Ref:
        group = self._find("security_group", spec.name, spec.given_id, "network.security_group")
        rules: list[Resource] = []
        ref: Ref
        if group is None:
            body = {"name": spec.name}
            ref = self._create(
                "security_group", spec.name, body, f"there is none yet: {spec.description}"
            )
        else:
            ref = self._keep("security_group", spec.name, group, f"exists: {spec.description}")
            rules = [
                rule
                for rule in self.snapshot.of("security_group_rule")
                if rule["security_group_id"] == group["id"]
            ]
        for rule in spec.rules:
            self._rule(spec.name, ref, rule, rules, node_cidr)
        return ref

    def _rule(
        self,
        group_name: str,
        group: Ref,
        spec: RuleSpec,
        rules: list[Resource],
        node_cidr: IPv4Network,
    ) -> None:
        cidr = node_cidr if spec.source is Source.NODE_SUBNET else spec.source
        what = f"TCP {spec.tcp_port}" if spec.tcp_port else "all traffic"
        source = str(cidr) if isinstance(cidr, IPv4Network) else "its own members"
        target = Target("security_group_rule", f"{group_name}: {what} from {source}")
        wanted_from = cidr if isinstance(cidr, IPv4Network) else str(group)
        if admits(rules, source=wanted_from, tcp_port=spec.tcp_port):
            self.steps.append(
                Step(action=Action.KEEP, target=target, because=f"admitted: {spec.purpose}")
            )
            return
        body: dict[str, Any] = {
            "security_group_id": group,
            "direction": "ingress",
            "ethertype": "IPv4",
        }
        if isinstance(cidr, IPv4Network):
            body["remote_ip_prefix"] = str(cidr)
        else:
            body["remote_group_id"] = group
        if spec.tcp_port:
            body |= {
                "protocol": "tcp",
                "port_range_min": spec.tcp_port,
                "port_range_max": spec.tcp_port,
            }
        self._step_create(target, body, f"missing: {spec.purpose}")

    def _node_ports(self, group: Ref, node_subnet: str) -> None:
        """Every node's port is in the node group, and can carry address pairs if needed."""
        for address in self.spec.node_addresses:
            port = next(
                (p for p in self.snapshot.of("port") if _has_address(p, node_subnet, address)), None
            )
            if port is None:
                self.problems.append(
                    f"no Neutron port has the node address {address} in subnet "
                    f"{self.spec.node_subnet}: is the kubelet's --node-ip another one?"
                )
                continue
            if self.spec.needs_address_pairs and not port["port_security_enabled"]:
                self.problems.append(
                    f"port {port['id']} of node {address} has port security off: it takes no "
                    "allowed address pairs, which nested-macvlan needs"
                )
            self._membership(port, group, address)

    def _membership(self, port: Resource, group: Ref, address: IPv4Address) -> None:
        target = Target("port", f"node {address}")
        if group in port["security_groups"]:
            because = f"is in group {self.spec.node_group.name}"
            self.steps.append(
                Step(action=Action.KEEP, target=target, id=port["id"], because=because)
            )
            return
        self.steps.append(
            Step(
                action=Action.UPDATE,
                target=target,
                id=port["id"],
                because=f"is not in group {self.spec.node_group.name}",
                before={"security_groups": port["security_groups"]},
                body={"security_groups": [*port["security_groups"], group]},
            )
        )

    def _load_balancer(self, spec: LoadBalancerSpec, services: Ref, node_subnet: str) -> None:
        balancer = self._find("loadbalancer", spec.name, None, "network.api_load_balancer")
        members = [
            {"address": str(address), "protocol_port": port, "subnet_id": node_subnet}
            for address, port in spec.members
        ]
        target = Target("loadbalancer", spec.name)
        if balancer is None:
            body = _load_balancer_body(spec, services, members)
            self._step_create(target, body, f"the API at {spec.vip}: Kuryr makes none for it")
        elif balancer["vip_address"] != str(spec.vip):
            self.problems.append(
                f"load balancer {spec.name} should have VIP {spec.vip} and has "
                f"{balancer['vip_address']}"
            )
        elif balancer["provisioning_status"] == "ERROR":
            self.steps.append(
                Step(
                    action=Action.REPLACE,
                    target=target,
                    id=balancer["id"],
                    because="Octavia says ERROR",
                    body=_load_balancer_body(spec, services, members)
                    | {"description": self.spec.owner},
                )
            )
        elif balancer["provisioning_status"] != "ACTIVE":
            because = f"is {balancer['provisioning_status']}: to be waited for"
            self.steps.append(
                Step(action=Action.UPDATE, target=target, id=balancer["id"], because=because)
            )
        else:
            self._keep("loadbalancer", spec.name, balancer, f"ACTIVE at {spec.vip}")
            self._members(spec, str(balancer["id"]), members)

    def _members(
        self, spec: LoadBalancerSpec, balancer_id: str, members: list[dict[str, Any]]
    ) -> None:
        target = Target("pool_members", spec.name)
        pool = next(
            (
                pool
                for pool in self.snapshot.of("pool")
                if any(lb["id"] == balancer_id for lb in pool["loadbalancers"])
            ),
            None,
        )
        if pool is None:
            self.problems.append(f"load balancer {spec.name} has no pool: delete it, then rerun")
            return
        have = {
            (member["address"], member["protocol_port"])
            for member in self.snapshot.members.get(pool["id"], ())
        }
        want = {(member["address"], member["protocol_port"]) for member in members}
        if have == want:
            step = Step(
                action=Action.KEEP, target=target, id=pool["id"], because="the API servers, all"
            )
        else:
            step = Step(
                action=Action.UPDATE,
                target=target,
                id=pool["id"],
                because=f"should be {_ends(want)} and are {_ends(have)}",
                before={"members": sorted(have)},
                body={"members": members, "load_balancer": balancer_id},
            )
        self.steps.append(step)

    # Steps.

    def _keep(self, kind: str, name: str, resource: Resource, because: str) -> str:
        self.steps.append(
            Step(
                action=Action.KEEP,
                target=Target(kind, name),
                id=resource["id"],
                because=because,
                known=resource,
            )
        )
        return str(resource["id"])

    def _create(self, kind: str, name: str, body: Mapping[str, Any], because: str) -> Later:
        target = Target(kind, name)
        self._step_create(target, body, because)
        return Later(target)

    def _step_create(self, target: Target, body: Mapping[str, Any], because: str) -> None:
        self.steps.append(
            Step(
                action=Action.CREATE,
                target=target,
                because=because,
                body={**body, "description": self.spec.owner},
            )
        )


def _is_leg(port: Resource, router: Ref, subnet: Ref) -> bool:
    return (
        str(port["device_owner"]).startswith("network:router_interface")
        and port["device_id"] == router
        and any(fixed["subnet_id"] == subnet for fixed in port["fixed_ips"])
    )


def _has_address(port: Resource, subnet: str, address: IPv4Address) -> bool:
    return any(
        fixed["subnet_id"] == subnet and fixed["ip_address"] == str(address)
        for fixed in port["fixed_ips"]
    )


def _misfits(spec: SubnetSpec, subnet: Resource, network: Ref) -> list[str]:
    """How an existing subnet differs from what Kuryr needs of it."""
    pools = [
        Pool(IPv4Address(pool["start"]), IPv4Address(pool["end"]))
        for pool in subnet["allocation_pools"]
    ]
    outside = [
        str(pool) for pool in pools if pool.first not in spec.pool or pool.last not in spec.pool
    ]
    wanted = {
        "cidr": (str(spec.cidr), subnet["cidr"]),
        "gateway_ip": (str(spec.gateway), subnet["gateway_ip"]),
        "enable_dhcp": (False, subnet["enable_dhcp"]),
        "network_id": (network, subnet["network_id"]),
    }
    found = [
        f"{key} should be {want} and is {is_}" for key, (want, is_) in wanted.items() if want != is_
    ]
    if outside:
        found.append(f"allocation pools should lie within {spec.pool}: {', '.join(outside)}")
    return found


def _load_balancer_body(
    spec: LoadBalancerSpec, services: Ref, members: list[dict[str, Any]]
) -> dict[str, Any]:
    """The whole tree in one request."""
    return {
        "name": spec.name,
        "vip_subnet_id": services,
        "vip_address": str(spec.vip),
        "listeners": [
            {
                "name": f"{spec.name}:{HTTPS_PORT}",
                "protocol": "HTTPS",
                "protocol_port": HTTPS_PORT,
                "default_pool": {
                    "name": f"{spec.name}:{HTTPS_PORT}",
                    "protocol": "HTTPS",
                    "lb_algorithm": "ROUND_ROBIN",
                    "members": members,
                },
            }
        ],
    }


def _ends(members: set[tuple[str, int]]) -> str:
    return ", ".join(f"{address}:{port}" for address, port in sorted(members)) or "none"
