"""What Neutron and Octavia answer of a resource: every field that they show, whoever made it."""

from __future__ import annotations

from typing import Any

from worlds.writing import copied

from kuryr_runbook.snapshots.cloud.answered import Answer
from kuryr_runbook.snapshots.cloud.answers import PARSERS

PROJECT = "6b2ad4e8b1b24e4a9d7e1e4a3c6b2f10"
ON = {"status": "ACTIVE", "admin_state_up": True}
SERVING = {"admin_state_up": True, "provisioning_status": "ACTIVE", "operating_status": "ONLINE"}
DEFAULTS: dict[str, dict[str, Any]] = {
    "loadbalancer": {
        **SERVING, "provider": "amphora", "vip_address": "10.2.0.77", "vip_port_id": None,
        "vip_subnet_id": "services",
    },
    "listener": {
        **SERVING, "protocol": "HTTPS", "protocol_port": 443, "default_pool_id": None,
        "loadbalancers": [], "allowed_cidrs": None, "connection_limit": -1,
        "timeout_client_data": 50000, "timeout_member_data": 50000,
    },
    "pool": {
        **SERVING, "protocol": "HTTPS", "lb_algorithm": "ROUND_ROBIN", "loadbalancers": [],
        "listeners": [],
    },
    "member": {
        **SERVING, "address": "10.1.0.10", "protocol_port": 8080, "subnet_id": None, "weight": 1,
        "backup": False,
    },
    "network": {**ON, "mtu": 1450, "router:external": False, "port_security_enabled": True},
    "subnet": {
        "network_id": "a network", "cidr": "10.9.0.0/24", "gateway_ip": None, "enable_dhcp": False,
        "allocation_pools": [], "subnetpool_id": None,
    },
    "subnet_pool": {"prefixes": ["10.3.0.0/16"], "default_prefixlen": "24"},
    "router": {**ON, "external_gateway_info": None},
    "port": {
        **ON, "network_id": "a network", "fixed_ips": [], "mac_address": "fa:16:3e:ff:ff:ff",
        "device_owner": "", "device_id": "", "security_groups": [], "allowed_address_pairs": [],
        "port_security_enabled": True, "tags": [],
    },
    "security_group": {"stateful": True},
    "security_group_rule": {
        "protocol": None, "port_range_min": None, "port_range_max": None,
        "remote_ip_prefix": None, "remote_group_id": None,
    },
    "floatingip": {
        "status": "ACTIVE", "floating_ip_address": "198.51.100.9", "fixed_ip_address": None,
        "port_id": None, "floating_network_id": "outside", "router_id": None,
    },
    "trunk": {**ON, "sub_ports": []},
    "agent": {"agent_type": "OVN Controller agent", "alive": True, "admin_state_up": True},
}  # fmt: skip


def answer(kind: str, **fields: Any) -> dict[str, Any]:
    """A resource as its API shows it, with these fields and all others as they usually are."""
    common = {"project_id": PROJECT, "name": "", "description": ""}
    return {**common, **copied(DEFAULTS[kind]), **copied(fields)}


def typed(kind: str, **fields: Any) -> Any:
    """The same as it is read."""
    return PARSERS[kind](Answer(kind, answer(kind, **fields)))
