"""Faults of the lab's cloud, made as people make them, by hand, and taken back."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.lab.openstack.configuration import Files
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.objects import Resource
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.troubleshooting import Troubleshooting
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.workload.workload import read_workload
from kuryr_runbook.specs.workload import SERVICE, balancer_name

if TYPE_CHECKING:
    from openstack.connection import Connection

STRANGER = "10.1.0.250"
STRANGERS_MAC = "fa:16:3e:00:00:fa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """What faults are made in."""

    site: Site
    settings: LabSettings
    cloud: OpenStackClient
    admin: Connection
    cluster: KubernetesClient
    apps: Any
    core: Any

    @property
    def namespace(self) -> str:
        """Where the workload is, on which faults show."""
        return self.site.verification.namespace

    @property
    def home(self) -> str:
        """Kuryr's own namespace."""
        return self.site.kubernetes.namespace

    def one(self, kind: str, **match: Any) -> Resource:
        [found] = self.cloud.list_resources(kind, **match)
        return found

    def diagnose(self) -> list[Finding]:
        """What is not in order, the first cause first."""
        findings = Troubleshooting(self.site).findings()
        return [it for it in findings if it.status not in (Status.PASS, Status.SKIP)]

    def fix(self) -> None:
        """What `diagnose --fix` does after the yes."""
        phase = Troubleshooting(self.site)
        phase.plan()
        phase.apply()


@contextmanager
def updated(lab: Lab, kind: str, item: Resource, **values: Any) -> Iterator[None]:
    lab.cloud.update(kind, item["id"], values)
    try:
        yield
    finally:
        lab.cloud.update(kind, item["id"], {key: item[key] for key in values})


@contextmanager
def made(lab: Lab, kind: str, **body: Any) -> Iterator[Resource]:
    [item] = lab.cloud.create(kind, [body])
    try:
        if kind == "loadbalancer":
            lab.cloud.wait_active(item["id"], lambda line: None)
        yield item
    finally:
        lab.cloud.delete(kind, item["id"])


@contextmanager
def service_rule_removed(lab: Lab) -> Iterator[None]:
    group = lab.one("security_group", name=lab.site.network.node_security_group)
    cidr = str(lab.site.network.service_subnet.cidr)
    rule = lab.one("security_group_rule", security_group_id=group["id"], remote_ip_prefix=cidr)
    lab.cloud.delete("security_group_rule", rule["id"])
    try:
        yield
    finally:
        kept = ("security_group_id", "direction", "ethertype", "remote_ip_prefix", "description")
        lab.cloud.create("security_group_rule", [{key: rule[key] for key in kept}])


def rule_for_everybody(lab: Lab) -> AbstractContextManager[Any]:
    group = lab.one("security_group", name=lab.site.network.node_security_group)
    body = {"security_group_id": group["id"], "direction": "ingress", "ethertype": "IPv4"}
    return made(lab, "security_group_rule", **body)


@contextmanager
def router_leg_removed(lab: Lab) -> Iterator[None]:
    router = lab.one("router", name=lab.site.network.router)
    subnet = lab.one("subnet", name=lab.site.network.pod_subnet.name)
    lab.cloud.remove_router_interface(router["id"], subnet["id"])
    try:
        yield
    finally:
        lab.cloud.add_router_interface(router["id"], subnet["id"])


def pool_too_wide(lab: Lab) -> AbstractContextManager[None]:
    """Octavia may take addresses of the Services' half."""
    subnet = lab.one("subnet", name=lab.site.network.service_subnet.name)
    [pool] = subnet["allocation_pools"]
    wide = [{"start": str(lab.site.kubernetes.service_cidr[64]), "end": pool["end"]}]
    return updated(lab, "subnet", subnet, allocation_pools=wide)


def address_of_a_service_taken(lab: Lab) -> AbstractContextManager[Any]:
    subnet = lab.one("subnet", name=lab.site.network.service_subnet.name)
    fixed = [{"subnet_id": subnet["id"], "ip_address": free_address(lab)}]
    return made(lab, "port", network_id=subnet["network_id"], fixed_ips=fixed, name="taken")


def free_address(lab: Lab) -> str:
    """One of the Services' half that no Service has."""
    services = lab.cluster.list_objects("v1", "Service")
    taken = {it["spec"].get("clusterIP") for it in services}
    return next(it for it in map(str, lab.site.kubernetes.service_cidr.hosts()) if it not in taken)


def pairs_changed(
    lab: Lab, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], node: str = ""
) -> AbstractContextManager[None]:
    port = lab.one("port", name=node or read_workload(lab.site, lab.cluster).pods[0].node)
    pairs = port["allowed_address_pairs"]
    return updated(lab, "port", port, allowed_address_pairs=change(pairs))


