"""Workers for real: cgroups and namespaces of a scratch one, and those of the running lab."""

import json
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from kuryr_runbook.lab.kubernetes import cgroups, control_plane, leftovers, nodes
from kuryr_runbook.lab.kubernetes.binaries import Binaries
from kuryr_runbook.lab.kubernetes.control_plane import Addresses, Cluster
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import LabError

pytestmark = pytest.mark.lab

SCRATCH = "test-node"
GROUP = "kr-test-node"


def processes_in_lab(settings: LabSettings, name: str) -> set[str]:
    pids = cgroups.processes(f"kr-{name}", cgroups.hierarchies())
    return {Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids}


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[nodes.Node]:
    """A worker with files but no programs, in a network namespace of its own."""
    settings = LabSettings(state=tmp_path / "state", cache=tmp_path / "cache")
    loopback = tmp_path / "debs/usr/lib/cni/loopback"
    busybox = tmp_path / "debs/bin/busybox"
    for file in (loopback, busybox):
        file.parent.mkdir(parents=True)
        file.write_text("program")
    address = IPv4Address("172.18.0.99")
    addresses = Addresses(master=address, floating=address, workers={SCRATCH: address})
    cluster = Cluster(
        settings=settings,
        addresses=addresses,
        binaries=Binaries(kubernetes=tmp_path, debian=tmp_path / "debs"),
        credentials=control_plane.issue(settings, addresses),
    )
    worker = nodes.node(settings, SCRATCH)
    subprocess.run(("ip", "netns", "add", GROUP), check=True)
    try:
        nodes.write(worker, cluster)
        yield worker
    finally:
        nodes.remove(worker, cgroups.hierarchies())
        subprocess.run(("ip", "netns", "del", GROUP), check=True)


def run_in(worker: nodes.Node, *command: str) -> str:
    return subprocess.run(
        (*worker.entering, *command), check=True, capture_output=True, text=True, timeout=30
    ).stdout


def test_a_furnished_worker_has_its_own_files_and_name(scratch: nodes.Node) -> None:
    assert not nodes.furnished(scratch)
    nodes.make_namespaces(scratch)
    assert nodes.furnished(scratch)
    assert run_in(scratch, "hostname").strip() == SCRATCH
    assert run_in(scratch, "ls", "/opt/cni/bin").split() == ["loopback"]
    assert run_in(scratch, "ls", "/etc/cni/net.d") == ""
    assert run_in(scratch, "cat", "/proc/sys/kernel/panic").strip() == "10"


def test_what_a_worker_writes_does_not_reach_the_host(scratch: nodes.Node) -> None:
    nodes.make_namespaces(scratch)
    for directory in ("/etc", "/opt", "/run", "/var/lib", "/var/log"):
        run_in(scratch, "touch", f"{directory}/kuryr-runbook-test")
        assert not Path(directory, "kuryr-runbook-test").exists()


def test_a_setup_that_fails_leaves_no_mount(scratch: nodes.Node) -> None:
    (scratch.directory / "setup.sh").write_text("set -eu\nmount --bind /nowhere /run\n")
    with pytest.raises(LabError, match="namespaces of test-node could not be made"):
        nodes.make_namespaces(scratch)
    text = leftovers.MOUNTINFO.read_text()
    assert leftovers.mounts_below(scratch.directory, text) == ()
    assert not nodes.furnished(scratch)


def test_removal_ends_processes_in_the_cgroup_and_in_the_namespace(scratch: nodes.Node) -> None:
    roots = cgroups.hierarchies()
    nodes.make_namespaces(scratch)
    cgroups.create(GROUP, roots)
    sleeping = ("sleep", "600")
    grouped = subprocess.Popen((*cgroups.entering(GROUP, roots), *sleeping))
    inside = subprocess.Popen((*scratch.entering, *sleeping))
    while grouped.pid not in cgroups.processes(GROUP, roots):
        assert grouped.poll() is None
    while inside.pid not in leftovers.inhabitants(scratch.mount_ns):
        assert inside.poll() is None
    nodes.remove(scratch, roots)
    assert (grouped.wait(10), inside.wait(10)) == (-9, -9)
    assert cgroups.groups(GROUP, roots) == ()
    assert leftovers.mounts_below(scratch.directory, leftovers.MOUNTINFO.read_text()) == ()
    assert not scratch.directory.exists()


def test_the_labs_workers_run_within_their_cgroups(settings: LabSettings) -> None:
    for name in settings.worker_names:
        assert {"containerd", "kubelet"} <= processes_in_lab(settings, name)
        assert nodes.furnished(nodes.node(settings, name))


def test_the_labs_control_plane_runs_within_the_masters_cgroup(settings: LabSettings) -> None:
    # The kernel cuts a process's name to 15 characters.
    assert {"etcd", "kube-apiserver", "kube-controller", "kube-scheduler"} <= processes_in_lab(
        settings, "master"
    )


def test_the_labs_admin_sees_every_worker_with_a_self_link(settings: LabSettings) -> None:
    config = json.loads(settings.kubeconfig.read_text())
    kubectl = settings.cache / "kubernetes-1.20.2-node/usr/bin/kubectl"
    command = (str(kubectl), f"--kubeconfig={settings.kubeconfig}", "get", "--raw", "/api/v1/nodes")
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    found = {item["metadata"]["name"]: item for item in json.loads(answer.stdout)["items"]}
    assert set(found) == set(settings.worker_names)
    assert all(item["metadata"]["selfLink"] for item in found.values())
    assert config["clusters"][0]["cluster"]["server"].endswith(":6443")
