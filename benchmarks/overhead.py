"""What notebooks add to a run: their calls in a run, against the same calls in a plain script.

    python benchmarks/overhead.py [--lab] [--rounds N] [--seconds S]

Printed are medians, and the difference; nothing is asserted. First `kuryr-runbook --help` against
`python -c pass`. Then, in turn:

- the notebooks by `kuryr-runbook run`: with kernels, live output, HTML and record;
- a plain script: the sources of the same cells, one after the other in one process.

Without `--lab`, small notebooks stand in for the phases': each imports what its phase imports, and
sleeps for S seconds (default: 3) as a phase that waits for its servers; the lock is a Lease in
memory. With it, the project's own run on the lab, which has to be up: once to install Kuryr, and
then each round finds it installed. As the time of the verification's workload varies, the phases
before it are compared by themselves, too. Preflight is left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import nbformat
import yaml

TREE = Path(__file__).parents[1]
TESTS = TREE / "tests"
sys.path.insert(0, str(TESTS))
from runs.small import write_notebook  # noqa: E402

from kuryr_runbook.phases.catalogue import PHASES, PhaseEntry  # noqa: E402

SITE = TREE / "parameters" / "lab.yaml"
FIVE = PHASES[1:]
HELP_ROUNDS = 10
CLI = (sys.executable, "-c", "from kuryr_runbook.cli import main; main()")

RUN_IN_MEMORY = f"""
import io, sys
from pathlib import Path
sys.path.insert(0, {str(TESTS)!r})
from worlds.memory_leases import MemoryLeases
from kuryr_runbook.display.live import LiveProgress
from kuryr_runbook.phases.catalogue import PHASES
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.running.request import RunRequest
from kuryr_runbook.running.runs import run_phases

site, notebooks, run_dir = map(Path, sys.argv[1:])
request = RunRequest(
    site=read_site(site),
    site_file=site,
    phases=PHASES[1:],
    run_dir=run_dir,
    notebooks=notebooks,
    leases=lambda site: MemoryLeases(),
)
with LiveProgress(io.StringIO()) as progress:
    sys.exit(run_phases(request, progress).exit_code)
"""

Commands = Callable[[Path], Sequence[str]]
"""From a new folder to a command that may write into it."""


def timed(command: Sequence[str], folder: Path) -> float:
    """Seconds that the command took; ends the benchmark when it failed."""
    start = time.monotonic()
    state = {"XDG_STATE_HOME": str(folder / "state")} if "--lab" not in sys.argv else {}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(TREE), **os.environ, **state},
    )
    seconds = time.monotonic() - start
    if done.returncode:
        sys.exit(f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return seconds


def in_turn(ways: dict[str, Commands], rounds: int) -> dict[str, float]:
    """The median of each way; none profits from what the one before left in caches."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, command in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                seconds[name].append(timed(command(Path(folder)), Path(folder)))
    return {name: statistics.median(found) for name, found in seconds.items()}


def report(title: str, medians: dict[str, float]) -> None:
    print(title)
    for name, seconds in medians.items():
        print(f"  {name:28} {seconds:8.3f} s")
    first, second = medians.values()
    print(f"  {'difference':28} {first - second:8.3f} s, {first / second:.1f} times")


def plain_script(phases: Sequence[PhaseEntry], notebooks: Path, script: Path) -> None:
    """The cells of the phases' notebooks, with the site's parameters, as one script."""
    parameters = {
        name: value
        for name, value in yaml.safe_load(SITE.read_text()).items()
        if name not in ("record",)
    }
    script.write_text("\n".join(_parts(phases, notebooks, parameters)))


def _parts(
    phases: Sequence[PhaseEntry], notebooks: Path, parameters: dict[str, object]
) -> Iterator[str]:
    for phase in phases:
        notebook = nbformat.read(notebooks / phase.notebook, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                yield cell.source
            if "parameters" in cell.metadata.get("tags", []):
                yield from (f"{name} = {value!r}" for name, value in parameters.items())


def small_notebooks(folder: Path, seconds: float) -> None:
    for phase in FIVE:
        write_notebook(
            folder / phase.notebook,
            f"from kuryr_runbook.phases.{phase.name} import {phase.class_name}",
            "import openstack as _, kubernetes as _",
            f"import time\ntime.sleep({seconds})\nprint('done')",
        )


def lab_run(phases: Sequence[PhaseEntry], place: Path) -> Sequence[str]:
    only = [part for phase in phases for part in ("--only", phase.name)]
    return (*CLI, "run", "--site", str(SITE), *only, "--yes", "--run-dir", str(place / "run"))


def memory_run(notebooks: Path, place: Path) -> Sequence[str]:
    run_dir = str(place / "run")
    return (sys.executable, "-c", RUN_IN_MEMORY, str(SITE), str(notebooks), run_dir)


def compare(
    title: str, phases: Sequence[PhaseEntry], notebooks: Path, run: Commands, rounds: int
) -> None:
    """The notebooks of these phases in a run, and their cells as one script."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.py")
        plain_script(phases, notebooks, script)
        ways = {"the notebooks": run, "a plain script": lambda _: (sys.executable, str(script))}
        report(title, in_turn(ways, rounds))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--lab", action="store_true")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=3.0)
    chosen = options.parse_args()
    helps = {
        "kuryr-runbook --help": lambda folder: (*CLI, "--help"),
        "python -c pass": lambda folder: (sys.executable, "-c", "pass"),
    }
    report("help", in_turn(helps, HELP_ROUNDS))
    with tempfile.TemporaryDirectory() as folder:
        if chosen.lab:
            timed(lab_run(FIVE, Path(folder)), Path(folder))
            for title, phases in (
                ("the five phases", FIVE),
                ("the same without the verification", FIVE[:-1]),
            ):
                compare(title, phases, TREE / "notebooks", partial(lab_run, phases), chosen.rounds)
        else:
            notebooks = Path(folder)
            small_notebooks(notebooks, chosen.seconds)
            compare(
                "small notebooks", FIVE, notebooks, partial(memory_run, notebooks), chosen.rounds
            )


if __name__ == "__main__":
    main()
