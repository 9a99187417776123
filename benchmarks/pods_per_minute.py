"""How many pods a minute get a network, without pools of ports and with them.

    python benchmarks/pods_per_minute.py SITE [PODS]

Wants a lab that is up with Kuryr installed by that site file, with nested-vlan or neutron-vif, and
`kuryr.resource_tags`. Phase 03 switches pools off and on. Each time pods are created twice, by
default 20 of them, without a Service: with pools the first ones find them empty, the second ones do
not. In the end pools are as in the site file. Figures are printed, nothing is asserted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter, sleep

from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.controller import Controller
from kuryr_runbook.phases.earlier.image import deployed_image, registry_login
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.phases.waits.rollout import wait_rolled_out
from kuryr_runbook.specs.workload import deployment_reference, workload_manifests

PODS = 20
LONGEST = 600.0
NOBODYS = {"Service", "RoleBinding"}
"""Kinds of the verification's workload that these pods do not need."""


def with_pools(site: Site, *, enabled: bool) -> Site:
    """The site, with pools switched on or off; its rules are asked again."""
    pool = site.kuryr.port_pool.model_dump() | {"enabled": enabled}
    sections = site.model_dump()
    sections["kuryr"]["port_pool"] = pool
    return Site.model_validate(sections)


def applied(site: Site) -> Controller:
    """Kuryr's controller runs by that site."""
    phase = Controller(site)
    phase.carry_out(phase.make_plan())
    return phase


def gone(phase: Controller, manifest: Manifest) -> None:
    """Delete an object, and wait until its pods are gone."""
    phase.cluster.delete(manifest)
    deadline = perf_counter() + LONGEST
    space = manifest["metadata"].get("namespace", manifest["metadata"]["name"])
    while phase.cluster.list_objects("v1", "Pod", namespace=space):
        if perf_counter() > deadline:
            sys.exit(f"the pods of {space} are not gone after {LONGEST:.0f} s")
        sleep(1)


def created(phase: Controller, pods: int) -> float:
    """Seconds until all of them are available."""
    section = phase.site.verification.model_copy(update={"replicas": pods})
    site = phase.site.model_copy(update={"verification": section})
    objects = workload_manifests(site, deployed_image(site), registry_login(site))
    *before, deployment = [item for item in objects if item["kind"] not in NOBODYS]
    for item in before:
        phase.cluster.apply(item)
    start = perf_counter()
    phase.cluster.apply(deployment)
    wait_rolled_out(phase.cluster, deployment, LONGEST)
    return perf_counter() - start


def main(path: Path, pods: int) -> None:
    """Measure, and print a line for each time."""
    site = read_site(path)
    phase = None
    try:
        for enabled in (False, True):
            phase = applied(with_pools(site, enabled=enabled))
            for wave in ("first", "second"):
                seconds = created(phase, pods)
                gone(phase, deployment_reference(phase.site))
                print(
                    f"{'with' if enabled else 'without'} pools, {wave} {pods} pods: "
                    f"{seconds:6.1f} s, {60 * pods / seconds:6.1f} pods a minute",
                    flush=True,
                )
                # The ports of pods that are gone return to their pools.
                sleep(site.kuryr.port_pool.update_seconds + 5)
    finally:
        if phase is not None:
            gone(phase, workload_manifests(phase.site, "", "")[0])
        applied(site)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else PODS)
