"""What a diagnosis costs for 100, 1,000 and 10,000 pods: time, memory, lists that are asked for.

    python benchmarks/diagnosis.py [PODS]...

Each size runs in processes of its own, so that the memory is that of this size: one makes a world,
reads it as diagnosis reads real APIs (without a network between), and saves the snapshot; another
loads that and diagnoses it. The world has ten pods a Service and a hundred a node.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SIZES = (100, 1_000, 10_000)


def measured(pods: int, file: Path) -> dict[str, Any]:
    """What both processes say."""
    told: dict[str, Any] = {"pods": pods}
    for part in ("read", "diagnose"):
        command = [sys.executable, __file__, part, str(pods), str(file)]
        told |= json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return told


def read(pods: int, file: Path) -> dict[str, Any]:
    """Make the world, read it, save the snapshot."""
    from worlds.world import World

    from kuryr_runbook.snapshots.diagnosis import save_snapshot

    world = World(pods)
    start = perf_counter()
    snapshot = world.read()
    seconds = perf_counter() - start
    save_snapshot(snapshot, file)
    members = world.asked.count("member")
    return {
        "read_s": seconds,
        "lists": len(world.asked) - members,
        "members": members,
        "file_mb": file.stat().st_size / 1e6,
    }


def diagnose(pods: int, file: Path) -> dict[str, Any]:
    """Load the snapshot, and diagnose it twice: healthy, and with the rule of all pods gone."""
    from dataclasses import replace

    from kuryr_runbook.checking.diagnosis import check_diagnosis
    from kuryr_runbook.checking.view.cloud import Look
    from kuryr_runbook.snapshots.diagnosis import load_snapshot

    start = perf_counter()
    snapshot = load_snapshot(file)
    loaded = perf_counter()
    healthy = check_diagnosis(Look(snapshot))
    checked = perf_counter()
    sick = replace(snapshot, cloud=replace(snapshot.cloud, ports=()))
    causes = check_diagnosis(Look(sick))
    end = perf_counter()
    assert not [it for it in healthy if it.status not in ("pass", "skip")]
    assert [it for it in causes if len(it.victims) >= pods]
    return {
        "load_s": loaded - start,
        "diagnose_s": checked - loaded,
        "sick_s": end - checked,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main(arguments: list[str]) -> None:
    if arguments and arguments[0] in ("read", "diagnose"):
        part = {"read": read, "diagnose": diagnose}[arguments[0]]
        print(json.dumps(part(int(arguments[1]), Path(arguments[2]))))
        return
    print("  pods   read s  load s  diagnose s  all sick s  peak MB  file MB  lists  of members")
    with tempfile.TemporaryDirectory() as directory:
        for pods in map(int, arguments) if arguments else SIZES:
            it = measured(pods, Path(directory) / "snapshot.json")
            print(
                f"{it['pods']:6}  {it['read_s']:7.2f} {it['load_s']:7.2f}  {it['diagnose_s']:10.2f}"
                f"  {it['sick_s']:10.2f}  {it['peak_mb']:7.0f}  {it['file_mb']:7.1f}"
                f"  {it['lists']:5}  {it['members']:10}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
