"""The OpenStack preparation of phase 02 for the lab's site, done in several ways, in turn.

    python benchmarks/openstack_prep/measure.py [rounds]

Wants the lab up and without Kuryr (`kuryr-runbook teardown`), and an interpreter that has the
runbook with its extra `lab`. The first time it installs Ansible and the openstack CLI, pinned in
requirements.txt, into an environment below the user's cache directory (a few minutes, 650 MB).

Each round (default: 3) takes each way in turn: a first run on the lab's cloud as it was, a second
run on what the first left, a look of the runbook's own plan at the result, and removal. What the
plan would still change is printed: all ways have to end at the same.

- Ansible: playbook.yml, with the modules of openstack.cloud.
- openstack CLI: cli.py, one list for each type, one command for each object that is missing.
- SDK, one by one: sdk.py, find, then create, with openstacksdk's own waits.
- phase, process: phase.py, the runbook's phase, called in a plain process.
- phase, notebook: `kuryr-runbook run --only openstack_prep`, which also checks what it made.
- phase, cells: in a run of the phase after that before it, the cells that plan and apply.
- floor: floor.py, the fewest requests possible.

Wall time and CPU are those of the way's process and of all that it started, interpreter and
imports included; of the cells it is their own time, as a run's kernel has imported what they need
while the phase before worked. Requests are counted at http.client in each of these processes
(counting/sitecustomize.py): all ways stand on it, while the servers' own logs name no request, and
Octavia, middleware and fabric ask the same servers at the same time. Requests to Keystone, Neutron
and Octavia count, the phase's three to Kubernetes do not; mutating are all but GET, apart from
tokens. Figures are medians, with smallest and largest wall time; nothing is asserted.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import yaml
from cloud import Cloud
from work import work_of

from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.openstack_prep import OpenStackPrep

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SITE = ROOT / "parameters" / "lab.yaml"
RUN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do the work."""

    name: str
    command: Sequence[str]
    notebook: str = ""
    """Where its cells tell how long they took; else the whole command counts."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took."""

    wall: float
    cpu: float
    requests: Sequence[tuple[str, str]]
    """Method and path of each."""

    @property
    def tokens(self) -> int:
        return self.requests.count(("POST", "/v3/auth/tokens"))

    @property
    def mutating(self) -> int:
        return sum(method != "GET" for method, _ in self.requests) - self.tokens


def environment() -> Path:
    """The folder of the programs of requirements.txt; installed when they are not there yet."""
    wanted = (HERE / "requirements.txt").read_bytes()
    name = f"benchmark-{hashlib.sha256(wanted).hexdigest()[:12]}"
    folder = platformdirs.user_cache_path("kuryr-runbook") / name
    complete = folder / "complete"
    if not complete.exists():
        print(f"installing Ansible and the openstack CLI into {folder}")
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r"]
        subprocess.run([*pip, str(HERE / "requirements.txt")], check=True)
        complete.touch()
    return folder / "bin"


def ways(programs: Path, work: Path) -> list[Way]:
    """All of them; each runs in an empty folder."""
    python, runbook = sys.executable, "from kuryr_runbook.cli import main; main()"
    playbook = (str(programs / "ansible-playbook"), "-i", "localhost,", "-e", f"@{work}")
    run = (python, "-c", runbook, "run", "--site", str(SITE), "--yes", "--run-dir", "run")
    only = (*run, "--only", "openstack_prep")
    after = (*only, "--only", "image_build")
    return [
        Way("Ansible", (*playbook, str(HERE / "playbook.yml"))),
        Way("openstack CLI", (str(programs / "python"), str(HERE / "cli.py"), str(work))),
        Way("SDK, one by one", (python, str(HERE / "sdk.py"), str(work))),
        Way("phase, process", (python, str(HERE / "phase.py"), str(SITE))),
        Way("phase, notebook", only),
        Way("phase, cells", after, notebook="run/02_openstack_prep.ipynb"),
        Way("floor", (python, str(HERE / "floor.py"), str(work))),
    ]


