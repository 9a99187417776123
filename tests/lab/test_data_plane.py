"""The data plane does what the APIs say: ports, pairs, groups, routers, load balancers.

The tests have a network, a service network and two machines of their own; the cluster's stay as
they are.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kuryr_runbook.lab import settings as names
from kuryr_runbook.lab.compute import MemberState, member_states
from kuryr_runbook.lab.compute.agent import check
from kuryr_runbook.lab.compute.machines import interface_name
from kuryr_runbook.lab.network.kernel import CommandError, ip, ip_json, run
from kuryr_runbook.lab.network.namespaces import ensure_namespace, namespaces, remove_namespace
from kuryr_runbook.lab.network.wires import HOST_LIKE
from kuryr_runbook.lab.openstack import connect, read_tenant
from kuryr_runbook.lab.ovn.programs import vsctl
from kuryr_runbook.lab.settings import LabSettings, node_namespace
from kuryr_runbook.model.errors import LabError

pytestmark = pytest.mark.lab

NAME = "plane-test"
MACHINES = ("planetest1", "planetest2")
CIDR, GATEWAY = "10.90.0.0/24", "10.90.0.1"
SERVICE_CIDR, SERVICE_GATEWAY = "10.91.0.0/24", "10.91.0.1"
POD_MAC, POD_ADDRESS = "0a:00:0a:5a:00:c8", "10.90.0.200"
SERVER_MAC, SERVER_ADDRESS = "0a:00:0a:5a:00:c9", "10.90.0.201"
PORT = 8080
FOLLOWS_SECONDS = 90.0
"""The data plane follows within 2 s; a busy machine is given more."""
SILENCE_SECONDS = 3.0
"""How long nothing must come through where nothing may."""
ACTIVE_SECONDS = 120.0

# Says its name and the address that it sees, line by line on one connection, as often as asked.
SERVER = """
import socketserver, sys
class Teller(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(f"{sys.argv[1]} {self.client_address[0]}\\n".encode())
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("", int(sys.argv[2])), Teller).serve_forever()
"""
CLIENT = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1) as connection:
    connection.sendall(b"?\\n")
    print(connection.makefile().readline().strip())
"""
DATAGRAMS = """
import socketserver, sys
class Teller(socketserver.BaseRequestHandler):
    def handle(self):
        answer = f"{sys.argv[1]} {self.client_address[0]}\\n".encode()
        self.request[1].sendto(answer, self.client_address)
socketserver.UDPServer(("", int(sys.argv[2])), Teller).serve_forever()
"""
ASK_BY_DATAGRAM = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(1); s.connect((sys.argv[1], int(sys.argv[2]))); s.send(b"?")
    print(s.recv(200).decode().strip())
