"""The next phase's kernel: it starts while the phase before runs, and never stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from runs.small import FIRST, execute, write_notebook
from worlds.memory_leases import TESTS, MemoryLeases
from worlds.sites import LAB

from kuryr_runbook.display.frontend import PARENT, VARIABLE
from kuryr_runbook.phases.catalogue import PHASES
from kuryr_runbook.running import kernel_start
from kuryr_runbook.running.account import RunStatus
from kuryr_runbook.running.interrupts import one_interrupt, postponed
from kuryr_runbook.running.notebooks import displayed_results
from kuryr_runbook.running.request import RunResult

NEXT = f"""
import os, sys
sys.path.insert(0, {str(TESTS)!r})
from support.awaiting import kernels_of
[waiting] = set(kernels_of(os.getppid(), count=2)) - {{os.getpid()}}
"""
"""Waits, in the first phase, for the kernel of the second."""
PID = "import os; os.getpid()"

Run = Callable[..., RunResult]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of phases of one cell each."""

    def run(*cells: str) -> RunResult:
        phases = PHASES[1 : len(cells) + 1]
        for phase, cell in zip(phases, cells, strict=True):
            write_notebook(tmp_path / phase.notebook, cell, result=cell)
        options: dict[str, Any] = dict(
            run_dir=tmp_path / "run", notebooks=tmp_path, leases=lambda site: MemoryLeases()
        )
        return execute(LAB, phases, **options)

    return run


def shown(result: RunResult) -> list[str]:
    texts = (
        forms["text/plain"]
        for phase in PHASES[1:]
        for forms in displayed_results(result.directory / phase.notebook)
    )
    return [text for text in texts if text]


def test_it_starts_while_the_phase_before_runs(run: Run) -> None:
    before, after = shown(run(f"{NEXT}(waiting, os.getpid())", "import os; (os.getpid(), len(In))"))
    waiting, own = eval(before)  # noqa: S307
    assert waiting != own
    # `In` begins with an empty entry: parameters, papermill's, and this cell.
    assert after == f"({waiting}, 4)"


def test_it_has_imported_what_its_cells_need_and_left_no_name(run: Run) -> None:
    looking = """
import sys
imported = ("openstack.connection", "kuryr_runbook.phases.image_build")
([name in sys.modules for name in imported], {"kuryr_runbook", "begin"} & globals().keys())
"""
    assert shown(run(looking)) == ["([True, True], set())"]


def test_it_is_like_any_other_kernel(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a session of its own, where the run was called; and nobody is asked anything in it."""
    looking = """
import os, sys
from kuryr_runbook.display.frontend import is_interactive
(os.getsid(0) == os.getpid(), os.getcwd(), "" in sys.path, is_interactive())
"""
    # As in a run that is started from a notebook of JupyterLab.
    monkeypatch.setenv(VARIABLE, str(os.getppid()))
    monkeypatch.setenv(PARENT, str(os.getppid()))
    assert shown(run(looking)) == [f"(True, {os.getcwd()!r}, True, False)"]


def test_a_phase_that_fails_leaves_none(run: Run) -> None:
    result = run(f"{NEXT}print('waiting', waiting)\n1 / 0", PID)
    assert result.status is RunStatus.FAILED
    text = (result.directory / FIRST.notebook).read_text()
    pid = text.partition("waiting ")[2].partition("\\n")[0]
    assert not Path(f"/proc/{pid}").exists()
    assert not list(result.directory.glob("*.log"))


def test_its_temporary_files_go_with_it(run: Run) -> None:
    """Killed in the end, it has no time to remove them itself."""
    key = "import tempfile; tempfile.mkstemp()[1]"
    paths = [Path(eval(path)) for path in shown(run(key, key))]  # noqa: S307
    assert [path.exists() for path in paths] == [False, False]


def test_one_that_was_killed_meanwhile_is_replaced(run: Run) -> None:
    killing = f"{NEXT}import signal; os.kill(waiting, signal.SIGKILL); waiting"
    result = run(killing, PID)
    assert result.status is RunStatus.SUCCEEDED
    killed, own = shown(result)
    assert own
    assert own != killed


def test_why_there_is_none_stands_in_the_log(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "path" / "ipykernel"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('half of it is missing')")
    monkeypatch.setenv("PYTHONPATH", str(package.parent), prepend=os.pathsep)
    result = run(PID)
    assert "the kernel died in step 'start of the kernel'" in str(result.error)
    log = (result.directory / f"{FIRST.stem}.kernel.log").read_text()
    assert log.endswith("ImportError: half of it is missing\n")


def test_one_whose_run_ended_while_it_started_ends_too(tmp_path: Path) -> None:
    """ipykernel's own watch takes for the parent whoever is it when that begins."""
    begin = f"from {kernel_start.__name__} import begin; begin('image_build'); print('stayed')"
    done = subprocess.run(
        [sys.executable, "-c", begin],
        env={**os.environ, PARENT: "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, ""), done.stderr


def test_what_stops_us_waits_until_a_kernel_is_known() -> None:
    steps = []

    def start() -> None:
        with postponed():
            os.kill(os.getpid(), signal.SIGTERM)
            steps.append("started")
        steps.append("never")

    with one_interrupt(), pytest.raises(KeyboardInterrupt):
        start()
    assert steps == ["started"]
