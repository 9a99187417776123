"""The mesh's wall time for 4, 16 and 64 pods on the lab, beside a loop that pings pair by pair.

    python benchmarks/mesh.py [PODS]...

Wants a lab that is up with Kuryr installed (`make run`). The mesh asks all questions of the
verification, one command in each pod. The loop is what a shell script does: for every pod, for
every other pod, one command that pings once, and no other question. Of its pairs the first few are
executed and the rest is reckoned from them ("~"). Removes the workload at the end.

64 pods know more neighbours than Linux keeps by default, which `dmesg` tells. Before measuring them
raise `net.ipv4.neigh.default.gc_thresh2` and `gc_thresh3` by `sysctl -w`, to 8192 and 16384.
"""

from __future__ import annotations

import sys
from itertools import islice, permutations
from pathlib import Path
from time import perf_counter

from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.workload.probes import Answer, PodProbe, read_probes
from kuryr_runbook.snapshots.workload.verification import read_verification
from kuryr_runbook.snapshots.workload.workload import Workload, read_workload
from kuryr_runbook.specs.workload import Targets

SITE = Path(__file__).parents[1] / "parameters" / "lab.yaml"
SIZES = (4, 16, 64)
SAMPLE = 12
"""Pings of the loop that are executed: all of them with four pods."""


def started(pods: int) -> tuple[Verification, Workload, float]:
    """The workload with that many pods, and how long it took to get there."""
    site = read_site(SITE)
    section = site.verification.model_copy(update={"replicas": pods})
    phase = Verification(site.model_copy(update={"verification": section}))
    start = perf_counter()
    phase.carry_out(phase.make_plan())
    return phase, read_workload(phase.site, phase.cluster), perf_counter() - start


def mesh(phase: Verification, workload: Workload) -> tuple[float, int, int]:
    """Seconds, questions, and how many of them were not answered with yes."""
    snapshot = read_verification(phase.site, phase.cluster, phase.cloud)
    targets = Targets(
        pods=workload.running,
        cluster_ip=workload.cluster_ip,
        packet=0 if isinstance(snapshot.packet, Unreadable) else snapshot.packet,
        dns="",
    )
    start = perf_counter()
    probes = read_probes(phase.site, phase.cluster, targets)
    seconds = perf_counter() - start
    answers: list[Answer] = []
    for name, probe in probes.items():
        if not isinstance(probe, PodProbe):
            sys.exit(f"{name}: {probe.reason}")
        parts = (probe.pings, probe.large, probe.tcp)
        answers += [answer for part in parts for answer in part.values()]
        answers += [*probe.vip, probe.api]
    return seconds, len(answers), sum(answer.ok is not True for answer in answers)


def loop(phase: Verification, workload: Workload) -> tuple[float, int]:
    """Seconds of the pings that are executed, and how many those are."""
    pairs = list(islice(permutations(workload.running.items(), 2), SAMPLE))
    start = perf_counter()
    for (name, _), (_, address) in pairs:
        command = ["ping", "-c", "1", "-W", "5", address]
        phase.cluster.execute(phase.site.verification.namespace, name, command)
    return perf_counter() - start, len(pairs)


def main(sizes: list[int]) -> None:
    """Measure each size, and print a line for it."""
    print(
        "pods  workload up    mesh: questions  not yes  commands  seconds    loop: pings  seconds"
    )
    phase = None
    try:
        for pods in sizes:
            phase, workload, up = started(pods)
            if len(workload.running) != pods:
                sys.exit(f"{len(workload.running)} of {pods} pods run")
            seconds, questions, bad = mesh(phase, workload)
            looped, executed = loop(phase, workload)
            pairs = pods * (pods - 1)
            about = "~" if executed < pairs else " "
            print(
                f"{pods:4}  {up:9.1f} s  {questions:16}  {bad:7}  {pods:8}  {seconds:7.1f}"
                f"  {pairs:13}  {about}{looped / executed * pairs:8.1f}",
                flush=True,
            )
    finally:
        if phase is not None:
            phase.remove()


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or list(SIZES))
