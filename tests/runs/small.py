"""Runs of small notebooks, in this process or in one of their own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import nbformat

from kuryr_runbook.display.live import LiveProgress
from kuryr_runbook.model.site_file import SECTIONS
from kuryr_runbook.phases.catalogue import PHASES, PhaseEntry
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.running import kernel_start
from kuryr_runbook.running.request import RunRequest, RunResult
from kuryr_runbook.running.runs import run_phases

FIRST, SECOND = PHASES[1:3]
PARAMETERS = "\n".join(['name = ""', *(f"{name} = {{}}" for name in (*SECTIONS[1:], "record"))])
SLEEPING = "import os, time\nprint('kernel', os.getpid())\ntime.sleep(600)"
"""A cell that names its kernel's process and lasts until it is interrupted."""

LEAN = f'__import__("{kernel_start.__name__}")'
"""For `FIRST_LINE` of kernels: they do not import the SDKs, which is half of their time."""

SCRIPT = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from worlds.memory_leases import MemoryLeases
from kuryr_runbook.clients.kubernetes.leases import LeaseClient
from kuryr_runbook.display.live import LiveProgress
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.phases.catalogue import PHASES
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.running import kernels
from kuryr_runbook.running.request import RunRequest
from kuryr_runbook.running.runs import run_phases

kernels.FIRST_LINE = {LEAN!r}
leases = {{"cluster": LeaseClient, "memory": lambda site: MemoryLeases()}}[sys.argv[1]]
site, notebooks, run_dir = map(Path, sys.argv[2:])
try:
    request = RunRequest(
        site=read_site(site),
        site_file=site,
        phases=PHASES[1:3],
        run_dir=run_dir,
        notebooks=notebooks,
        leases=leases,
    )
    with LiveProgress(sys.stderr) as progress:
        result = run_phases(request, progress)
    error, code = result.error, result.exit_code
except RunbookError as refusal:
    error, code = refusal, refusal.exit_code
print(error or "", file=sys.stderr)
sys.exit(code)
"""


def execute(
    site_file: Path, phases: Sequence[PhaseEntry], stream: TextIO | None = None, **wanted: Any
) -> RunResult:
    """A run in this process, shown on the stream."""
    request = RunRequest(
        site=read_site(site_file), site_file=site_file, phases=tuple(phases), **wanted
    )
    with LiveProgress(stream or io.StringIO()) as progress:
        return run_phases(request, progress)


def write_notebook(path: Path, *cells: str, parameters: str = PARAMETERS, result: str = "") -> None:
    new: Any = nbformat.v4
    notebook = new.new_notebook(
        metadata={"kernelspec": {"name": "elsewhere", "display_name": "", "language": "python"}}
    )
    notebook.cells = [
        new.new_code_cell(
            f"{parameters}\ndry_run = False\noptions = {{}}", metadata={"tags": ["parameters"]}
        )
    ]
    for number, source in enumerate(cells, start=1):
        notebook.cells.append(new.new_markdown_cell(f"## Step {number}\n\nProse."))
        tags = ["result"] if source == result else []
        notebook.cells.append(new.new_code_cell(source, metadata={"tags": tags}))
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def start(
    site: Path, notebooks: Path, run_dir: Path, *, leases: str = "memory", **environment: str
) -> subprocess.Popen[str]:
    """A run of the first two phases in a process of its own; `leases`: memory or cluster."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, leases, str(site), str(notebooks), str(run_dir)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def kernel_of(process: subprocess.Popen[str]) -> int:
    """The process of the run's kernel, once its cell SLEEPING has begun."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        if line.split()[:1] == ["kernel"]:
            return int(line.split()[1])
        seen.append(line)
    raise AssertionError(
        f"the run ended with {process.wait()} before its cell began:\n{''.join(seen)}"
    )
