"""The lab as a whole: up, down, destroy, and status.

`up` adds what is missing and repairs what died, in parallel where possible. Only one command
changes the lab at a time.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kuryr_runbook.lab import (
    base_image,
    compute,
    host,
    openstack,
    ovn,
    ownership,
    pki,
    registry,
    uploading,
)
from kuryr_runbook.lab.compute.machines import interface_name
from kuryr_runbook.lab.kubernetes import binaries, cgroups, cluster, leftovers
from kuryr_runbook.lab.kubernetes.control_plane import Addresses, Nic
from kuryr_runbook.lab.network import namespaces, wires
from kuryr_runbook.lab.processes import ProgramState, Supervisor, memory
from kuryr_runbook.lab.programs import Lab, Progress
from kuryr_runbook.lab.remembering import Remembered, remember, remembered
from kuryr_runbook.lab.settings import (
    MASTER,
    PREFIX,
    REGISTRY,
    LabSettings,
    WorkerKind,
    node_namespace,
)
from kuryr_runbook.model.errors import LabError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The state of the lab."""

    complete: bool
    """Whether `up` finished; if not, some programs may be missing."""
    programs: tuple[ProgramState, ...]
    other_memory: int
    """Bytes (PSS) of pods, load balancers and supervisord."""

    @property
    def well(self) -> bool:
        """Whether everything is there and healthy."""
        return self.complete and all(state.well for state in self.programs)

    @property
    def memory(self) -> int:
        """Bytes (PSS) of the whole lab."""
        return self.other_memory + sum(state.memory for state in self.programs)


def up(settings: LabSettings, say: Progress) -> None:
    """Bring the lab up, from nothing or from any state in between.

    Before anything is changed, raises UsageError with everything that the machine is missing;
    later LabError when a part does not come up.
    """
    with ownership.exclusively("lab up"):
        if found := host.problems(settings):
            raise UsageError("\n  ".join(["the lab cannot run on this machine:", *found]))
        before = remembered(settings)
        refuse_changes(settings, before)
        ownership.claim(settings)
        remember(settings, complete=False)
        pki.ensure_ca(settings.pki)
        lab = Lab(settings=settings, processes=Supervisor(settings), say=say)
        with ThreadPoolExecutor(3) as pool:
            _up_parts(lab, pool)
        _remove_chassis(lab, before)
        _remove_workers(lab, before)
        remember(settings, complete=True)


def down(settings: LabSettings, say: Progress) -> None:
    """Stop every process of the lab; its state and namespaces stay, for a quick `up`."""
    with ownership.exclusively("lab down"):
        _refuse_another(settings)
        _end_processes(settings, say)


def destroy(settings: LabSettings, say: Progress) -> None:
    """Remove the lab, or whatever is left of it; only the cache stays."""
    with ownership.exclusively("lab destroy"):
        _refuse_another(settings)
        _end_processes(settings, say)
        say("removing the nodes")
        cluster.destroy(settings)
        say("removing namespaces and links")
        wires.destroy_wires(say)
        say(f"removing {settings.state}")
        leftovers.unmount_below(settings.state)
        if settings.state.exists():
            shutil.rmtree(settings.state)
        ownership.release()


def status(settings: LabSettings) -> Status | None:
    """The current state of the lab; None if there is none."""
    known = remembered(settings)
    if known is None:
        return None
    supervisor = Supervisor(settings)
    inhabitants = _in_cgroups() | frozenset(_in_namespaces())
    states = supervisor.states()
    listed = frozenset(pid for state in states for pid in state.pids)
    others = (inhabitants | supervisor.pids()) - listed
    return Status(complete=known.complete, programs=states, other_memory=memory(others))


def _up_parts(lab: Lab, pool: ThreadPoolExecutor) -> None:
    settings, say = lab.settings, lab.say
    fetched = pool.submit(binaries.ensure, settings, say)
    image = pool.submit(base_image.make, settings, say)
    wires.ensure_wires(settings, say)
    images = pool.submit(_up_registry, lab, image)
    ovn.up(lab)
    openstack.up(lab)
    for program in compute.programs(settings):
        say(f"compute: {program.name}")
        lab.processes.start(program)
    fetched.result()
    cluster.up(lab, _addresses(settings, openstack.read_tenant(settings)))
    images.result()


