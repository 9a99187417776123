"""Workers that are virtual machines: their kinds, and the scripts that start them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from kuryr_runbook.lab import lifecycle
from kuryr_runbook.lab.kubernetes import control_plane, machines, nodes
from kuryr_runbook.lab.kubernetes.binaries import Binaries
from kuryr_runbook.lab.kubernetes.control_plane import Addresses, Cluster, Nic
from kuryr_runbook.lab.remembering import Remembered
from kuryr_runbook.lab.settings import LabSettings, WorkerKind
from kuryr_runbook.model.errors import UsageError

NAMESPACE, UML = WorkerKind.NAMESPACE, WorkerKind.UML
ADDRESS = IPv4Address("172.18.0.11")
NIC = Nic("p-0123456789a", "fa:16:3e:00:00:01", 1442)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    settings = LabSettings(
        state=tmp_path / "a state", cache=tmp_path / "cache", workers=1, worker_kinds=(UML,)
    )
    addresses = Addresses(
        master=IPv4Address("172.18.0.10"),
        floating=IPv4Address("198.51.100.23"),
        workers={"worker1": ADDRESS},
        nics={"worker1": NIC},
    )
    busybox = tmp_path / "debs/bin/busybox"
    busybox.parent.mkdir(parents=True)
    busybox.write_text("program")
    return Cluster(
        settings=settings,
        addresses=addresses,
        binaries=Binaries(kubernetes=Path("/k8s"), debian=tmp_path / "debs"),
        credentials=control_plane.issue(settings, addresses),
    )


@pytest.mark.parametrize(
    ("kinds", "machine_names"),
    [
        ((NAMESPACE,), ()),
        ((UML,), ("worker1", "worker2", "worker3")),
        ((NAMESPACE, UML), ("worker2", "worker3")),
        ((UML, NAMESPACE), ("worker1",)),
        ((NAMESPACE, NAMESPACE, NAMESPACE, UML), ()),
    ],
)
def test_the_last_kind_holds_for_all_that_follow(
    kinds: tuple[WorkerKind, ...], machine_names: tuple[str, ...]
) -> None:
    settings = LabSettings(workers=3, worker_kinds=kinds)
    assert settings.machine_names == machine_names
    assert set(settings.namespace_names) == {*settings.node_names} - {*machine_names}


def test_a_worker_does_not_change_its_kind() -> None:
    had = LabSettings(workers=2)
    before = Remembered(settings=had, complete=True)
    lifecycle.refuse_changes(
        replace(had, workers=3, worker_kinds=(NAMESPACE, NAMESPACE, UML)), before
    )
    with pytest.raises(UsageError, match="worker2 of this lab is of kind namespace, not uml"):
        lifecycle.refuse_changes(replace(had, worker_kinds=(NAMESPACE, UML)), before)
    with pytest.raises(UsageError, match=r"runs OpenStack 2025\.2, not 2026\.1"):
        lifecycle.refuse_changes(replace(had, openstack="2026.1"), before)


def test_the_scripts_are_shell_and_name_what_the_worker_is(cluster: Cluster) -> None:
    worker = nodes.node(cluster.settings, "worker1")
    machines.write(worker, cluster)
    boot, init = (worker.directory / name for name in ("boot.sh", "init.sh"))
    for script in (boot, init):
        subprocess.run(("bash", "-n", str(script)), check=True)
    assert f"'{init}'" in boot.read_text()
    text = init.read_text()
    for line in (
        "hostname worker1",
        "ip address add 172.18.0.11/24 dev ens3",
        "ip link set ens3 mtu 1442 up",
        "ip route add default via 172.18.0.1",
    ):
        assert line in text.splitlines()
    assert '"cgroupRoot": "/"' in (worker.directory / "kubelet.json").read_text()


def test_the_machine_has_the_hypervisors_tap_and_its_ports_mac_address(cluster: Cluster) -> None:
    worker = nodes.node(cluster.settings, "worker1")
    program = machines.program(worker, cluster)
    assert program.command[-1] == "eth0=tuntap,p-0123456789a,fa:16:3e:00:00:01"
    assert f"init={worker.directory / 'boot.sh'}" in program.command
    assert program.address == "https://172.18.0.11:10250"
