"""Reading the ports of many pods: the list that diagnosis asks for, and a loop over `port show`.

    python benchmarks/port_show.py [PORTS]...

Wants the lab up. The ports (10 and 100 unless told) are made in a network of their own, and
removed. The loop of `openstack port show`, one process a port as in a shell, is timed for ten of
them, and the rest is reckoned from that. The first time the openstack CLI is installed, as for
`benchmarks/openstack_prep/measure.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "openstack_prep"))
from measure import environment

from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.lab import openstack
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.snapshots.cloud.state import FIELDS

SIZES = (10, 100)
SHOWN = 10
BULK = 100
"""Ports that one request makes."""


@contextmanager
def ports_of_pods(settings: LabSettings, count: int) -> Iterator[list[str]]:
    """So many ports in a network of their own; gives their ids."""
    with openstack.connect(settings, "k8s") as connection:
        network = connection.network.create_network(name="benchmark-ports")
        made: list[str] = []
        try:
            connection.network.create_subnet(
                network_id=network.id, ip_version=4, cidr="100.64.0.0/16", enable_dhcp=False
            )
            while len(made) < count:
                wanted = [
                    {"network_id": network.id, "name": f"default/pod-{number}"}
                    for number in range(len(made), min(len(made) + BULK, count))
                ]
                made += [port.id for port in connection.network.create_ports(wanted)]
            yield made
        finally:
            for port in made:
                connection.network.delete_port(port)
            connection.network.delete_network(network)


def main(sizes: list[int]) -> None:
    """Measure, and print a line for each size."""
    settings = LabSettings()
    program = environment() / "openstack"
    variables = {"OS_CLIENT_CONFIG_FILE": str(settings.clouds_yaml), "OS_CLOUD": "k8s"}
    print("ports   one list s   port show, each s   all of them s")
    for size in sizes:
        with ports_of_pods(settings, size) as ports:
            cloud = OpenStackClient("k8s", settings.clouds_yaml)
            cloud.list_resources("network")
            start = time.monotonic()
            cloud.list_resources("port", fields=FIELDS["port"])
            listed = time.monotonic() - start
            start = time.monotonic()
            for port in ports[:SHOWN]:
                subprocess.run(
                    [program, "port", "show", port, "-f", "json"],
                    check=True,
                    stdout=subprocess.DEVNULL,
                    env=os.environ | variables,
                )
            each = (time.monotonic() - start) / len(ports[:SHOWN])
        print(f"{size:5} {listed:12.2f} {each:19.2f} {each * size:15.0f}")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or list(SIZES))
