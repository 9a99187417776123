"""Diagnosis on the lab: a healthy Kuryr, and one fault after the other that it has to name first.

Each fault is taken back, also after a failure, and the next one waits until all is well again.
Some are mended as `--fix` does it before that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

import faults.lab_cloud as cloud_faults
import faults.lab_kuryr as kuryr_faults
import pytest
from faults.lab_cloud import Lab
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from kuryr_runbook.checking.questions import leftovers
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.verification import Verification

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = [pytest.mark.lab, pytest.mark.exhaustive]

SHOWS_SECONDS = 90.0
"""What is missing is told after a minute."""
JUST_NOW = 3.0
"""The lists of the small lab are read within that, and nobody else works on it."""


class Fault(NamedTuple):
    """What is spoilt, and how that is named."""

    make: Callable[[Lab], AbstractContextManager[Any]]
    check: str
    fixed: bool = False
    """Whether it is mended as `--fix` does it, before it is taken back."""


FAULTS: dict[str, Fault] = {
    "the service subnet's rule removed": Fault(
        cloud_faults.service_rule_removed, "service-subnet-rule"
    ),
    "a rule for everybody": Fault(cloud_faults.rule_for_everybody, "group-too-open"),
    "the router's leg removed": Fault(cloud_faults.router_leg_removed, "router-legs", fixed=True),
    "an allocation pool too wide": Fault(cloud_faults.pool_too_wide, "allocation-pool"),
    "an address of a Service taken": Fault(
        cloud_faults.address_of_a_service_taken, "address-taken"
    ),
    "a pod's address pair removed": Fault(cloud_faults.pair_removed, "address-pair", fixed=True),
    "a pair of no pod": Fault(cloud_faults.pair_left_over, "pair-stale"),
    "a pair on two workers": Fault(cloud_faults.pair_on_two_workers, "pair-twice", fixed=True),
    "a port left over": Fault(cloud_faults.port_left_over, "port-orphaned", fixed=True),
    "a port made by hand": Fault(cloud_faults.port_by_hand, "port-orphaned"),
    "no more ports": Fault(cloud_faults.no_more_ports, "quota-neutron"),
    "a member removed": Fault(cloud_faults.member_removed, "members-differ"),
    "no member of the API": Fault(cloud_faults.no_member_of_the_api, "api-balancer"),
    "a load balancer in ERROR": Fault(cloud_faults.balancer_in_error, "balancer-state"),
    "a second load balancer": Fault(cloud_faults.second_balancer, "balancer-twice"),
    "a load balancer left over": Fault(cloud_faults.balancer_left_over, "balancer-orphaned"),
    "the floating IP taken away": Fault(
        cloud_faults.floating_ip_taken_away, "external-address", fixed=True
    ),
    "a floating IP left over": Fault(cloud_faults.floating_ip_left_over, "floating-ip-orphaned"),
    "the controller scaled to none": Fault(
        kuryr_faults.controller_scaled_to_none, "controller-replicas", fixed=True
    ),
    "a wrong password": Fault(kuryr_faults.wrong_password, "controller-log"),
    "a wrong CA": Fault(kuryr_faults.wrong_ca, "controller-log"),
    "a role revoked": Fault(kuryr_faults.role_revoked, "controller-log"),
    "no daemon on the workers": Fault(kuryr_faults.no_daemon_on_a_worker, "daemon-there"),
    "a wrong link_iface": Fault(kuryr_faults.wrong_link_interface, "daemon-log"),
    "an annotation overwritten": Fault(kuryr_faults.annotation_overwritten, "pod-interface"),
    "a port deleted under its pod": Fault(
        kuryr_faults.port_deleted_under_a_pod, "pod-port-missing"
    ),
    "a Service of type NodePort": Fault(
        kuryr_faults.service_of_type_node_port, "service-unsupported"
    ),
}


@pytest.fixture(scope="module")
def well_lab(
    kuryr: Site,
    settings: LabSettings,
    cloud: OpenStackClient,
    admin: Connection,
    cluster: KubernetesClient,
) -> Iterator[Lab]:
    """With the verification's workload up, on which faults show."""
    phase = Verification(kuryr)
    phase.carry_out(phase.make_plan())
    kubernetes_config.load_kube_config(str(settings.kubeconfig))
    lab = Lab(
        site=phase.site,
        settings=settings,
        cloud=cloud,
        admin=admin,
        cluster=cluster,
        apps=kubernetes_client.AppsV1Api(),
        core=kubernetes_client.CoreV1Api(),
    )
    cluster.apply(kuryr_faults.waiting_service(lab))
    yield lab
    phase.remove()


@pytest.fixture
def lab(well_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setattr(leftovers, "JUST_NOW", JUST_NOW)
    yield well_lab
    diagnosed(well_lab, lambda checks: not checks)


def diagnosed(lab: Lab, until: Callable[[list[str]], bool]) -> None:
    """Look until the names of what is not in order are so."""
    end = time.monotonic() + SHOWS_SECONDS
    while True:
        found = lab.diagnose()
        if until([it.check for it in found]):
            return
        assert time.monotonic() < end, [f"{it.check}: {it.evidence}" for it in found]
        time.sleep(1)


def test_a_healthy_lab_has_no_findings(lab: Lab) -> None:
    assert [f"{it.check}: {it.evidence}" for it in lab.diagnose()] == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_first(lab: Lab, name: str) -> None:
    fault = FAULTS[name]
    with fault.make(lab):
        diagnosed(lab, lambda checks: checks[:1] == [fault.check])
        if fault.fixed:
            lab.fix()
            diagnosed(lab, lambda checks: fault.check not in checks)
