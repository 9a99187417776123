"""Workers that are chassis of OVN, and neutron-vif on them: the whole runbook, with packets.

On a bare lab, whose workers are made chassis for these tests.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
from openstack.connection import Connection
from support.lab_of_tests import BareLab
from worlds.lab import world

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.lab import lifecycle, openstack
from kuryr_runbook.lab.kubernetes import nodes
from kuryr_runbook.lab.network.kernel import CommandError, ip_json, run
from kuryr_runbook.lab.ovn import chassis, checksums
from kuryr_runbook.lab.ovn.programs import sbctl
from kuryr_runbook.lab.settings import (
    CHASSIS,
    HYPERVISOR_NS,
    INTEGRATION_BRIDGE,
    UNDERLAY_ADDRESS,
    LabSettings,
    WorkerKind,
    node_namespace,
    underlay_address,
    underlay_port,
)
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.phases.verification import Verification

pytestmark = [pytest.mark.lab, pytest.mark.slow]

SECONDS = 60.0
PORT = 8080
MEGABYTE = 1 << 20
SENT = 4
"""Megabytes that are sent: some thousand packets."""

SERVER = """
import socketserver, sys
class Sender(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(bytes(int(sys.argv[2])))
socketserver.ThreadingTCPServer(("", int(sys.argv[1])), Sender).serve_forever()
"""
CLIENT = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5) as connection:
    print(sum(map(len, iter(lambda: connection.recv(65536), b""))))
"""

DATAGRAMS = """
import socketserver, sys
class Teller(socketserver.BaseRequestHandler):
    def handle(self):
        answer = f"{sys.argv[1]} {self.client_address[0]}".encode()
        self.request[1].sendto(answer, self.client_address)
socketserver.UDPServer(("", int(sys.argv[2])), Teller).serve_forever()
"""
ASK_BY_DATAGRAM = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(1); s.connect((sys.argv[1], int(sys.argv[2]))); s.send(b"?")
    print(s.recv(200).decode())
"""
UDP_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "datagrams", "namespace": "kuryr-verification"},
    "spec": {
        "selector": {"app": "kuryr-demo"},
        "ports": [{"port": PORT, "protocol": "UDP"}],
    },
}


@pytest.fixture(scope="module")
def workers(
    before_kuryr: dict[str, dict[str, str]],
    settings: LabSettings,
    aloud: Callable[[], AbstractContextManager[None]],
) -> Iterator[LabSettings]:
    """The lab's workers are chassis, and Octavia has provider ovn; afterwards all is as it was."""
    wanted = replace(settings, worker_kinds=(WorkerKind.CHASSIS,), octavia_ovn=True)
    with aloud():
        lifecycle.up(wanted, print)
    yield wanted
    with aloud():
        lifecycle.up(settings, print)


@pytest.fixture
def bare(bare: BareLab, workers: LabSettings) -> BareLab:
    """The bare lab as it is with workers that are chassis."""
    return replace(bare, before=world(bare.cloud, bare.cluster))


def chassis_of(settings: LabSettings) -> dict[str, str]:
    """The chassis that OVN knows, each with its end of the tunnels."""
    words = sbctl(settings, "--bare", "--columns=chassis_name,ip", "list", "Encap").split()
    return dict(zip(words[::2], words[1::2], strict=True))


def pod_interfaces(settings: LabSettings) -> dict[str, str]:
    """The interfaces of pods that are on the workers' switches, each with its worker."""
    found: dict[str, str] = {}
    for name in settings.chassis_names:
        ports = chassis.vsctl(nodes.node(settings, name), "list-ports", INTEGRATION_BRIDGE)
        found |= {port: name for port in ports.split() if port.startswith("tap")}
    return found


@dataclass(frozen=True)
class Plugged:
    """A namespace that is plugged in as Kuryr's daemon does it."""

    worker: nodes.Node
    namespace: str
    port: Any

    @property
    def address(self) -> str:
        return str(self.port.fixed_ips[0]["ip_address"])

    @property
    def interface(self) -> str:
        return f"tap{self.port.id[:11]}"

    @property
    def inside(self) -> tuple[str, ...]:
        return (*self.worker.entering, "ip", "netns", "exec", self.namespace)

    def plug(self) -> None:
        here, device = self.worker.entering, f"name eth0 netns {self.namespace}"
        run(*here, "ip", "netns", "add", self.namespace)
        run(*here, *f"ip link add {self.interface} mtu 1442 type veth peer {device}".split())
        for command in (
            f"link set eth0 address {self.port.mac_address} mtu 1442 up",
            f"address add {self.address}/24 dev eth0",
        ):
            run(*here, "ip", "-netns", self.namespace, *command.split())
        run(*here, "ip", "link", "set", self.interface, "up")
        chassis.vsctl(
            self.worker,
            *("add-port", INTEGRATION_BRIDGE, self.interface, "--", "set", "Interface"),
            *(self.interface, f"external_ids:iface-id={self.port.id}"),
        )

    def unplug(self) -> None:
        chassis.vsctl(self.worker, "--if-exists", "del-port", self.interface)
        run(*self.worker.entering, "ip", "netns", "delete", self.namespace)

    def pings(self, address: str, *options: str) -> bool:
        with contextlib.suppress(CommandError):
            return bool(run(*self.inside, "ping", "-c1", "-W1", *options, address))
        return False

    def receives(self, address: str) -> int:
        """Bytes from the server there; none when it does not answer."""
        with contextlib.suppress(CommandError):
            return int(run(*self.inside, sys.executable, "-c", CLIENT, address, str(PORT)))
        return 0

    def is_finished(self) -> bool:
        shown = run(*self.inside, "ethtool", "--show-offload", "eth0")
        return "tx-checksumming: off" in shown

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        command = (sys.executable, "-c", SERVER, str(PORT), str(SENT * MEGABYTE))
        with subprocess.Popen((*self.inside, *command)) as server:
            yield
            server.terminate()


@pytest.fixture(scope="module")
def pods(workers: LabSettings, admin: Connection) -> Iterator[tuple[Plugged, Plugged]]:
    """A namespace on each of two workers, with ports of the nodes' network and group."""
    network: Any = admin.network
    tenant = openstack.read_tenant(workers)
    made = []
    for number, name in enumerate(workers.chassis_names[:2]):
        port = network.create_port(
            network_id=tenant.node_network_id,
            fixed_ips=[{"subnet_id": tenant.node_subnet_id}],
            project_id=tenant.project_id,
            security_groups=[tenant.node_security_group_id],
            binding_host_id=name,
        )
        namespace = f"{checksums.PODS}chassis-test{number}"
        made.append(Plugged(nodes.node(workers, name), namespace, port))
    for pod in made:
        pod.plug()
    yield made[0], made[1]
    for pod in made:
        pod.unplug()
        network.delete_port(pod.port.id)


def awaited(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_every_worker_is_a_chassis_with_its_end_of_the_tunnels(workers: LabSettings) -> None:
    ends = {name: str(underlay_address(name)) for name in workers.worker_names}
    assert chassis_of(workers) == {CHASSIS: str(UNDERLAY_ADDRESS), **ends}


def test_every_program_of_a_chassis_is_well(workers: LabSettings) -> None:
    status = lifecycle.status(workers)
    assert status is not None
    assert [it.seen for it in status.programs if not it.well] == []
    names = {it.program.name for it in status.programs}
    for worker in workers.chassis_names:
        assert {it.name for it in chassis.programs(workers, nodes.node(workers, worker))} <= names


# Before the tests that have ports of their own.
RUNS = [
    ("2024.1", "ovn", True),
    pytest.param("stein", "amphora", False, marks=pytest.mark.exhaustive),
    pytest.param("ussuri", "ovn", False, marks=pytest.mark.exhaustive),
    pytest.param("2024.1", "amphora", True, marks=pytest.mark.exhaustive),
]


@pytest.mark.parametrize(("release", "provider", "policies"), RUNS)
def test_neutron_vif_is_installed_and_verified(
    release: str, provider: str, policies: bool, workers: LabSettings, lab: BareLab
) -> None:
    """With policies, namespaces have subnets of their own, and the verification tries both."""
    site = lab.site(
        {"namespace_subnets": {"enabled": policies}},
        release=release,
        vif_driver="neutron-vif",
        octavia_provider=provider,
        resource_tags=["kuryr-lab"],
        network_policies=policies,
    )
    before = pod_interfaces(workers)
    assert lab.run(site, "run")["status"] == "SUCCEEDED"
    assert pod_interfaces(workers) == before
    if provider == "ovn":
        verification = Verification(read_site(site))
        verification.carry_out(verification.make_plan())
        try:
            datagrams_reach_the_pods_of_a_service(workers, lab.cluster)
        finally:
            verification.remove()
    lab.diagnose(site)


def datagrams_reach_the_pods_of_a_service(settings: LabSettings, cluster: KubernetesClient) -> None:
    """Each pod of the verification asks a Service of UDP; the pods say who asked."""
    vip = str(cluster.apply(UDP_SERVICE)["spec"]["clusterIP"])
    pods = pods_of(settings)
    with ExitStack() as ending:
        for address, inside in pods.items():
            command = (*inside, sys.executable, "-c", DATAGRAMS, address, str(PORT))
            server = subprocess.Popen(command)
            ending.callback(server.wait)
            ending.callback(server.kill)
        for client, inside in pods.items():
            seen: dict[str, str] = {}

            def everyone_answered(
                inside: tuple[str, ...] = inside, seen: dict[str, str] = seen
            ) -> bool:
                with contextlib.suppress(CommandError):
                    command = (sys.executable, "-c", ASK_BY_DATAGRAM, vip, str(PORT))
                    server, asker = run(*inside, *command).split()
                    seen[server] = asker
                return seen.keys() == pods.keys()

            awaited(everyone_answered)
            # A pod that is led to itself is asked by the VIP, so that its answer comes back there.
            assert seen == {**dict.fromkeys(pods, client), client: vip}


def pods_of(settings: LabSettings) -> dict[str, tuple[str, ...]]:
    """All pods with a network of their own: their addresses, and how to run a command there."""
    found: dict[str, tuple[str, ...]] = {}
    for name in settings.worker_names:
        here = nodes.node(settings, name).entering
        for namespace in run(*here, "ls", "/run/netns").split():
            shown = run(*here, "ip", "-json", "-netns", namespace, "-4", "address", "show", "eth0")
            for address in json.loads(shown)[0]["addr_info"]:
                found[address["local"]] = (*here, "ip", "netns", "exec", namespace)
    return found


def test_ports_on_workers_become_active_and_packets_cross_the_tunnel(
    pods: tuple[Plugged, Plugged], admin: Connection
) -> None:
    first, second = pods
    network: Any = admin.network
    ports = [pod.port.id for pod in pods]
    awaited(lambda: {network.get_port(port).status for port in ports} == {"ACTIVE"})
    awaited(lambda: first.pings(second.address))
    # As large as the network's MTU allows: the tunnel adds its own headers.
    assert first.pings(second.address, "-M", "do", "-s", "1414")


def test_checksums_of_pods_are_finished_so_that_tcp_passes(pods: tuple[Plugged, Plugged]) -> None:
    first, second = pods
    awaited(lambda: first.is_finished() and second.is_finished())
    with second.serving():
        awaited(lambda: first.receives(second.address) == SENT * MEGABYTE)


def test_a_pod_and_its_own_node_reach_each_other(
    pods: tuple[Plugged, Plugged], workers: LabSettings
) -> None:
    of_nodes = openstack.read_tenant(workers).nodes
    node = {pod.address: str(of_nodes[pod.worker.name].address) for pod in pods}
    awaited(lambda: all(pod.pings(node[pod.address]) for pod in pods))
    for pod in pods:
        run(*pod.worker.entering, "ping", "-c1", "-W5", pod.address)


def test_a_worker_that_is_no_chassis_any_more_leaves_nothing(
    workers: LabSettings, settings: LabSettings, pods: tuple[Plugged, Plugged]
) -> None:
    last = workers.worker_names[-1]
    kinds = (*(WorkerKind.CHASSIS for _ in workers.worker_names[1:]), WorkerKind.NAMESPACE)
    lifecycle.up(replace(workers, worker_kinds=kinds), lambda _: None)
    try:
        assert last not in chassis_of(settings)
        links = ip_json("link", namespace=node_namespace(last))
        names = {link["ifname"] for link in links} - {pod.interface for pod in pods}
        assert names == {"lo", "ens3"}
        links = ip_json("link", namespace=HYPERVISOR_NS)
        assert underlay_port(last) not in {link["ifname"] for link in links}
    finally:
        lifecycle.up(workers, lambda _: None)
    assert chassis_of(workers).keys() == {CHASSIS, *workers.worker_names}
