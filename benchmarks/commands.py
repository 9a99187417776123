"""How long commands take that only read: `python benchmarks/commands.py [SITE FILE] [RUNS]`.

Of several runs the shortest of each counts: the others were disturbed by something else. User CPU
time says what a faster cloud would not change; it hardly depends on what else the machine does.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time

RUNS = 5
COMPILED = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": "build/bytecode"}
"""As where pip installed the package, and compiled it; here the first run does that."""
COMMANDS = ("--help", "plan", "diagnose", "diagnose -o json")
CALL = "from kuryr_runbook.cli import main; main(prog_name='kuryr-runbook')"


def measured(command: str, site: str) -> tuple[float, float, int]:
    """Wall time and user CPU time in seconds, and the exit status of one run."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", CALL, *command.split()],
        env={**os.environ, **COMPILED, "KURYR_RUNBOOK_SITE": site},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    wall = time.perf_counter() - began
    return wall, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, done.returncode


def main(site: str = "parameters/lab.yaml", runs: str = str(RUNS)) -> None:
    print(f"{'command':<20}{'wall s':>8}{'user s':>8}  exit status")
    for command in COMMANDS:
        found = [measured(command, site) for _ in range(int(runs))]
        wall, user = min(it[0] for it in found), min(it[1] for it in found)
        statuses = ", ".join(sorted({str(it[2]) for it in found}))
        print(f"{command:<20}{wall:8.2f}{user:8.2f}  {statuses}")


if __name__ == "__main__":
    main(*sys.argv[1:])