def pair_removed(lab: Lab) -> AbstractContextManager[None]:
    address = read_workload(lab.site, lab.cluster).pods[0].address
    return pairs_changed(lab, lambda pairs: [it for it in pairs if it["ip_address"] != address])


def pair_left_over(lab: Lab) -> AbstractContextManager[None]:
    pair = {"ip_address": STRANGER, "mac_address": STRANGERS_MAC}
    return pairs_changed(lab, lambda pairs: [*pairs, pair])


def pair_on_two_workers(lab: Lab) -> AbstractContextManager[None]:
    pod = read_workload(lab.site, lab.cluster).pods[0]
    assert isinstance(pod.vif, PodVif)
    pair = {"ip_address": pod.address, "mac_address": pod.vif.mac}
    other = next(it for it in ("worker1", "worker2") if it != pod.node)
    return pairs_changed(lab, lambda pairs: [*pairs, pair], other)


def port_left_over(lab: Lab) -> AbstractContextManager[Any]:
    """As Kuryr leaves one when a pod goes while the controller is down."""
    return port_in_the_pods_subnet(lab, device_id=str(uuid.uuid4()))


def port_by_hand(lab: Lab) -> AbstractContextManager[Any]:
    return port_in_the_pods_subnet(lab)


def port_in_the_pods_subnet(lab: Lab, **more: Any) -> AbstractContextManager[Any]:
    subnet = lab.one("subnet", name=lab.site.network.pod_subnet.name)
    return made(
        lab,
        "port",
        network_id=subnet["network_id"],
        fixed_ips=[{"subnet_id": subnet["id"]}],
        device_owner="compute:kuryr",
        name="left/over",
        **more,
    )


@contextmanager
def no_more_ports(lab: Lab) -> Iterator[None]:
    project = lab.cloud.project_id
    used = len(lab.cloud.list_resources("port", project_id=project))
    lab.admin.network.update_quota(project, ports=used)
    try:
        yield
    finally:
        lab.admin.network.delete_quota(project)


@contextmanager
def members_replaced(lab: Lab, name: str, kept: int) -> Iterator[None]:
    balancer = lab.one("loadbalancer", name=name)
    pool = balancer["pools"][0]["id"]
    keys = ("address", "protocol_port", "subnet_id", "name")
    members = [{key: it[key] for key in keys} for it in lab.cloud.members(pool)]
    try:
        lab.cloud.replace_members(pool, members[:kept])
        lab.cloud.wait_active(balancer["id"], lambda line: None)
        yield
    finally:
        lab.cloud.replace_members(pool, members)
        lab.cloud.wait_active(balancer["id"], lambda line: None)


def member_removed(lab: Lab) -> AbstractContextManager[None]:
    return members_replaced(lab, balancer_name(lab.site), 3)


def no_member_of_the_api(lab: Lab) -> AbstractContextManager[None]:
    return members_replaced(lab, lab.site.network.api_load_balancer, 0)


@contextmanager
def balancer_in_error(lab: Lab) -> Iterator[None]:
    """As Octavia's worker leaves one that it cannot serve: no API sets that state."""
    balancer = lab.one("loadbalancer", name=balancer_name(lab.site))

    def become(state: str) -> None:
        database = Files(lab.settings).database("octavia")
        with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
            connection.execute(
                "UPDATE load_balancer SET provisioning_status = ? WHERE id = ?",
                (state, balancer["id"]),
            )

    become("ERROR")
    try:
        yield
    finally:
        become("ACTIVE")


def floating_ip_taken_away(lab: Lab) -> AbstractContextManager[None]:
    balancer = lab.one("loadbalancer", name=balancer_name(lab.site))
    address = lab.one("floatingip", port_id=balancer["vip_port_id"])
    return updated(lab, "floatingip", address, port_id=None)


def floating_ip_left_over(lab: Lab) -> AbstractContextManager[Any]:
    network = lab.one("network", name=lab.site.network.external_network)
    return made(lab, "floatingip", floating_network_id=network["id"], description="kuryr_lb")


def second_balancer(lab: Lab) -> AbstractContextManager[Any]:
    """As the cloud's own service controller makes it."""
    return balancer(lab, name=f"kube_service_k8s_{lab.namespace}_{SERVICE}")


def balancer_left_over(lab: Lab) -> AbstractContextManager[Any]:
    """As Kuryr leaves one when a Service goes while the controller is down."""
    return balancer(lab, name="gone/shop", vip_address=free_address(lab))


def balancer(lab: Lab, **body: Any) -> AbstractContextManager[Any]:
    subnet = lab.one("subnet", name=lab.site.network.service_subnet.name)
    return made(lab, "loadbalancer", vip_subnet_id=subnet["id"], **body)
