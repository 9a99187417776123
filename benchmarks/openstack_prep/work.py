"""The work that all ways do, as data: names, ranges and addresses of a site.

Names where people would write names; each way finds the ids by itself. Node addresses and API
servers are read from the cluster, once for all ways but the runbook's, which reads them itself.
"""

from __future__ import annotations

from typing import Any

import kubernetes

from kuryr_runbook.model import addressing
from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.openstack import API_SILENCE

API_PORT = 6443


def work_of(site: Site) -> dict[str, Any]:
    """What phase 02 makes for the site, with macvlan as VIF driver, ready for JSON."""
    network = site.network
    pods, services = network.pod_subnet, network.service_subnet
    cluster_id, nodes, members = _cluster(site)
    vip = addressing.api_service_address(site.kubernetes.service_cidr)
    gateway = addressing.service_gateway(services.cidr)
    return {
        "owner": owner_mark(site.name, cluster_id),
        "external_network": network.external_network,
        "node_subnet": network.node_subnet,
        "router": network.router,
        "service_network": services.network,
        "subnets": [
            _subnet(pods, None, pods.gateway_ip, addressing.pod_pool(pods.cidr, pods.gateway_ip)),
            _subnet(services, services.network, gateway, addressing.service_pool(services.cidr)),
        ],
        "pod_group": network.pod_security_group,
        "node_group": network.node_security_group,
        "rules": _rules(site),
        "node_addresses": nodes,
        "balancer": {
            "name": network.api_load_balancer,
            "part": f"{network.api_load_balancer}:443",
            "subnet": services.name,
            "vip": str(vip),
            "members": members,
            "timeout": API_SILENCE,
        },
    }


def _subnet(subnet: Any, network: str | None, gateway: Any, pool: addressing.Pool) -> Any:
    return {
        "name": subnet.name,
        "network": network,
        "cidr": str(subnet.cidr),
        "gateway": str(gateway),
        "first": str(pool.first),
        "last": str(pool.last),
    }


def _rules(site: Site) -> list[dict[str, Any]]:
    """Two are there already: the lab's node group admits its members, and the API from anywhere.

    The phase asks whether something is admitted; the other ways ask for the rule as it stands.
    """
    pods, nodes = site.network.pod_security_group, site.network.node_security_group
    services = str(site.network.service_subnet.cidr)
    return [
        {"group": pods, "remote_group": pods, "prefix": None, "port": None},
        {"group": nodes, "remote_group": nodes, "prefix": None, "port": None},
        {"group": nodes, "remote_group": None, "prefix": None, "port": API_PORT},
        {"group": nodes, "remote_group": None, "prefix": services, "port": None},
    ]


def _cluster(site: Site) -> tuple[str, list[str], list[dict[str, Any]]]:
    """The cluster's id, addresses of all nodes, masters too, and the API servers."""
    api = kubernetes.client.CoreV1Api(
        kubernetes.config.new_client_from_config(
            str(site.kubernetes.kubeconfig), site.kubernetes.context
        )
    )
    servers = [
        {"address": address.ip, "port": port.port}
        for subset in api.read_namespaced_endpoints("kubernetes", "default").subsets
        for address in subset.addresses
        for port in subset.ports
    ]
    nodes = {
        address.address
        for node in api.list_node().items
        for address in node.status.addresses
        if address.type == "InternalIP"
    }
    cluster_id = api.read_namespace("kube-system").metadata.uid
    return cluster_id, sorted(nodes | {server["address"] for server in servers}), servers