def _up_registry(lab: Lab, image: Future[Path]) -> None:
    lab.say(f"registry: at {REGISTRY}")
    registry.up(lab)
    uploading.upload(image.result(), lab.settings, lab.say)


def _addresses(settings: LabSettings, tenant: openstack.Tenant) -> Addresses:
    return Addresses(
        master=tenant.nodes[MASTER].address,
        floating=tenant.master_floating_ip,
        workers={name: port.address for name, port in tenant.nodes.items() if name != MASTER},
        nics={
            name: Nic(
                interface_name(tenant.nodes[name].port_id), tenant.nodes[name].mac, tenant.node_mtu
            )
            for name in settings.machine_names
        },
    )


def _remove_workers(lab: Lab, before: Remembered | None) -> None:
    """Remove the workers that the lab had but should no longer have."""
    had: Collection[str] = before.settings.worker_names if before else ()
    for name in had:
        if name not in lab.settings.worker_names:
            lab.say(f"removing {name}")
            cluster.remove_node(lab, name)
            if before and before.settings.kind(name) is not WorkerKind.UML:
                namespaces.remove_namespace(node_namespace(name), lab.say)


def _remove_chassis(lab: Lab, before: Remembered | None) -> None:
    """Undo what made workers chassis that should no longer be any."""
    had: Collection[str] = before.settings.chassis_names if before else ()
    for name in had:
        if name not in lab.settings.chassis_names:
            lab.say(f"removing {name} from the chassis of OVN")
            cluster.remove_chassis(lab, name)


def _end_processes(settings: LabSettings, say: Progress) -> None:
    say("stopping the programs")
    Supervisor(settings).shut_down()
    cluster.down(settings)
    # Load balancers, and anything left by a crash.
    namespaces.end_processes(_in_namespaces(), say)


def _in_namespaces() -> dict[int, str]:
    """Every process in the lab's network namespaces, each with its namespace."""
    names = namespaces.namespaces(PREFIX)
    return {pid: name for name in names for pid in namespaces.processes(name)}


def _in_cgroups() -> frozenset[int]:
    """Every process in the nodes' cgroups, including those of pods."""
    roots = cgroups.hierarchies()
    groups = cgroups.groups(PREFIX, roots)
    return frozenset(pid for group in groups for pid in cgroups.processes(group, roots))


def refuse_changes(settings: LabSettings, before: Remembered | None) -> None:
    """Refuse another release, whose databases differ, and workers that get or lose a kernel."""
    if before is None:
        return
    had = before.settings
    kinds = {
        name: (had.kind(name), settings.kind(name))
        for name in had.worker_names
        if name in settings.worker_names
    }
    differences = [
        f"{name} of this lab is of kind {was}, not {wanted}"
        for name, (was, wanted) in kinds.items()
        if was is not wanted and WorkerKind.UML in (was, wanted)
    ]
    if had.openstack != settings.openstack:
        differences.append(f"this lab runs OpenStack {had.openstack}, not {settings.openstack}")
    if differences:
        raise UsageError(
            "; ".join(differences), remedy="remove the lab first: `kuryr-runbook lab destroy`"
        )


def _refuse_another(settings: LabSettings) -> None:
    owner = ownership.owner()
    if owner is not None and owner != settings.state:
        raise LabError(
            f"this machine's lab has its state in {owner}, not in {settings.state}",
            remedy=f"set XDG_STATE_HOME={owner.parent.parent} for this command",
        )


class Elapsed:
    """Prints progress with the seconds since the beginning."""

    def __init__(self, say: Progress) -> None:
        self._say = say
        self._begin = time.monotonic()

    def __call__(self, message: str) -> None:
        """Print one line."""
        self._say(f"[{time.monotonic() - self._begin:6.1f} s] {message}")
