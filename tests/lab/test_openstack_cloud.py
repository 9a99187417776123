"""The lab's cloud behaves as a real one where Kuryr and the runbook can tell the difference."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from openstack.exceptions import (
    BadRequestException,
    ConflictException,
    ForbiddenException,
    HttpException,
    NotFoundException,
)

from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.lab.openstack import Tenant, connect, read_tenant, up
from kuryr_runbook.lab.openstack.tenant import ensure_tenant
from kuryr_runbook.lab.processes import ProgramState, Supervisor
from kuryr_runbook.lab.programs import Lab
from kuryr_runbook.lab.settings import AMPHORA_OWNER, CHASSIS, MASTER, NODE_OWNER, LabSettings

pytestmark = pytest.mark.lab

CREATED = "openstack-test"
"""Name of everything that these tests create."""
SECONDS = 60.0


@pytest.fixture(scope="module")
def tenant(settings: LabSettings) -> Tenant:
    return read_tenant(settings)


@pytest.fixture(scope="module")
def cluster(settings: LabSettings) -> Any:
    return connect(settings, "k8s")


@pytest.fixture(scope="module")
def member(settings: LabSettings) -> Any:
    return connect(settings, "member")


@pytest.fixture
def clean(cluster: Any) -> Iterator[None]:
    yield
    for balancer in list(cluster.load_balancer.load_balancers(name=CREATED)):
        cluster.load_balancer.delete_load_balancer(balancer.id, cascade=True)
    eventually(lambda: list(cluster.load_balancer.load_balancers(name=CREATED)) == [])
    for trunk in list(cluster.network.trunks(name=CREATED)):
        cluster.network.delete_trunk(trunk.id)
    for port in list(cluster.network.ports(name=CREATED)):
        cluster.network.delete_port(port.id)
    for network in list(cluster.network.networks(name=CREATED)):
        cluster.network.delete_network(network.id)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, "still not so"
        time.sleep(0.2)


def settled(cluster: Any, balancer: Any) -> str:
    """Provisioning status once it is not PENDING any more."""
    seen: list[str] = []

    def done() -> bool:
        found = cluster.load_balancer.get_load_balancer(balancer.id)
        seen.append(str(found.provisioning_status))
        return not seen[-1].startswith("PENDING")

    eventually(done)
    return seen[-1]


def port(cloud: Any, tenant: Tenant, **attributes: Any) -> Any:
    return cloud.network.create_port(network_id=tenant.node_network_id, name=CREATED, **attributes)


def test_up_again_changes_nothing(settings: LabSettings, cluster: Any, tenant: Tenant) -> None:
    supervisor = Supervisor(settings)
    admin = connect(settings, "admin")

    def everything() -> dict[str, Any]:
        network: Any = admin.network
        identity: Any = admin.identity
        lists = {
            "networks": network.networks(),
            "subnets": network.subnets(),
            "routers": network.routers(),
            "floating IPs": network.ips(),
            "groups": network.security_groups(project_id=tenant.project_id),
            "ports": network.ports(device_owner=NODE_OWNER),
            "users": identity.users(),
            "roles": identity.roles(),
            "endpoints": identity.endpoints(),
        }
        found: dict[str, Any] = {
            kind: sorted((r.id, getattr(r, "revision_number", None)) for r in listed)
            for kind, listed in lists.items()
        }
        return found | {
            "assignments": len(list(identity.role_assignments())),
            "processes": {s.program.name: s.pid for s in supervisor.states()},
            "clouds": settings.clouds_yaml.stat().st_mtime_ns,
        }

    before = everything()
    up(Lab(settings=settings, processes=supervisor, say=lambda message: None))
    assert everything() == before


def test_48_creates_at_once_all_succeed(
    settings: LabSettings, tenant: Tenant, cluster: Any, clean: None
) -> None:
    clouds = [connect(settings, "k8s") for _ in range(8)]
    with ThreadPoolExecutor(48) as pool:
        made = list(pool.map(lambda n: port(clouds[n % 8], tenant), range(48)))
    assert len({p.fixed_ips[0]["ip_address"] for p in made}) == 48
    assert {p.id for p in cluster.network.ports(name=CREATED)} == {p.id for p in made}
    with ThreadPoolExecutor(48) as pool:
        list(pool.map(lambda p: cluster.network.delete_port(p.id), made))
    assert list(cluster.network.ports(name=CREATED)) == []


def test_a_member_may_make_ports_but_not_bind_them(
    member: Any, tenant: Tenant, clean: None
) -> None:
    assert port(member, tenant).status == "DOWN"
    with pytest.raises(ForbiddenException, match="binding:host_id"):
        port(member, tenant, binding_host_id=CHASSIS)


def test_a_member_may_not_use_load_balancers(member: Any, tenant: Tenant) -> None:
    balancers = member.load_balancer
    for refused in (
        lambda: balancers.create_load_balancer(name=CREATED, vip_subnet_id=tenant.node_subnet_id),
        lambda: list(balancers.load_balancers()),
    ):
        with pytest.raises(ForbiddenException, match="Policy does not allow"):
            refused()


def test_a_member_with_the_role_may_use_load_balancers(
    settings: LabSettings, tenant: Tenant, cluster: Any, clean: None
) -> None:
    balancers = connect(settings, "lbmember").load_balancer
    made = balancers.create_load_balancer(name=CREATED, vip_subnet_id=tenant.node_subnet_id)
    assert settled(cluster, made) == "ACTIVE"


def test_a_role_made_for_kuryr_may_bind_ports_and_use_load_balancers_but_is_no_admin(
    settings: LabSettings, tenant: Tenant, cluster: Any, clean: None
) -> None:
    kuryr: Any = connect(settings, "kuryr")
    bound = port(kuryr, tenant, binding_host_id=CHASSIS)
    assert cluster.network.get_port(bound.id).binding_host_id == CHASSIS
    made = kuryr.load_balancer.create_load_balancer(
        name=CREATED, vip_subnet_id=tenant.node_subnet_id
    )
    assert settled(cluster, made) == "ACTIVE"
    with pytest.raises(ForbiddenException):
        list(kuryr.identity.users())


@pytest.mark.parametrize(
    ("host", "vif_type"), [(CHASSIS, "ovs"), ("worker1", "binding_failed"), ("", "unbound")]
)
def test_only_the_hypervisor_binds_and_a_port_that_nobody_plugs_is_down(
    cluster: Any, tenant: Tenant, clean: None, host: str, vif_type: str
) -> None:
    made = port(
        cluster,
        tenant,
        binding_host_id=host,
        device_owner="compute:test",
        device_id=CREATED,
    )
    found = cluster.network.get_port(made.id)
    assert (found.binding_vif_type, found.status) == (vif_type, "DOWN")


def test_router_ports_and_the_floating_ip_are_active(cluster: Any, tenant: Tenant) -> None:
    ports = list(cluster.network.ports(device_id=tenant.router_id))
    assert {p.device_owner for p in ports} == {
        "network:router_gateway",
        "network:router_interface",
    }
    assert {p.status for p in ports} == {"ACTIVE"}
    (floating,) = cluster.network.ips(port_id=tenant.nodes[MASTER].port_id)
    assert floating.status == "ACTIVE"
    assert floating.floating_ip_address == str(tenant.master_floating_ip)


def test_a_floating_ip_is_down_again_when_its_port_goes(
    cluster: Any, tenant: Tenant, clean: None
) -> None:
    made = port(cluster, tenant)
    floating = cluster.network.create_ip(
        floating_network_id=tenant.external_network_id, port_id=made.id
    )
    try:
        assert cluster.network.get_ip(floating.id).status == "ACTIVE"
        cluster.network.delete_port(made.id)
        assert cluster.network.get_ip(floating.id).status == "DOWN"
    finally:
        cluster.network.delete_ip(floating.id)


def test_a_port_takes_as_many_address_pairs_as_the_lab_says(
    settings: LabSettings, cluster: Any, tenant: Tenant, clean: None
) -> None:
    limit = settings.max_allowed_address_pair
    pairs = [{"ip_address": f"10.77.{n // 250}.{n % 250 + 1}"} for n in range(limit + 1)]
    made = port(cluster, tenant, allowed_address_pairs=pairs[:limit])
    assert len(made.allowed_address_pairs) == limit
    with pytest.raises(BadRequestException, match=f"maximum value {limit}|exceed"):
        cluster.network.update_port(made.id, allowed_address_pairs=pairs)


def test_a_stale_revision_is_refused(cluster: Any, tenant: Tenant, clean: None) -> None:
    made = port(cluster, tenant)
    cluster.network.update_port(made.id, description="newer")
    with pytest.raises(HttpException) as refused:
        cluster.network.update_port(made.id, description="older", if_revision=made.revision_number)
    assert refused.value.status_code == 412


def test_a_subport_is_active_with_its_trunk_and_down_without(
    cluster: Any, tenant: Tenant, clean: None, cloud: OpenStackClient
) -> None:
    parent = cluster.network.get_port(tenant.nodes["worker1"].port_id)
    child = port(cluster, tenant)
    trunk = cluster.network.create_trunk(name=CREATED, port_id=parent.id)
    subport = {"port_id": child.id, "segmentation_type": "vlan", "segmentation_id": 101}
    cluster.network.add_trunk_subports(trunk.id, [subport])
    eventually(lambda: cluster.network.get_port(child.id).status == "ACTIVE")
    assert cluster.network.get_port(child.id).device_owner == "trunk:subport"
    assert cluster.network.get_trunk(trunk.id).status == "ACTIVE"
    cloud.remove_subports(trunk.id, [child.id])
    eventually(lambda: cluster.network.get_port(child.id).status == "DOWN")
    cloud.remove_subports(trunk.id, [child.id])
    assert cluster.network.get_trunk(trunk.id).sub_ports == []


def test_a_load_balancer_comes_and_goes_with_its_ports_and_group(
    settings: LabSettings, cluster: Any, tenant: Tenant, clean: None
) -> None:
    def around() -> tuple[set[str], set[str]]:
        return (
            {p.id for p in cluster.network.ports()},
            {g.id for g in cluster.network.security_groups()},
        )

    network = cluster.network.create_network(name=CREATED)
    subnet = cluster.network.create_subnet(
        network_id=network.id, name=CREATED, ip_version=4, cidr="10.98.0.0/24"
    )
    before = around()
    octavia = cluster.load_balancer
    balancer = octavia.create_load_balancer(name=CREATED, vip_subnet_id=subnet.id)
    assert settled(cluster, balancer) == "ACTIVE"
    listener = octavia.create_listener(
        name=CREATED, load_balancer_id=balancer.id, protocol="TCP", protocol_port=443
    )
    with pytest.raises(ConflictException, match="immutable"):
        octavia.create_pool(
            name=CREATED, listener_id=listener.id, protocol="TCP", lb_algorithm="ROUND_ROBIN"
        )
    assert settled(cluster, balancer) == "ACTIVE"
    pool = octavia.create_pool(
        name=CREATED, listener_id=listener.id, protocol="TCP", lb_algorithm="ROUND_ROBIN"
    )
    assert settled(cluster, balancer) == "ACTIVE"
    octavia.create_member(
        pool.id,
        address=str(tenant.nodes[MASTER].address),
        protocol_port=6443,
        subnet_id=tenant.node_subnet_id,
    )
    assert settled(cluster, balancer) == "ACTIVE"

    (amphora,) = connect(settings, "admin").load_balancer.amphorae(loadbalancer_id=balancer.id)
    vrrp = cluster.network.get_port(amphora.vrrp_port_id)
    vip = cluster.network.get_port(octavia.get_load_balancer(balancer.id).vip_port_id)
    bound = (vrrp.binding_host_id, vrrp.device_owner, vrrp.device_id)
    assert bound == (CHASSIS, AMPHORA_OWNER, amphora.compute_id)
    eventually(lambda: cluster.network.get_port(vrrp.id).status == "ACTIVE")
    pairs = {pair["ip_address"] for pair in vrrp.allowed_address_pairs}
    assert pairs == {vip.fixed_ips[0]["ip_address"]}
    nics = list(cluster.network.ports(device_id=amphora.compute_id))
    assert {p.network_id for p in nics} == {network.id, tenant.node_network_id}
    group = cluster.network.get_security_group(vrrp.security_group_ids[0])
    assert group.name == f"lb-{balancer.id}"
    assert 443 in {rule["port_range_min"] for rule in group.security_group_rules}

    octavia.delete_load_balancer(balancer.id, cascade=True)
    eventually(lambda: list(octavia.load_balancers(name=CREATED)) == [])
    eventually(lambda: around() == before)


def test_load_balancers_at_once_all_become_active(
    cluster: Any, tenant: Tenant, clean: None
) -> None:
    def make(_: int) -> Any:
        return cluster.load_balancer.create_load_balancer(
            name=CREATED, vip_subnet_id=tenant.node_subnet_id
        )

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make, range(4)))
    assert [settled(cluster, balancer) for balancer in made] == ["ACTIVE"] * 4


def test_octavia_fails_what_was_interrupted_so_that_it_can_be_removed(
    settings: LabSettings, cluster: Any, tenant: Tenant, clean: None
) -> None:
    supervisor = Supervisor(settings)
    octavia = octavia_of(supervisor)
    made = cluster.load_balancer.create_load_balancer(
        name=CREATED, vip_subnet_id=tenant.node_subnet_id
    )
    os.kill(octavia.pid, signal.SIGKILL)
    eventually(lambda: octavia_of(supervisor).pid != octavia.pid)
    eventually(lambda: octavia_of(supervisor).well)
    assert settled(cluster, made) in ("ERROR", "ACTIVE")
    cluster.load_balancer.delete_load_balancer(made.id, cascade=True)
    eventually(lambda: list(cluster.load_balancer.load_balancers(name=CREATED)) == [])


def octavia_of(supervisor: Supervisor) -> ProgramState:
    return next(s for s in supervisor.states() if s.program.name == "octavia")


def test_a_worker_more_and_less_is_a_port_more_and_less(
    settings: LabSettings, cluster: Any, tenant: Tenant
) -> None:
    if settings.workers == 5:
        pytest.skip("the lab has all the workers that it may have")
    larger = replace(settings, workers=settings.workers + 1)
    name = larger.worker_names[-1]
    try:
        grown = ensure_tenant(larger)
        assert grown.nodes[name].address not in {n.address for n in tenant.nodes.values()}
        assert {n: p for n, p in grown.nodes.items() if n != name} == tenant.nodes
    finally:
        shrunk = ensure_tenant(settings)
    assert shrunk == tenant
    with pytest.raises(NotFoundException):
        cluster.network.get_port(grown.nodes[name].port_id)
