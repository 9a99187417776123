"""Wall time and memory of the main job on the lab; figures are printed, nothing is asserted.

    python benchmarks/lab_times.py [cycles]

Brings the lab up (warm, when its caches are there), runs the five phases, tells the memory of the
whole lab with Kuryr, tears down; and repeats run and teardown as often as asked (default: once).
After each teardown cloud and cluster are compared with what they held after the first one (before
that Neutron had not made the projects' default groups yet); the benchmark ends at the first failure
or leftover. Leaves the lab up. For a cold start remove ~/.cache/kuryr-runbook before.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.lab import lifecycle
from kuryr_runbook.lab.settings import LabSettings

TREE = Path(__file__).parents[1]
sys.path.insert(0, str(TREE / "tests"))
from worlds.lab import changes, world  # noqa: E402  the tests' own comparison

SITE = TREE / "parameters" / "lab.yaml"
MEBIBYTE = 1024 * 1024


def timed(*command: str) -> float:
    """Seconds that the command took; ends the benchmark when it failed."""
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return seconds


def main(cycles: int) -> None:
    """Measure, and print a line for each figure."""
    cli = [sys.executable, "-c", "from kuryr_runbook.cli import main; main()"]
    print(f"lab up                 {timed(*cli, 'lab', 'up'):6.1f} s")
    print(f"lab up again           {timed(*cli, 'lab', 'up'):6.1f} s")
    settings = LabSettings()
    cloud = OpenStackClient("k8s", settings.clouds_yaml)
    cluster = KubernetesClient(settings.kubeconfig)
    bare: dict[str, dict[str, str]] = {}
    runs, teardowns = [], []
    with tempfile.TemporaryDirectory() as folder:
        for cycle in range(cycles):
            where = ("--site", str(SITE), "--yes", "--run-dir")
            runs.append(timed(*cli, "run", *where, f"{folder}/run{cycle}"))
            if cycle == 0:
                print(f"second run             {timed(*cli, 'run', *where, f'{folder}/2'):6.1f} s")
                status = lifecycle.status(settings)
                if status is not None:
                    print(f"memory with Kuryr      {status.memory / MEBIBYTE:6.0f} MiB (PSS)")
            teardowns.append(timed(*cli, "teardown", *where, f"{folder}/teardown{cycle}"))
            now = world(cloud, cluster)
            bare = bare or now
            if left := changes(bare, now):
                sys.exit("left over, or gone:\n" + "\n".join(left))
            print(f"cycle {cycle + 1:2}: run {runs[-1]:6.1f} s, teardown {teardowns[-1]:6.1f} s")
    for name, seconds in (("run", runs), ("teardown", teardowns)):
        low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
        print(f"{name:8} min {low:6.1f}  median {middle:6.1f}  max {high:6.1f} s, {cycles} times")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
