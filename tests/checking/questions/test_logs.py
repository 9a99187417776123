"""Logs count where something follows from them."""

from __future__ import annotations

import pytest
from spoiling.diagnosis import (
    log,
    quota,
    troubles,
    warned,
)
from worlds.world import World

from kuryr_runbook.model.errors import UnreachableError
from kuryr_runbook.model.findings import Status


def test_an_old_line_of_a_log_is_no_trouble_while_all_works() -> None:
    world = World()
    world.logs["kuryr-controller-0"] = "ERROR keystoneauth1 SSLError: certificate verify failed"
    assert troubles(world) == []


def test_a_log_that_cannot_be_read_is_unknown() -> None:
    world = World()
    world.broken = {"log kuryr-controller-0": UnreachableError("no route")}
    (found,) = troubles(world)
    assert (found.check, found.status) == ("controller-log", Status.UNKNOWN)


def test_a_daemon_that_is_ready_may_say_why_it_plugs_no_pod() -> None:
    world = World()
    warned("CNI Daemon returned error 500")(world)
    world.logs["kuryr-daemon-1"] = "ERROR kuryr_kubernetes.cni.daemon.service KeyError: 'ens9'"
    first = troubles(world)[0]
    assert (first.check, first.effects) == ("daemon-log", ("pod-plugged",))
    assert "kuryr.link_iface" in first.remedy


@pytest.mark.parametrize(
    ("line", "means"),
    [
        ("Octavia 403 Forbidden: load balancer create", "load-balancer_member"),
        ("Neutron 403: disallowed by policy create_port:binding:host_id", "403"),
        ("Quota exceeded for resources: ['port']", "quota"),
        ("The number of allowed address pair exceeds the maximum 10.", "address pairs"),
        ("Neutron port for vm port with fixed ips x not found!", "no Neutron port"),
        ("vm port is missing trunk details", "trunk"),
        ("Found 0 subnets for service", "service subnet"),
        ("KeyError: 'selfLink'", "selfLink"),
        ("K8sClientException: 401 Unauthorized", "token"),
        ("RuntimeError: Unable to find token_file", "token"),
        ("requests ConnectionError: Max retries exceeded with url", "cannot reach"),
    ],
)
def test_what_the_controllers_log_means(line: str, means: str) -> None:
    world = World()
    world.broken = {"quotas of network": UnreachableError("no route")}
    log(world, "kuryr-controller", line)
    first = troubles(world)[0]
    assert first.check == "controller-log"
    assert means in first.evidence
    assert "controller-ready" in first.effects


def test_a_log_tells_of_quotas_only_where_these_are_not_seen() -> None:
    world = World()
    log(world, "kuryr-controller", "Quota exceeded for resources: ['port']")
    checks = {it.check for it in troubles(world)}
    assert "controller-ready" in checks
    assert "controller-log" not in checks
    quota("port", 4, 4)(world)
    assert troubles(world)[0].check == "quota-neutron"
