"""What the cluster's programs are told: flags, files, kubeconfigs, the pause image."""

import base64
import hashlib
import io
import json
import subprocess
import tarfile
import tomllib
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509

from kuryr_runbook.lab.kubernetes import (
    cgroups,
    control_plane,
    kubeconfig,
    leftovers,
    node_files,
    nodes,
    pause,
)
from kuryr_runbook.lab.kubernetes.binaries import Binaries
from kuryr_runbook.lab.kubernetes.control_plane import Addresses, Cluster
from kuryr_runbook.lab.programs import HttpHealth, Program
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import LabError

MASTER = IPv4Address("172.18.0.10")
FLOATING = IPv4Address("198.51.100.23")
WORKER = IPv4Address("172.18.0.11")
HYBRID = """\
proc /proc proc rw 0 0
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
"""
UNIFIED = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n"
MOUNTINFO = """\
22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw
40 22 254:0 /s /state/nodes/worker1/ns rw - ext4 /dev/vda rw
41 40 0:4 mnt:[1] /state/nodes/worker1/ns/mnt rw - nsfs nsfs rw
42 22 254:0 /x /state/nodes/worker10 rw - ext4 /dev/vda rw
43 22 254:0 /y /state/nodes/worker1/a\\040b rw - ext4 /dev/vda rw
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    settings = LabSettings(state=tmp_path / "state", cache=tmp_path / "cache")
    addresses = Addresses(master=MASTER, floating=FLOATING, workers={"worker1": WORKER})
    return Cluster(
        settings=settings,
        addresses=addresses,
        binaries=Binaries(kubernetes=Path("/k8s"), debian=Path("/debs")),
        credentials=control_plane.issue(settings, addresses),
    )


def options(program: Program) -> dict[str, str]:
    pairs = (flag.removeprefix("--").partition("=") for flag in program.command[1:])
    return {name: value for name, _, value in pairs}


def test_the_control_plane_starts_in_order_in_the_masters_namespace(cluster: Cluster) -> None:
    programs = control_plane.programs(cluster)
    assert [program.name for program in programs] == [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ]
    assert {program.netns for program in programs} == {"kr-master"}


def test_the_api_server_is_what_kuryr_stein_needs(cluster: Cluster) -> None:
    flags = options(control_plane.programs(cluster)[1])
    assert flags["feature-gates"] == "RemoveSelfLink=false"
    assert flags["service-cluster-ip-range"] == "10.2.0.0/25"
    assert flags["authorization-mode"] == "Node,RBAC"
    assert flags["advertise-address"] == str(MASTER)
    assert "anonymous-auth" not in flags


def test_the_api_servers_certificate_names_every_way_to_it(cluster: Cluster) -> None:
    pem = cluster.credentials.server.cert.read_bytes()
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    addresses = {str(address) for address in names.value.get_values_for_type(x509.IPAddress)}
    assert addresses == {"127.0.0.1", "10.2.0.1", str(MASTER), str(FLOATING)}
    assert "kubernetes.default.svc" in names.value.get_values_for_type(x509.DNSName)


def test_no_program_is_asked_for_its_health_without_a_certificate(cluster: Cluster) -> None:
    for program in control_plane.programs(cluster)[1:]:
        assert isinstance(program.health, HttpHealth)
        assert program.health.url.startswith("https://127.0.0.1:")
        assert program.health.certificate == cluster.credentials.admin.cert


def test_the_admins_kubeconfig_is_private_and_goes_by_the_floating_ip(cluster: Cluster) -> None:
    control_plane.write(cluster)
    file = cluster.settings.kubeconfig
    config = json.loads(file.read_text())
    assert config["clusters"][0]["cluster"]["server"] == f"https://{FLOATING}:6443"
    held = base64.b64decode(config["users"][0]["user"]["client-key-data"])
    assert held == cluster.credentials.admin.key.read_bytes()
    assert file.stat().st_mode & 0o077 == 0


def test_a_referring_kubeconfig_holds_no_key(cluster: Cluster) -> None:
    text = kubeconfig.referring("https://x", cluster.credentials.ca, cluster.credentials.admin)
    assert "-data" not in text
    assert json.loads(text)["users"][0]["user"]["client-key"] == str(cluster.credentials.admin.key)


def test_containerd_uses_the_nodes_paths_and_trusts_the_registry(cluster: Cluster) -> None:
    config = tomllib.loads(node_files.containerd_config(cluster.binaries))
    cri = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["restrict_oom_score_adj"]
    assert cri["sandbox_image"] == node_files.PAUSE_IMAGE
    assert cri["registry"]["config_path"] == "/run/node/certs.d"
    hosts = tomllib.loads(node_files.registry_hosts(cluster.settings))
    (host,) = hosts["host"].values()
    assert host["ca"] == str(cluster.settings.ca)


def test_the_kubelet_has_its_own_cgroup_and_no_disk_thresholds(cluster: Cluster) -> None:
    worker = nodes.node(cluster.settings, "worker1")
    config = json.loads(nodes.files(worker, cluster)["kubelet.json"])
    assert config["cgroupRoot"] == "/kr-worker1"
    assert set(config["evictionHard"]) == {"memory.available"}
    assert config["authentication"]["anonymous"] == {"enabled": False}


def test_a_worker_is_run_in_its_three_namespaces(cluster: Cluster) -> None:
    worker = nodes.node(cluster.settings, "worker1")
    containerd, kubelet = nodes.programs(worker, cluster)
    for program in (containerd, kubelet):
        assert program.netns == "kr-worker1"
        assert program.mount_ns == worker.mount_ns
        assert program.uts_ns == worker.uts_ns
    assert options(kubelet)["node-ip"] == str(WORKER)
    assert options(kubelet)["hostname-override"] == "worker1"


def test_a_changed_file_changes_the_program_that_reads_it(cluster: Cluster) -> None:
    worker = nodes.node(cluster.settings, "worker1")
    moved = Cluster(
        settings=cluster.settings,
        addresses=Addresses(master=WORKER, floating=FLOATING, workers={"worker1": WORKER}),
        binaries=cluster.binaries,
        credentials=cluster.credentials,
    )
    assert nodes.programs(worker, cluster) == nodes.programs(worker, cluster)
    assert nodes.programs(worker, cluster) != nodes.programs(worker, moved)


def test_the_setup_script_is_shell_and_stops_at_the_first_failure(cluster: Cluster) -> None:
    script = node_files.setup_script("worker1", Path("/a state/worker1"), cluster.binaries)
    subprocess.run(("sh", "-n"), input=script, text=True, check=True, timeout=10)
    assert script.startswith("set -eu\n")
    assert "mount --bind '/a state/worker1' /run/node\n" in script
    assert script.index("mount --make-rshared /") < script.index("mount -t tmpfs")


def test_a_state_below_run_is_refused(tmp_path: Path) -> None:
    nodes.check_place(LabSettings(state=tmp_path, cache=tmp_path))
    with pytest.raises(LabError, match="state directory is /run/lab"):
        nodes.check_place(LabSettings(state=Path("/run/lab"), cache=tmp_path))


def test_the_pause_image_is_consistent(tmp_path: Path) -> None:
    program, file = tmp_path / "busybox", tmp_path / "pause.tar"
    program.write_bytes(b"program")
    pause.write_archive(file, program, "pause:1")
    with tarfile.open(file) as tar:
        content = {m.name: f.read() for m in tar if (f := tar.extractfile(m))}
    (manifest,) = json.loads(content["manifest.json"])
    config = content[manifest["Config"]]
    assert manifest["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
    layer = content["layer.tar"]
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    assert json.loads(config)["rootfs"]["diff_ids"] == [digest]
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        entry = json.loads(config)["config"]["Entrypoint"][0].removeprefix("/")
        assert tar.getmember(entry).mode == 0o755


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        (
            HYBRID,
            (
                "/sys/fs/cgroup/cpu,cpuacct",
                "/sys/fs/cgroup/systemd",
                "/sys/fs/cgroup/unified",
            ),
        ),
        (UNIFIED, ("/sys/fs/cgroup",)),
    ],
)
def test_every_cgroup_hierarchy_is_found(mounts: str, expected: tuple[str, ...]) -> None:
    assert cgroups.hierarchies(mounts) == tuple(map(Path, expected))


def test_controllers_of_the_unified_hierarchy_are_enabled_once(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu memory rdma pids\n")
    switch = tmp_path / "cgroup.subtree_control"
    switch.write_text("memory pids\n")
    assert cgroups.enable_controllers(tmp_path) == ("cpu", "cpuset")
    assert switch.read_text() == "+cpu +cpuset"
    switch.write_text("cpu cpuset memory pids\n")
    assert cgroups.enable_controllers(tmp_path) == ()


def test_a_v1_hierarchy_has_nothing_to_enable(tmp_path: Path) -> None:
    assert cgroups.enable_controllers(tmp_path) == ()


def test_mounts_below_a_directory_are_found_last_first() -> None:
    assert leftovers.mounts_below(Path("/state/nodes/worker1"), MOUNTINFO) == (
        Path("/state/nodes/worker1/a b"),
        Path("/state/nodes/worker1/ns/mnt"),
        Path("/state/nodes/worker1/ns"),
    )