"""
CONNECT = """
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1).close()
"""


@dataclass(frozen=True)
class Machine:
    """A machine with a Neutron port and a server."""

    name: str
    port: Any

    @property
    def namespace(self) -> str:
        return node_namespace(self.name)

    @property
    def address(self) -> str:
        return str(self.port.fixed_ips[0]["ip_address"])

    def pings(self, address: str) -> bool:
        return succeeds("ping", "-c1", "-W1", address, namespace=self.namespace)

    def connects(self, address: str) -> bool:
        command = (sys.executable, "-c", CONNECT, address, str(PORT))
        return succeeds(*command, namespace=self.namespace)

    def asks(self, address: str, port: int = PORT) -> str:
        """What a server answers, empty when it does not."""
        command = (sys.executable, "-c", CLIENT, address, str(port))
        try:
            return run(*command, namespace=self.namespace).strip()
        except CommandError:
            return ""

    def asks_by_datagram(self, address: str) -> str:
        """What a server of datagrams answers, empty when it does not."""
        command = (sys.executable, "-c", ASK_BY_DATAGRAM, address, str(PORT))
        try:
            return run(*command, namespace=self.namespace).strip()
        except CommandError:
            return ""


@dataclass(frozen=True)
class World:
    """What the tests share."""

    settings: LabSettings
    cloud: Any
    router: Any
    network: Any
    service_subnet: Any
    group: Any
    machines: tuple[Machine, Machine]


def say(message: str) -> None:
    logging.getLogger(__name__).info(message)


def succeeds(*command: str, namespace: str | None = None) -> bool:
    try:
        run(*command, namespace=namespace)
    except CommandError:
        return False
    return True


def follows(what: str, is_so: Callable[[], bool], seconds: float = FOLLOWS_SECONDS) -> None:
    """Wait until the data plane has followed, and show how long it took."""
    begin = time.monotonic()
    while not is_so():
        assert time.monotonic() < begin + seconds, f"{what}: not in {seconds:.0f} s"
        time.sleep(0.05)
    say(f"{what}: {time.monotonic() - begin:.2f} s")


def stays_silent(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + SILENCE_SECONDS
    while time.monotonic() < end:
        assert not is_so()


@pytest.fixture(scope="module")
def lab_world(settings: LabSettings) -> Iterator[World]:
    cloud = connect(settings, "k8s")
    router = cloud.network.get_router(read_tenant(settings).router_id)
    with ExitStack() as undo:
        subnets = [
            make_network(cloud, router, undo, *parts)
            for parts in ((NAME, CIDR, GATEWAY), (f"{NAME}-service", SERVICE_CIDR, SERVICE_GATEWAY))
        ]
        group = cloud.network.create_security_group(name=NAME)
        undo.callback(cloud.network.delete_security_group, group.id)
        add_rule(cloud, group, remote_group_id=group.id)
        add_rule(cloud, group, protocol="icmp")
        first, second = (make_machine(cloud, name, subnets[0], group, undo) for name in MACHINES)
        yield World(
            settings=settings,
            cloud=cloud,
            router=router,
            network=cloud.network.get_network(subnets[0].network_id),
            service_subnet=subnets[1],
            group=group,
            machines=(first, second),
        )


def make_network(
    cloud: Any, router: Any, undo: ExitStack, name: str, cidr: str, gateway: str
) -> Any:
    network = cloud.network.create_network(name=name)
    undo.callback(cloud.network.delete_network, network.id)
    subnet = cloud.network.create_subnet(
        network_id=network.id, name=name, ip_version=4, cidr=cidr, gateway_ip=gateway
    )
    cloud.network.add_interface_to_router(router.id, subnet.id)
    undo.callback(cloud.network.remove_interface_from_router, router.id, subnet.id)
    return subnet


def make_machine(cloud: Any, name: str, subnet: Any, group: Any, undo: ExitStack) -> Machine:
    namespace = node_namespace(name)
    ensure_namespace(namespace, HOST_LIKE, say)
    undo.callback(remove_namespace, namespace, say)
    port = cloud.network.create_port(
        network_id=subnet.network_id,
        name=f"{NAME}-{name}",
        security_groups=[group.id],
        device_id=name,
        device_owner=names.NODE_OWNER,
        binding_host_id=names.CHASSIS,
    )
    undo.callback(cloud.network.delete_port, port.id)
    machine = Machine(name, port)
    follows(f"{name} gets its port", lambda: machine.pings(GATEWAY))
    undo.enter_context(serving(namespace, name))
    follows(f"{name} serves", lambda: machine.connects(machine.address))
    return machine


@contextmanager
def serving(namespace: str, name: str) -> Iterator[None]:
    entering = ("nsenter", f"--net=/run/netns/{namespace}")
    server = subprocess.Popen((*entering, sys.executable, "-c", SERVER, name, str(PORT)))
    try:
        yield
    finally:
        server.kill()
        server.wait()


def add_rule(cloud: Any, group: Any, **match: Any) -> Any:
    return cloud.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", ethertype="IPv4", **match
    )


def test_a_machine_has_its_ports_address_mac_mtu_and_route(lab_world: World) -> None:
    for machine in lab_world.machines:
        device = ip_json("address", "show", "dev", "ens3", namespace=machine.namespace)[0]
        assert device["address"] == machine.port.mac_address
        assert device["mtu"] == lab_world.network.mtu
        held = [a["local"] for a in device["addr_info"] if a["family"] == "inet"]
        assert held == [machine.address]
        route = ip_json("-4", "route", "show", "default", namespace=machine.namespace)[0]
        assert route["gateway"] == GATEWAY


def test_machines_reach_each_other_and_the_internet_by_the_routers_address(
    lab_world: World,
) -> None:
    first, second = lab_world.machines
    assert first.pings(second.address)
    assert first.asks(second.address) == f"{second.name} {first.address}"
    assert come_from(first) == router_address(lab_world)


def come_from(machine: Machine) -> str:
    page = run(
        *("curl", "--silent", "--max-time", "3", f"http://{names.INTERNET_ADDRESS}/"),
        namespace=machine.namespace,
    )
    return page.split()[-1]


def router_address(world: World) -> str:
    gateway = world.router.external_gateway_info["external_fixed_ips"][0]
    return str(gateway["ip_address"])


def test_a_floating_ip_leads_from_the_host_to_the_machine_and_back(lab_world: World) -> None:
    first, second = lab_world.machines
    cloud = lab_world.cloud
    external = lab_world.router.external_gateway_info["network_id"]
    floating = cloud.network.create_ip(floating_network_id=external, port_id=first.port.id)
    address = floating.floating_ip_address
    try:
        follows("floating IP answers", lambda: succeeds("ping", "-c1", "-W1", address))
        assert come_from(first) == address
        assert second.pings(address), "from behind the same router"
    finally:
        cloud.network.delete_ip(floating.id)
    follows("floating IP is gone", lambda: not succeeds("ping", "-c1", "-W1", address))
    assert come_from(first) == router_address(lab_world)


@pytest.fixture
def pod(lab_world: World) -> Iterator[Machine]:
    """A macvlan on the first machine's port, as Kuryr's nested driver makes them."""
    machine = lab_world.machines[0]
    with macvlan(lab_world, "planepod", POD_MAC, POD_ADDRESS) as pod:
        yield pod
        lab_world.cloud.network.update_port(machine.port.id, allowed_address_pairs=[])


@contextmanager
def macvlan(world: World, name: str, mac: str, address: str) -> Iterator[Machine]:
    machine, namespace = world.machines[0], node_namespace(name)
    ensure_namespace(namespace, HOST_LIKE, say)
    ip(
        *("link", "add", "pod0", "link", "ens3", "netns", namespace),
        *("address", mac, "mtu", str(world.network.mtu), "type", "macvlan"),
        *("mode", "bridge"),
        namespace=machine.namespace,
    )
    ip("address", "add", f"{address}/24", "dev", "pod0", namespace=namespace)
    ip("link", "set", "pod0", "up", namespace=namespace)
    ip("route", "add", "default", "via", GATEWAY, namespace=namespace)
    yield Machine(name, machine.port)
    remove_namespace(namespace, say)


def test_a_pods_address_lives_by_its_allowed_address_pair(lab_world: World, pod: Machine) -> None:
    first, second = lab_world.machines
    stays_silent(lambda: pod.pings(second.address) or pod.pings(GATEWAY))
    pairs = [{"ip_address": POD_ADDRESS, "mac_address": POD_MAC}]
    lab_world.cloud.network.update_port(first.port.id, allowed_address_pairs=pairs)
    follows("pod is alive", lambda: pod.pings(second.address))
    with rule_for_the_pod(lab_world, pod, second):
        assert pod.asks(second.address) == f"{second.name} {POD_ADDRESS}"
    assert come_from(pod) == router_address(lab_world)
    lab_world.cloud.network.update_port(first.port.id, allowed_address_pairs=[])
    follows("pod is dead", lambda: not pod.pings(second.address))
    stays_silent(lambda: pod.pings(second.address))


@contextmanager
def rule_for_the_pod(world: World, pod: Machine, asked: Machine) -> Iterator[None]:
    """OVN counts no address pair as its group's: the pod's address wants a rule of its own."""
    stays_silent(lambda: bool(pod.asks(asked.address)))
    rule = add_rule(world.cloud, world.group, remote_ip_prefix=f"{POD_ADDRESS}/32")
    follows("the pod is let in", lambda: bool(pod.asks(asked.address)))
    yield
    world.cloud.network.delete_security_group_rule(rule.id)


def test_a_pods_own_port_must_be_off_or_it_gets_the_pods_frames(
    lab_world: World, pod: Machine
) -> None:
    """Kuryr keeps the pod's address by a port of its own, with the same MAC, bound nowhere.

    Which of the two OVN sends the pod's frames to is chance as long as both are up.
    """
    cloud = lab_world.cloud
    own = cloud.network.create_port(
        network_id=lab_world.network.id,
        mac_address=POD_MAC,
        fixed_ips=[{"ip_address": POD_ADDRESS}],
        device_owner="compute:kuryr",
        admin_state_up=False,
    )
    try:
        pairs = [{"ip_address": POD_ADDRESS, "mac_address": POD_MAC}]
        cloud.network.update_port(lab_world.machines[0].port.id, allowed_address_pairs=pairs)
        follows("pod is alive", lambda: pod.pings(GATEWAY))
        assert come_from(pod) == router_address(lab_world)
    finally:
        cloud.network.delete_port(own.id)


def test_without_an_egress_rule_nothing_leaves(lab_world: World) -> None:
    first, second = lab_world.machines
    cloud = lab_world.cloud
    rules = cloud.network.security_group_rules(
        security_group_id=lab_world.group.id, direction="egress", ethertype="IPv4"
    )
    for rule in rules:
        cloud.network.delete_security_group_rule(rule.id)
    try:
        follows("egress is closed", lambda: not first.asks(second.address))
        assert not first.pings(GATEWAY)
    finally:
        cloud.network.create_security_group_rule(
            security_group_id=lab_world.group.id, direction="egress", ethertype="IPv4"
        )
    follows("egress is open", lambda: bool(first.asks(second.address)))


def test_a_connection_ends_with_the_rule_that_let_it_in(lab_world: World) -> None:
    first, second = lab_world.machines
    cloud = lab_world.cloud
    (rule,) = cloud.network.security_group_rules(
        security_group_id=lab_world.group.id, remote_group_id=lab_world.group.id
    )
    with conversation(first, second.address) as ask:
        assert ask() == f"{second.name} {first.address}"
        cloud.network.delete_security_group_rule(rule.id)
        try:
            follows("the connection is dead", lambda: not ask())
        finally:
            add_rule(cloud, lab_world.group, remote_group_id=lab_world.group.id)
    follows("another one is let in", lambda: bool(first.asks(second.address)))


@contextmanager
def switched_off(change: Callable[..., Any], thing: str) -> Iterator[None]:
    change(thing, admin_state_up=False)
    try:
        yield
    finally:
        change(thing, admin_state_up=True)


def test_a_router_that_is_off_passes_nothing(lab_world: World) -> None:
    first, second = lab_world.machines
    assert reaches_internet(first)
    with switched_off(lab_world.cloud.network.update_router, lab_world.router.id):
        follows("the internet is gone", lambda: not reaches_internet(first))
        stays_silent(lambda: first.pings(GATEWAY))
        assert first.pings(second.address), "on the same network"
    follows("the internet is back", lambda: reaches_internet(first))


def test_a_port_that_is_off_is_cut_off(lab_world: World) -> None:
    first, second = lab_world.machines
    with switched_off(lab_world.cloud.network.update_port, first.port.id):
        follows("nothing leaves", lambda: not first.pings(second.address))
        stays_silent(lambda: second.pings(first.address))
    follows("all is back", lambda: second.pings(first.address))


def test_a_port_is_active_while_its_machine_has_it(lab_world: World) -> None:
    first, _ = lab_world.machines

    def status() -> str:
        return str(lab_world.cloud.network.get_port(first.port.id).status)

    follows("it is active", lambda: status() == "ACTIVE")
    vsctl(lab_world.settings, "del-port", names.INTEGRATION_BRIDGE, interface_name(first.port.id))
    follows("OVN says that it is down", lambda: status() == "DOWN")
    follows("the agent has plugged it again", lambda: status() == "ACTIVE")
    follows("it carries", lambda: first.pings(GATEWAY))


def test_what_somebody_removed_comes_back(lab_world: World) -> None:
    first, _ = lab_world.machines
    ip("link", "delete", interface_name(first.port.id), namespace=names.HYPERVISOR_NS)
    follows("the port is back", lambda: first.pings(GATEWAY))


@pytest.mark.parametrize("name", ["ovs-vswitchd", "ovsdb-server", "ovn-controller", "ovn-northd"])
def test_a_killed_program_comes_back_and_all_is_carried_again(lab_world: World, name: str) -> None:
    first, _ = lab_world.machines
    pid_file = lab_world.settings.state / "ovn" / "run" / f"{name}.pid"
    killed = int(pid_file.read_text())
    os.kill(killed, signal.SIGKILL)
    follows("it is back", lambda: pid_file.exists() and int(pid_file.read_text()) != killed)
    follows("it carries", lambda: reaches_internet(first))
    group = lab_world.cloud.network.create_security_group(name=f"{NAME}-after")
    lab_world.cloud.network.delete_security_group(group.id)


def reaches_internet(machine: Machine) -> bool:
    try:
        return bool(come_from(machine))
    except CommandError:
        return False


@dataclass(frozen=True)
class Balanced:
    """A load balancer with the two machines as members."""

    id: str
    vip: str
    pool_id: str
    member_ids: tuple[str, str]


@pytest.fixture(scope="module")
def balanced(lab_world: World) -> Iterator[Balanced]:
    octavia = lab_world.cloud.load_balancer
    balancer = octavia.create_load_balancer(name=NAME, vip_subnet_id=lab_world.service_subnet.id)
    try:
        active(octavia, balancer.id)
        listener = octavia.create_listener(
            name=NAME, load_balancer_id=balancer.id, protocol="TCP", protocol_port=PORT
        )
        active(octavia, balancer.id)
        pool = octavia.create_pool(
            name=NAME, listener_id=listener.id, protocol="TCP", lb_algorithm="ROUND_ROBIN"
        )
        active(octavia, balancer.id)
        members = []
        for machine in lab_world.machines:
            members.append(add_member(octavia, pool.id, machine).id)
            active(octavia, balancer.id)
        yield Balanced(balancer.id, balancer.vip_address, pool.id, (members[0], members[1]))
    finally:
        octavia.delete_load_balancer(balancer.id, cascade=True)
        gone = lambda: not list(octavia.load_balancers(name=NAME))  # noqa: E731
        follows("Octavia has deleted", gone, ACTIVE_SECONDS)
        follows("no haproxy of it", lambda: not states_of(lab_world.settings, balancer.id))


def add_member(octavia: Any, pool_id: str, machine: Machine) -> Any:
    return octavia.create_member(
        pool_id, name=machine.name, address=machine.address, protocol_port=PORT
    )


def active(octavia: Any, balancer_id: str) -> None:
    def is_active() -> bool:
        status = octavia.get_load_balancer(balancer_id).provisioning_status
        assert status != "ERROR"
        return bool(status == "ACTIVE")

    follows("Octavia is done", is_active, ACTIVE_SECONDS)


def states_of(settings: LabSettings, balancer_id: str) -> list[MemberState]:
    return [state for state in member_states(settings) if state.load_balancer_id == balancer_id]


@pytest.fixture
def service_rule(lab_world: World) -> Iterator[Any]:
    """The rule that lets the load balancers of the service subnet reach the machines."""
    rule = add_rule(lab_world.cloud, lab_world.group, remote_ip_prefix=SERVICE_CIDR)
    yield rule
    lab_world.cloud.network.delete_security_group_rule(rule.id, ignore_missing=True)


def test_the_service_subnets_rule_decides_whether_the_vip_answers(
    lab_world: World, balanced: Balanced
) -> None:
    first, _ = lab_world.machines
    cloud = lab_world.cloud
    follows("haproxy is up", lambda: len(states_of(lab_world.settings, balanced.id)) == 2)
    stays_silent(lambda: bool(first.asks(balanced.vip)))
    rule = add_rule(cloud, lab_world.group, remote_ip_prefix=SERVICE_CIDR)
    try:
        follows("the VIP answers", lambda: bool(first.asks(balanced.vip)))
        name, source = first.asks(balanced.vip).split()
        assert name in MACHINES
        assert source.startswith("10.91.0."), "the load balancer's own address"
        assert source != balanced.vip
    finally:
        cloud.network.delete_security_group_rule(rule.id)
    follows("the VIP is silent", lambda: not first.asks(balanced.vip))


def test_connections_are_spread_over_the_members_that_there_are(
    lab_world: World, balanced: Balanced, service_rule: Any
) -> None:
    first, second = lab_world.machines
    octavia = lab_world.cloud.load_balancer
    follows("the VIP answers", lambda: bool(first.asks(balanced.vip)))

    def answering() -> set[str]:
        return {first.asks(balanced.vip).split()[0] for _ in range(4)}

    assert answering() == set(MACHINES)
    octavia.delete_member(balanced.member_ids[0], balanced.pool_id)
    follows("one member is left", lambda: answering() == {second.name})
    active(octavia, balanced.id)
    add_member(octavia, balanced.pool_id, first)
    follows("two members again", lambda: answering() == set(MACHINES))
    active(octavia, balanced.id)


def test_a_health_monitor_shows_a_dead_member(
    lab_world: World, balanced: Balanced, service_rule: Any
) -> None:
    octavia = lab_world.cloud.load_balancer
    before = {state.status for state in states_of(lab_world.settings, balanced.id)}
    assert before == {"no check"}
    dead = octavia.create_member(
        balanced.pool_id, name="dead", address=lab_world.machines[0].address, protocol_port=9
    )
    active(octavia, balanced.id)
    monitor = octavia.create_health_monitor(
        pool_id=balanced.pool_id, type="TCP", delay=1, timeout=1, max_retries=1
    )
    active(octavia, balanced.id)

    def seen() -> dict[str, bool]:
        states = states_of(lab_world.settings, balanced.id)
        return {state.member_id: state.status.startswith("UP") for state in states}

    follows("the dead one is down", lambda: sorted(seen().values()) == [False, True, True])
    assert not seen()[dead.id]
    octavia.delete_health_monitor(monitor.id)
    active(octavia, balanced.id)
    octavia.delete_member(dead.id, balanced.pool_id)
    active(octavia, balanced.id)


@pytest.fixture
def provider_ovn(lab_world: World) -> None:
    if not lab_world.settings.octavia_ovn:
        pytest.skip("this lab has no provider ovn: `kuryr-runbook lab up --octavia-ovn`")


@contextmanager
def balanced_by_ovn(world: World, protocol: str, member: str) -> Iterator[str]:
    """The VIP of a load balancer of OVN that leads to one address."""
    octavia = world.cloud.load_balancer
    balancer = octavia.create_load_balancer(
        name=f"{NAME}-ovn", vip_subnet_id=world.service_subnet.id, provider="ovn"
    )
    try:
        active(octavia, balancer.id)
        listener = octavia.create_listener(
            name=NAME, load_balancer_id=balancer.id, protocol=protocol, protocol_port=PORT
        )
        active(octavia, balancer.id)
        pool = octavia.create_pool(
            name=NAME, listener_id=listener.id, protocol=protocol, lb_algorithm="SOURCE_IP_PORT"
        )
        active(octavia, balancer.id)
        octavia.create_member(
            pool.id,
            address=member,
            protocol_port=PORT,
            # It wants to know where a member is, to find its port.
            subnet_id=world.machines[0].port.fixed_ips[0]["subnet_id"],
        )
        active(octavia, balancer.id)
        yield balancer.vip_address
    finally:
        octavia.delete_load_balancer(balancer.id, cascade=True)
        follows(
            "Octavia has deleted",
            lambda: not list(octavia.load_balancers(name=f"{NAME}-ovn")),
            ACTIVE_SECONDS,
        )


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_the_provider_ovn_leads_to_the_members_and_keeps_the_clients_address(
    lab_world: World, provider_ovn: None, protocol: str
) -> None:
    first, second = lab_world.machines
    ask = first.asks if protocol == "TCP" else first.asks_by_datagram
    with echoing(second), balanced_by_ovn(lab_world, protocol, second.address) as vip:
        follows("the VIP answers", lambda: bool(ask(vip)))
        assert ask(vip) == f"{second.name} {first.address}"


def test_with_the_provider_ovn_no_pod_of_macvlan_is_answered_by_one_on_its_own_node(
    lab_world: World, provider_ovn: None, pod: Machine
) -> None:
    """The site is refused for it: `kuryr.octavia_provider`."""
    first, second = lab_world.machines
    network = lab_world.cloud.network
    with ExitStack() as undo:
        beside = undo.enter_context(macvlan(lab_world, "planeserver", SERVER_MAC, SERVER_ADDRESS))
        undo.enter_context(serving(beside.namespace, beside.name))
        pairs = {POD_ADDRESS: POD_MAC, SERVER_ADDRESS: SERVER_MAC}
        network.update_port(
            first.port.id,
            allowed_address_pairs=[
                {"ip_address": address, "mac_address": mac} for address, mac in pairs.items()
            ],
        )
        # Members see their clients, who may be anybody.
        anybody = add_rule(lab_world.cloud, lab_world.group, protocol="tcp")
        undo.callback(network.delete_security_group_rule, anybody.id)
        vip = undo.enter_context(balanced_by_ovn(lab_world, "TCP", SERVER_ADDRESS))
        follows("another machine is answered", lambda: bool(second.asks(vip)))
        assert second.asks(vip) == f"{beside.name} {second.address}"
        follows("the pod reaches the server itself", lambda: bool(pod.asks(SERVER_ADDRESS)))
        stays_silent(lambda: bool(pod.asks(vip)))


@contextmanager
def echoing(machine: Machine) -> Iterator[None]:
    """A server of datagrams beside that of connections."""
    command = ("nsenter", f"--net=/run/netns/{machine.namespace}", sys.executable)
    server = subprocess.Popen((*command, "-c", DATAGRAMS, machine.name, str(PORT)))
    try:
        yield
    finally:
        server.kill()
        server.wait()


def test_a_vip_that_another_amphora_has_now_is_found_at_once(lab_world: World) -> None:
    first, _ = lab_world.machines
    octavia = lab_world.cloud.load_balancer
    vip = "10.91.0.200"
    for _ in range(2):
        with ExitStack() as undo:
            subnet = lab_world.service_subnet.id
            balancer = octavia.create_load_balancer(
                name=f"{NAME}-again", vip_subnet_id=subnet, vip_address=vip
            )
            undo.callback(follows, "Octavia has deleted", lambda: gone(octavia), ACTIVE_SECONDS)
            undo.callback(octavia.delete_load_balancer, balancer.id, cascade=True)
            active(octavia, balancer.id)
            octavia.create_listener(
                name=NAME, load_balancer_id=balancer.id, protocol="TCP", protocol_port=PORT
            )
            active(octavia, balancer.id)
            follows("the VIP takes connections", lambda: first.connects(vip))


def gone(octavia: Any) -> bool:
    return not list(octavia.load_balancers(name=f"{NAME}-again"))


def agents(settings: LabSettings) -> set[int]:
    command = ["-m", "kuryr_runbook.lab.compute", "--state", str(settings.state), ""]
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if words[1:] == command:
            found.add(int(process.name))
    return found


def test_a_killed_agent_comes_back_and_nothing_flaps(
    lab_world: World, balanced: Balanced, service_rule: Any
) -> None:
    first, _ = lab_world.machines
    follows("the VIP answers", lambda: bool(first.asks(balanced.vip)))
    (agent,) = agents(lab_world.settings)
    devices = {name: indices(name) for name in namespaces(names.PREFIX)}
    with conversation(first, balanced.vip) as ask:
        before = ask()
        assert before
        os.kill(agent, signal.SIGKILL)
        follows("another agent", lambda: bool(agents(lab_world.settings) - {agent}), 60)
        begin = time.time()
        follows("in step", lambda: in_step_since(lab_world.settings, begin), 60)
        assert ask() == before, "the same connection, to the same member"
    assert {name: indices(name) for name in devices} == devices


def indices(namespace: str) -> set[int]:
    return {link["ifindex"] for link in ip_json("link", "show", namespace=namespace)}


def in_step_since(settings: LabSettings, moment: float) -> bool:
    try:
        check(settings)
    except LabError:
        return False
    return (settings.state / "compute" / "status.json").stat().st_mtime > moment


@contextmanager
def conversation(machine: Machine, address: str) -> Iterator[Callable[[], str]]:
    """One connection from a machine, held open; asks the server each time, and says what it said.

    The answer is empty when none comes in time.
    """
    code = (
        "import socket,sys\n"
        f"c=socket.create_connection(({address!r},{PORT}),timeout=5)\n"
        "f=c.makefile()\n"
        "for line in sys.stdin:\n"
        "    try: c.sendall(b'?\\n'); print(f.readline().strip(), flush=True)\n"
        "    except OSError: print(flush=True)\n"
    )
    process = subprocess.Popen(
        ("nsenter", f"--net=/run/netns/{machine.namespace}", sys.executable, "-c", code),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    to, answers = process.stdin, process.stdout

    def ask() -> str:
        to.write("\n")
        to.flush()
        return answers.readline().strip()

    try:
        yield ask
    finally:
        to.close()
        process.wait(timeout=30)
        answers.close()
