"""How long the data plane takes to follow an API call; figures are printed, nothing is asserted.

    python benchmarks/data_plane_follows.py [changes]

On a lab that is up, between two machines of its own that send each other a datagram every two
milliseconds: a rule of their group comes and goes, and the address pair of a pod behind one of
them. The times are those from the API's call, and from its answer, to the first datagram that
passes, or the last; from the answer it is zero when that was before. Default: 100 changes, of the
four kinds in turn.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from kuryr_runbook.lab.network.kernel import ip
from kuryr_runbook.lab.network.namespaces import ensure_namespace, remove_namespace
from kuryr_runbook.lab.network.wires import HOST_LIKE
from kuryr_runbook.lab.openstack import connect
from kuryr_runbook.lab.settings import CHASSIS, NODE_OWNER, LabSettings, node_namespace

NAME = "follows"
CIDR = "10.93.0.0/24"
POD_MAC, POD_ADDRESS = "0a:00:0a:5d:00:c8", "10.93.0.200"
PORT = 7
SILENCE = 0.1
"""Seconds without a datagram that mean that none comes any more."""
LONGEST = 30.0

Times = tuple[float, float]
"""Seconds from the call, and from the answer, to what it does."""

ECHO = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", 7))
while True:
    data, peer = s.recvfrom(64); s.sendto(data, peer)
"""
# From a port of its own each time: a connection that conntrack knows may be let through.
ASK = """
import socket, sys, time
while True:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.002)
    try:
        s.connect((sys.argv[1], 7)); s.send(b"?"); s.recv(64)
        print(time.monotonic(), flush=True); time.sleep(0.002)
    except OSError:
        pass
    s.close()
"""


