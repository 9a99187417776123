"""Diagnosis on the lab: a healthy Kuryr, and one fault after the other that it has to name first.

Each fault is made as people make them, by hand and through an API, and taken back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from kuryr_runbook.clients.kubernetes import KubernetesClient
from kuryr_runbook.clients.openstack import OpenStackClient
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.troubleshooting import Troubleshooting
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.snapshots.verification import read_workload
from kuryr_runbook.specs.controller import CONTROLLER
from kuryr_runbook.specs.daemon import DAEMON
from kuryr_runbook.specs.workload import SERVICE, balancer_name

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = [pytest.mark.lab, pytest.mark.exhaustive]

SHOWS_SECONDS = 90.0
"""What is left over is told after some seconds, what is missing after a minute."""
STRANGER = "10.1.0.250"
STRANGERS_MAC = "fa:16:3e:00:00:fa"


@dataclass(frozen=True, slots=True)
class Lab:
    """What faults are made in."""

    site: Site
    cloud: OpenStackClient
    admin: Connection
    cluster: KubernetesClient
    apps: Any
    core: Any

    @property
    def namespace(self) -> str:
        return self.site.verification.namespace

    def one(self, kind: str, **match: Any) -> dict[str, Any]:
        [found] = self.cloud.list_resources(kind, **match)
        return found

    def diagnose(self) -> list[Finding]:
        """What is not in order, the first cause first."""
        findings = Troubleshooting(**dict(self.site)).findings()
        return [it for it in findings if it.status not in (Status.PASS, Status.SKIP)]


@pytest.fixture(scope="module")
def verification(kuryr: Site) -> Iterator[Verification]:
    """The phase with its workload up, on which faults show."""
    phase = Verification(**dict(kuryr))
    phase.carry_out(phase.make_plan())
    yield phase
    phase.remove()


@pytest.fixture
def lab(
    verification: Verification,
    settings: LabSettings,
    cloud: OpenStackClient,
    admin: Connection,
    cluster: KubernetesClient,
) -> Lab:
    kubernetes_config.load_kube_config(str(settings.kubeconfig))
    apis = kubernetes_client.AppsV1Api(), kubernetes_client.CoreV1Api()
    return Lab(verification.site, cloud, admin, cluster, *apis)


@contextmanager
def updated(lab: Lab, kind: str, item: dict[str, Any], **values: Any) -> Iterator[None]:
    lab.cloud.update(kind, item["id"], values)
    try:
        yield
    finally:
        lab.cloud.update(kind, item["id"], {key: item[key] for key in values})


@contextmanager
def made(lab: Lab, kind: str, **body: Any) -> Iterator[dict[str, Any]]:
    [item] = lab.cloud.create(kind, [body])
    try:
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
    assert pod.vif is not None
    pair = {"ip_address": pod.address, "mac_address": pod.vif.mac}
    other = next(it for it in ("worker1", "worker2") if it != pod.node)
    return pairs_changed(lab, lambda pairs: [*pairs, pair], other)


def port_by_hand(lab: Lab) -> AbstractContextManager[Any]:
    subnet = lab.one("subnet", name=lab.site.network.pod_subnet.name)
    return made(
        lab,
        "port",
        network_id=subnet["network_id"],
        fixed_ips=[{"subnet_id": subnet["id"]}],
        device_owner="compute:kuryr",
        name="left/over",
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
def floating_ip_taken_away(lab: Lab) -> Iterator[None]:
    balancer = lab.one("loadbalancer", name=balancer_name(lab.site))
    address = lab.one("floatingip", port_id=balancer["vip_port_id"])
    with updated(lab, "floatingip", address, port_id=None):
        yield


@contextmanager
def second_balancer(lab: Lab) -> Iterator[None]:
    """As the cloud's own service controller makes it."""
    subnet = lab.one("subnet", name=lab.site.network.service_subnet.name)
    body = {"name": f"kube_service_k8s_{lab.namespace}_{SERVICE}", "vip_subnet_id": subnet["id"]}
    [balancer] = lab.cloud.create("loadbalancer", [body])
    try:
        lab.cloud.wait_active(balancer["id"], lambda line: None)
        yield
    finally:
        lab.cloud.delete("loadbalancer", balancer["id"])


@contextmanager
def controller_scaled_to_none(lab: Lab) -> Iterator[None]:
    def scale(replicas: int) -> None:
        body = {"spec": {"replicas": replicas}}
        lab.apps.patch_namespaced_deployment_scale(CONTROLLER, lab.site.kubernetes.namespace, body)

    scale(0)
    try:
        yield
    finally:
        scale(1)


@contextmanager
def no_daemon_on_a_worker(lab: Lab) -> Iterator[None]:
    """Its selector chooses none; what runs goes on without it."""
    place = lab.site.kubernetes.namespace
    where = {"spec": {"template": {"spec": {"nodeSelector": {"kuryr": "no"}}}}}
    nowhere = {"spec": {"template": {"spec": {"nodeSelector": {"kuryr": None}}}}}
    lab.apps.patch_namespaced_daemon_set(DAEMON, place, where)
    try:
        yield
    finally:
        lab.apps.patch_namespaced_daemon_set(DAEMON, place, nowhere)


@contextmanager
def annotation_overwritten(lab: Lab) -> Iterator[None]:
    name = read_workload(lab.site, lab.cluster).pods[0].name
    key = "openstack.org/kuryr-vif"
    pod = lab.core.read_namespaced_pod(name, lab.namespace)

    def annotate(value: str) -> None:
        body = {"metadata": {"annotations": {key: value}}}
        lab.core.patch_namespaced_pod(name, lab.namespace, body)

    annotate("{}")
    try:
        yield
    finally:
        annotate(pod.metadata.annotations[key])


FAULTS: dict[str, tuple[Callable[[Lab], AbstractContextManager[Any]], str]] = {
    "the service subnet's rule removed": (service_rule_removed, "service-subnet-rule"),
    "a pod's address pair removed": (pair_removed, "address-pair"),
    "a pair of no pod": (pair_left_over, "pair-stale"),
    "a pair on two workers": (pair_on_two_workers, "pair-twice"),
    "a port made by hand": (port_by_hand, "port-orphaned"),
    "no more ports": (no_more_ports, "quota-neutron"),
    "a member removed": (member_removed, "members-differ"),
    "no member of the API": (no_member_of_the_api, "api-balancer"),
    "the floating IP taken away": (floating_ip_taken_away, "external-address"),
    "a second load balancer": (second_balancer, "balancer-twice"),
    "the controller scaled to none": (controller_scaled_to_none, "controller-replicas"),
    "no daemon on the workers": (no_daemon_on_a_worker, "daemon-there"),
    "an annotation overwritten": (annotation_overwritten, "pod-interface"),
}


def test_a_healthy_lab_has_nothing_to_tell(lab: Lab) -> None:
    assert [f"{it.check}: {it.evidence}" for it in lab.diagnose()] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_first(lab: Lab, fault: str) -> None:
    make, check = FAULTS[fault]
    end = time.monotonic() + SHOWS_SECONDS
    with make(lab):
        while (found := [it.check for it in lab.diagnose()])[:1] != [check]:
            assert time.monotonic() < end, found
            time.sleep(2)
