"""The next phase's kernel: it starts while the phase before runs, and never stays behind."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from memory_leases import TESTS, MemoryLeases
from small_runs import FIRST, SECOND, write_notebook

from kuryr_runbook.display.live import LiveProgress
from kuryr_runbook.running.account import RunStatus
from kuryr_runbook.running.displayed import displayed_result
from kuryr_runbook.running.interrupts import one_interrupt, postponed
from kuryr_runbook.running.run_options import RunOptions, RunResult
from kuryr_runbook.running.runs import run_phases

LAB_SITE = Path(__file__).parents[2] / "parameters" / "lab.yaml"
NEXT = f"""
import os, sys
sys.path.insert(0, {str(TESTS)!r})
from small_runs import kernels_below
[waiting] = set(kernels_below(os.getppid(), count=2)) - {{os.getpid()}}
"""
"""Waits, in the first phase, for the kernel of the second."""
PID = "import os; os.getpid()"

Run = Callable[..., RunResult]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of two phases, of one cell each."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(first: str, second: str) -> RunResult:
        for phase, cell in ((FIRST, first), (SECOND, second)):
            write_notebook(tmp_path / phase.notebook, cell, result=cell)
        options = RunOptions(
            run_dir=tmp_path / "run", notebooks=tmp_path, leases=lambda site: MemoryLeases()
        )
        with LiveProgress(io.StringIO()) as progress:
            return run_phases(LAB_SITE, (FIRST, SECOND), options, progress)

    return run


def shown(result: RunResult) -> list[str]:
    return [displayed_result(result.directory / phase.notebook) for phase in (FIRST, SECOND)]


def test_it_starts_while_the_phase_before_runs_and_has_imported_what_its_own_needs(
    run: Run,
) -> None:
    imported = (
        "import os, sys\n"
        "names = ('openstack', 'kubernetes.dynamic', 'kuryr_runbook.phases.openstack_prep')\n"
        "(os.getpid(), [name in sys.modules for name in names], 'preload' in globals(), len(In))"
    )
    before, after = shown(run(f"{NEXT}(waiting, os.getpid())", imported))
    waiting, own = eval(before)  # noqa: S307
    assert waiting != own
    # `In` begins with an empty entry: parameters, papermill's, and this cell.
    assert after == f"({waiting}, [True, True, True], False, 4)"


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