class Asking:
    """Asks from a namespace all the time; knows when it was answered last."""

    def __init__(self, namespace: str, address: str) -> None:
        entering = ("nsenter", f"--net=/run/netns/{namespace}")
        self._process = subprocess.Popen(
            (*entering, sys.executable, "-c", ASK, address), stdout=subprocess.PIPE, text=True
        )
        self._answers: list[float] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._answers.append(float(line))

    def first_after(self, moment: float) -> float:
        """Waits for an answer after that moment."""
        while not self._answers or self._answers[-1] < moment:
            assert time.monotonic() < moment + LONGEST, "not within the longest time"
            time.sleep(0.002)
        return next(answer for answer in self._answers if answer >= moment)

    def last(self, moment: float) -> float:
        """Waits until no answer comes any more."""
        while self._answers and time.monotonic() - self._answers[-1] < SILENCE:
            assert time.monotonic() < moment + LONGEST, "not within the longest time"
            time.sleep(0.002)
        return self._answers[-1] if self._answers else moment

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def main(changes: int) -> None:
    """Measure, and print a line for each kind of change."""
    cloud = connect(LabSettings(), "k8s")
    with ExitStack() as undo:
        group, machine, rule, pair = world(cloud, undo)
        kinds = {
            "a rule comes": lambda: comes(rule, lambda: add_rule(cloud, group)),
            "a rule goes": lambda: goes(rule, lambda: remove_rule(cloud, group)),
            "a pair comes": lambda: comes(pair, lambda: set_pair(cloud, machine, POD_ADDRESS)),
            "a pair goes": lambda: goes(pair, lambda: set_pair(cloud, machine, None)),
        }
        add_rule(cloud, group)
        set_pair(cloud, machine, POD_ADDRESS)
        pair.first_after(time.monotonic())
        set_pair(cloud, machine, None)
        pair.last(time.monotonic())
        remove_rule(cloud, group)
        times: dict[str, list[Times]] = {kind: [] for kind in kinds}
        for _ in range(changes // 4):
            times["a rule comes"].append(kinds["a rule comes"]())
            times["a pair comes"].append(kinds["a pair comes"]())
            times["a pair goes"].append(kinds["a pair goes"]())
            times["a rule goes"].append(kinds["a rule goes"]())
    print("seconds          from the call: median    p99   from the answer: median    p99")
    for kind, found in (*times.items(), ("all", [it for each in times.values() for it in each])):
        called, answered = (sorted(column) for column in zip(*found, strict=True))
        print(
            f"{kind:30}{statistics.median(called):8.3f}{p99(called):7.3f}"
            f"{statistics.median(answered):25.3f}{p99(answered):7.3f}"
        )


def p99(ordered: list[float]) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def comes(asking: Asking, change: Callable[[], None]) -> Times:
    begin = time.monotonic()
    change()
    answered = time.monotonic()
    first = asking.first_after(begin)
    return first - begin, max(first - answered, 0.0)


def goes(asking: Asking, change: Callable[[], None]) -> Times:
    begin = time.monotonic()
    change()
    answered = time.monotonic()
    last = asking.last(answered)
    return max(last - begin, 0.0), max(last - answered, 0.0)


def world(cloud: Any, undo: ExitStack) -> tuple[Any, Any, Asking, Asking]:
    """The group, the machine with the pod, who asks for the rule, and who for the pair."""
    network = cloud.network.create_network(name=NAME)
    undo.callback(cloud.network.delete_network, network.id)
    cloud.network.create_subnet(network_id=network.id, name=NAME, ip_version=4, cidr=CIDR)
    group = cloud.network.create_security_group(name=NAME)
    undo.callback(cloud.network.delete_security_group, group.id)
    ports = [machine(cloud, undo, f"{NAME}{n}", network, group) for n in (1, 2)]
    pod = node_namespace(f"{NAME}pod")
    ensure_namespace(pod, HOST_LIKE, print)
    undo.callback(remove_namespace, pod, print)
    first = node_namespace(f"{NAME}1")
    link = ("link", "add", "pod0", "link", "ens3", "netns", pod, "address", POD_MAC)
    ip(*link, "mtu", str(network.mtu), "type", "macvlan", "mode", "bridge", namespace=first)
    ip("address", "add", f"{POD_ADDRESS}/24", "dev", "pod0", namespace=pod)
    ip("link", "set", "pod0", "up", namespace=pod)
    undo.enter_context(echo(node_namespace(f"{NAME}2")))
    address = ports[1].fixed_ips[0]["ip_address"]
    asking = [Asking(namespace, address) for namespace in (first, pod)]
    for one in asking:
        undo.callback(one.end)
    return group, ports[0], asking[0], asking[1]


def machine(cloud: Any, undo: ExitStack, name: str, network: Any, group: Any) -> Any:
    namespace = node_namespace(name)
    ensure_namespace(namespace, HOST_LIKE, print)
    undo.callback(remove_namespace, namespace, print)
    port = cloud.network.create_port(
        network_id=network.id,
        name=f"{NAME}-{name}",
        security_groups=[group.id],
        device_id=name,
        device_owner=NODE_OWNER,
        binding_host_id=CHASSIS,
    )
    undo.callback(cloud.network.delete_port, port.id)
    while cloud.network.get_port(port.id).status != "ACTIVE":
        time.sleep(0.2)
    return port


@contextmanager
def echo(namespace: str) -> Iterator[None]:
    command = ("nsenter", f"--net=/run/netns/{namespace}", sys.executable, "-c", ECHO)
    server = subprocess.Popen(command)
    try:
        yield
    finally:
        server.kill()
        server.wait()


def add_rule(cloud: Any, group: Any) -> None:
    cloud.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", ethertype="IPv4", protocol="udp"
    )


def remove_rule(cloud: Any, group: Any) -> None:
    found = cloud.network.security_group_rules(
        security_group_id=group.id, direction="ingress", protocol="udp"
    )
    for rule in list(found):
        cloud.network.delete_security_group_rule(rule.id)


def set_pair(cloud: Any, port: Any, address: str | None) -> None:
    pairs = [{"ip_address": address, "mac_address": POD_MAC}] if address else []
    cloud.network.update_port(port.id, allowed_address_pairs=pairs)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
