"""The cluster as a whole: bring it up, remove a worker, stop it, destroy it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from kuryr_runbook.lab.kubernetes import (
    binaries,
    cgroups,
    control_plane,
    leftovers,
    machines,
    nodes,
)
from kuryr_runbook.lab.kubernetes.control_plane import Addresses, Cluster
from kuryr_runbook.lab.kubernetes.settling import wait_settled
from kuryr_runbook.lab.ovn import chassis
from kuryr_runbook.lab.programs import Lab, Program
from kuryr_runbook.lab.settings import MASTER, PREFIX, LabSettings, node_namespace
from kuryr_runbook.model.errors import DeadlineError, LabError

REGISTER_SECONDS = 60.0
PAUSE_SECONDS = 0.2
KUBECTL_SECONDS = 20

_OWN_GROUP = re.compile(rf"{PREFIX}({MASTER}|worker\d+)")


def up(lab: Lab, addresses: Addresses) -> None:
    """Bring the cluster up, or repair it: healthy, unchanged programs are left alone.

    The nodes' network namespaces must be wired. At the end every worker is registered, but not
    Ready until Kuryr is installed, and the controllers have created their own objects. Raises
    LabError or DeadlineError with what was seen last.
    """
    nodes.check_place(lab.settings)
    cluster = _render(lab, addresses)
    _enable_controllers(lab.settings)
    # A kubelet looks for Docker for 5 s before it does anything, as long as the API server takes.
    with ThreadPoolExecutor(max_workers=1 + len(addresses.workers)) as pool:
        doing = [pool.submit(_up_control_plane, lab, cluster)]
        for name in addresses.workers:
            virtual = name in lab.settings.machine_names
            doing.append(pool.submit(_up_machine if virtual else _up_worker, lab, cluster, name))
    for done in doing:
        done.result()
    _wait_registered(cluster)
    wait_settled(lambda: _objects(cluster, "namespaces,serviceaccounts,configmaps"))
    lab.say(f"Kubernetes: control plane ready, {len(addresses.workers)} workers registered")


def programs(lab: Lab, addresses: Addresses) -> tuple[Program, ...]:
    """All programs of the cluster, in the order of their dependencies."""
    cluster = _render(lab, addresses)
    found = list(_enclosed(control_plane.programs(cluster), MASTER))
    for name in addresses.workers:
        worker = nodes.node(lab.settings, name)
        if name in lab.settings.machine_names:
            found.append(machines.program(worker, cluster))
        else:
            found += _enclosed(nodes.programs(worker, cluster), name)
    return tuple(found)


def remove_node(lab: Lab, name: str) -> None:
    """Remove a worker from the cluster, with all its pods."""
    worker = nodes.node(lab.settings, name)
    _stop_worker(lab, name)
    nodes.remove(worker, cgroups.hierarchies())
    found = binaries.ensure(lab.settings, lab.say)
    _kubectl(lab.settings, found, "delete", "node", name, "--ignore-not-found")


def remove_chassis(lab: Lab, name: str) -> None:
    """Make a worker no chassis of OVN any more."""
    chassis.remove(lab, nodes.node(lab.settings, name))


def down(settings: LabSettings) -> None:
    """End every process of the cluster, including pods; `up` starts from the state that is left.

    The supervisor must be down, or it would restart what is ended here.
    """
    roots = cgroups.hierarchies()
    for group in cgroups.groups(PREFIX, roots):
        if _OWN_GROUP.fullmatch(group):
            cgroups.remove(group, roots)
    _restore_controllers(settings)


def destroy(settings: LabSettings) -> None:
    """Remove the cluster and everything that it, or a crashed lab, has left behind.

    The supervisor must be down, or it would restart what is ended here.
    """
    down(settings)
    roots = cgroups.hierarchies()
    home = nodes.directory(settings)
    for directory in sorted(home.iterdir()) if home.is_dir() else ():
        nodes.remove(nodes.node(settings, directory.name), roots)
    leftovers.unmount_below(home)
    for left in (home, control_plane.etcd_directory(settings), control_plane.directory(settings)):
        shutil.rmtree(left, ignore_errors=True)
    settings.kubeconfig.unlink(missing_ok=True)


def _render(lab: Lab, addresses: Addresses) -> Cluster:
    return Cluster(
        settings=lab.settings,
        addresses=addresses,
        binaries=binaries.ensure(lab.settings, lab.say),
        credentials=control_plane.issue(lab.settings, addresses),
    )


def _enclosed(programs_of_node: tuple[Program, ...], name: str) -> tuple[Program, ...]:
    """The programs, each started inside the cgroup of its node."""
    entering = cgroups.entering(node_namespace(name), cgroups.hierarchies())
    return tuple(replace(p, command=(*entering, *p.command)) for p in programs_of_node)


def _up_control_plane(lab: Lab, cluster: Cluster) -> None:
    _check_wired(MASTER)
    cgroups.create(node_namespace(MASTER), cgroups.hierarchies())
    control_plane.write(cluster)
    for program in _enclosed(control_plane.programs(cluster), MASTER):
        lab.processes.start(program)


def _up_worker(lab: Lab, cluster: Cluster, name: str) -> None:
    _check_wired(name)
    worker = nodes.node(lab.settings, name)
    group = node_namespace(name)
    roots = cgroups.hierarchies()
    nodes.write(worker, cluster)
    if not nodes.furnished(worker):
        _stop_worker(lab, name)
        cgroups.remove(group, roots)
        leftovers.end_inhabitants(worker.mount_ns)
        leftovers.unmount_below(worker.directory)
        nodes.make_namespaces(worker)
    cgroups.create(group, roots)
    if name in lab.settings.chassis_names:
        chassis.up(lab, worker)
    containerd, kubelet = _enclosed(nodes.programs(worker, cluster), name)
    lab.processes.start(containerd)
    nodes.import_pause_image(worker, cluster)
    lab.processes.start(kubelet)


def _up_machine(lab: Lab, cluster: Cluster, name: str) -> None:
    worker = nodes.node(lab.settings, name)
    machines.write(worker, cluster)
    lab.say(f"{name}: booting a kernel of its own")
    lab.processes.start(machines.program(worker, cluster))


def _enable_controllers(settings: LabSettings) -> None:
    enabled = {str(root): cgroups.enable_controllers(root) for root in cgroups.hierarchies()}
    if any(enabled.values()):
        file = _enabled_controllers(settings)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(enabled))


def _restore_controllers(settings: LabSettings) -> None:
    file = _enabled_controllers(settings)
    if file.exists():
        for root, names in json.loads(file.read_text()).items():
            cgroups.disable_controllers(Path(root), names)
        file.unlink()


def _enabled_controllers(settings: LabSettings) -> Path:
    """File with the cgroup controllers that were not enabled before the lab."""
    return control_plane.directory(settings) / "enabled-controllers.json"


def _check_wired(name: str) -> None:
    netns = nodes.NETNS / node_namespace(name)
    if not netns.exists():
        raise LabError(
            f"{name} has no network namespace: expected {netns}",
            remedy="see `kuryr-runbook lab up`, which makes it",
        )


def _stop_worker(lab: Lab, name: str) -> None:
    worker = nodes.node(lab.settings, name)
    for program in (machines.program_name(worker), *reversed(worker.program_names)):
        lab.processes.stop(program)
    chassis.stop(lab, worker)


def _wait_registered(cluster: Cluster) -> None:
    deadline = time.monotonic() + REGISTER_SECONDS
    wanted = set(cluster.addresses.workers)
    while missing := wanted - _registered(cluster):
        if time.monotonic() > deadline:
            raise DeadlineError(
                f"not all workers registered within {REGISTER_SECONDS:.0f} s: "
                f"missing {', '.join(sorted(missing))}",
                remedy=f"see `kuryr-runbook lab logs kubelet-{min(missing)}`",
            )
        time.sleep(PAUSE_SECONDS)


def _registered(cluster: Cluster) -> set[str]:
    return {item["metadata"]["name"] for item in _objects(cluster, "nodes")}


def _objects(cluster: Cluster, kinds: str) -> list[Any]:
    """All objects of these kinds, in all namespaces."""
    options = ("--all-namespaces", "--output=json")
    text = _kubectl(cluster.settings, cluster.binaries, "get", kinds, *options)
    return list(json.loads(text)["items"])


def _kubectl(settings: LabSettings, found: binaries.Binaries, *arguments: str) -> str:
    """The output of kubectl, run in the master's namespace."""
    netns: Path = nodes.NETNS / node_namespace(MASTER)
    config = control_plane.inside_kubeconfig(settings)
    command = ("nsenter", f"--net={netns}", "--", str(found.kubectl), f"--kubeconfig={config}")
    answer = subprocess.run(
        (*command, f"--request-timeout={KUBECTL_SECONDS}s", *arguments),
        capture_output=True,
        text=True,
        timeout=2 * KUBECTL_SECONDS,
        check=False,
    )
    if answer.returncode != 0:
        raise LabError(
            f"kubectl {' '.join(arguments)} failed: {answer.stderr.strip()}",
            remedy="see `kuryr-runbook lab status`, and repair with `kuryr-runbook lab up`",
        )
    return answer.stdout