def measured(way: Way, variables: dict[str, str]) -> Run:
    """Do the work once, in a folder of its own; ends the benchmark when the way fails."""
    with tempfile.TemporaryDirectory() as folder:
        counted = Path(folder, "counted")
        counted.touch()
        before, start = _child_cpu(), time.monotonic()
        done = subprocess.run(
            way.command,
            cwd=folder,
            env={**os.environ, **variables, "COUNTED_FILE": str(counted), "ANSIBLE_HOME": folder},
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        wall, cpu = time.monotonic() - start, _child_cpu() - before
        if done.returncode:
            sys.exit(f"{way.name}: status {done.returncode}\n{done.stdout}{done.stderr}")
        lines = counted.read_text().splitlines()
        if way.notebook:
            wall = _cells_seconds(Path(folder, way.notebook))
    requests = [(line.split()[0], line.split()[1]) for line in lines]
    return Run(wall, cpu, requests)


def _cells_seconds(notebook: Path) -> float:
    """What planning and applying took, with all that they show."""
    cells = json.loads(notebook.read_text())["cells"]
    took = {cell["id"]: cell["metadata"]["papermill"]["duration"] for cell in cells}
    return float(took["plan"] + took["apply"])


def _child_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tell_differences(way: Way, sections: dict[str, Any]) -> None:
    """Print what the runbook's plan would still change after the way; nothing when it is done."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            changes = OpenStackPrep(Site.model_validate(sections)).make_plan().changes
    except RunbookError as error:
        print(f"{way.name}: the runbook refuses the result: {error}")
        return
    for step in changes:
        print(f"{way.name}: the runbook would {step.action} {step.target}: {step.because}")


def print_table(runs: dict[Way, tuple[list[Run], list[Run]]]) -> None:
    """A line for each way and run."""
    print(f"{'':16} {'run':6} {'wall s':>8} {'min':>6} {'max':>6}", end="")
    print(f" {'CPU s':>7} {'requests':>8} {'mutating':>8} {'tokens':>6}")
    middle = statistics.median
    for way, both in runs.items():
        for which, each in zip(("first", "second"), both, strict=True):
            walls = [run.wall for run in each]
            print(f"{way.name:16} {which:6} {middle(walls):8.2f}", end="")
            print(f" {min(walls):6.2f} {max(walls):6.2f}", end="")
            print(f" {middle(run.cpu for run in each):7.2f}", end="")
            print(f" {middle(len(run.requests) for run in each):8g}", end="")
            print(f" {middle(run.mutating for run in each):8g}", end="")
            print(f" {middle(run.tokens for run in each):6g}")


def main(rounds: int) -> None:
    """Measure, and print the table."""
    programs = environment()
    sections = yaml.safe_load(SITE.read_text())
    site = OpenStackPrep(Site.model_validate(sections)).site
    work = work_of(site)
    cloud = Cloud(site, work)
    if there := [path for path, ids in cloud.made().items() if ids]:
        sys.exit(f"there are {', '.join(there)} already: run `kuryr-runbook teardown` first")
    variables = {
        "COUNTED_HOST": cloud.host,
        "OS_CLIENT_CONFIG_FILE": str(site.openstack.clouds_yaml),
        "OS_CLOUD": site.openstack.cloud,
        "PYTHONPATH": f"{HERE / 'counting'}{os.pathsep}{ROOT}",
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "work.json")
        file.write_text(json.dumps(work))
        runs: dict[Way, tuple[list[Run], list[Run]]] = {
            way: ([], []) for way in ways(programs, file)
        }
        for _ in range(rounds):
            for way, (first, second) in runs.items():
                try:
                    first.append(measured(way, variables))
                    second.append(measured(way, variables))
                    tell_differences(way, sections)
                finally:
                    cloud.remove()
                last = f"{first[-1].wall:.2f} s, then {second[-1].wall:.2f} s"
                print(f"{way.name}: {last}", file=sys.stderr)
    print_table(runs)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
