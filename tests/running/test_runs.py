"""Runs of small notebooks: what run.json, the terminal and the exit code say of each end."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from runs.small import (
    FIRST,
    PARAMETERS,
    SECOND,
    SLEEPING,
    execute,
    kernel_of,
    start,
    write_notebook,
)
from support.awaiting import await_end, await_true, kernels_of
from support.pages import Page
from worlds.memory_leases import TESTS, HeldLeases, MemoryLeases
from worlds.sites import LAB

from kuryr_runbook.display.verbosity import Verbosity, set_verbosity
from kuryr_runbook.model.approval import site_document
from kuryr_runbook.model.errors import LockedError, SiteError, UnreachableError, UsageError
from kuryr_runbook.model.locking import Holder
from kuryr_runbook.model.options import Options
from kuryr_runbook.model.plan import Action, Plan, Step, Target
from kuryr_runbook.phases.catalogue import PhaseEntry
from kuryr_runbook.phases.lock import lease
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.recording.records import read_record
from kuryr_runbook.recording.standing import LATEST
from kuryr_runbook.running import engine
from kuryr_runbook.running.account import RunStatus, read_run
from kuryr_runbook.running.kernels import Kernels
from kuryr_runbook.running.notebooks import displayed_results
from kuryr_runbook.running.request import RunResult
from kuryr_runbook.running.runs import AGREED

Run = Callable[..., RunResult]


def memory_leases(site: object) -> MemoryLeases:
    return MemoryLeases()


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    directory = tmp_path / "notebooks"
    directory.mkdir()
    write_notebook(directory / SECOND.notebook, "print('second')")
    return directory


@pytest.fixture
def run(tmp_path: Path, notebooks: Path) -> Run:
    def run(*cells: str, stream: io.StringIO | None = None, **options: Any) -> RunResult:
        write_notebook(notebooks / FIRST.notebook, *cells)
        options = {"run_dir": tmp_path / "run", "leases": memory_leases, **options}
        return execute(LAB, (FIRST, SECOND), stream, notebooks=notebooks, **options)

    return run


def phases(result: RunResult) -> list[tuple[str, list[str]]]:
    account = read_run(result.directory)
    return [
        (phase["status"], [cell["status"] for cell in phase["cells"]])
        for phase in account["phases"]
    ]


NOT_REACHED = ("NOT_REACHED", ["NOT_REACHED"] * 3)


def test_a_run_that_succeeds(run: Run) -> None:
    stream = io.StringIO()
    result = run("print('read')\nprint('planned', end='')", "name", stream=stream)
    assert (result.status, result.exit_code, result.error) == (RunStatus.SUCCEEDED, 0, None)
    assert phases(result) == [("SUCCEEDED", ["RAN"] * 4), ("SUCCEEDED", ["RAN"] * 3)]
    account = read_run(result.directory)
    assert account["status"] == "SUCCEEDED"
    assert account["phases"][0]["seconds"] >= 0
    assert sorted(path.name for path in result.directory.iterdir()) == [
        f"{FIRST.stem}.html",
        f"{FIRST.stem}.ipynb",
        f"{SECOND.stem}.html",
        f"{SECOND.stem}.ipynb",
        "compare.js",
        "index.html",
        "record.json",
        "run.json",
    ]
    reported = [line.strip() for line in stream.getvalue().splitlines()]
    assert reported.index("read") < reported.index("planned") < reported.index("second")
    assert any(re.fullmatch(r"\d+:\d\d  Step 1", line) for line in reported)
    assert f"{FIRST.stem}: {FIRST.title}" in reported


@pytest.mark.parametrize("chosen", [*Verbosity])
def test_what_cells_request_and_start_is_shown_and_kept_only_if_wanted(
    chosen: Verbosity, run: Run
) -> None:
    stream, started = io.StringIO(), "program: true of this test"
    set_verbosity(chosen)
    try:
        # Kernels of real phases begin with this.
        begins = "from kuryr_runbook.display import verbosity; verbosity.inherit_verbosity()"
        starts = "import subprocess; subprocess.run(['true', 'of', 'this', 'test'])"
        result = run(f"{begins}\n{starts}", stream=stream)
    finally:
        set_verbosity(Verbosity.NORMAL)
    assert result.status is RunStatus.SUCCEEDED
    kept = (result.directory / FIRST.notebook).read_text()
    is_wanted = chosen is Verbosity.VERBOSE
    assert (started in stream.getvalue(), started in kept) == (is_wanted, is_wanted)


def test_cells_have_their_times_and_pages_their_neighbours(run: Run) -> None:
    result = run("1")
    for phase in read_run(result.directory)["phases"]:
        times = [time for cell in phase["cells"] for time in (cell["started"], cell["ended"])]
        assert times == sorted(times)
        assert all(phase["started"] <= time for time in times)
    links = [
        Page((result.directory / f"{phase.stem}.html").read_text()).links()
        for phase in (FIRST, SECOND)
    ]
    assert "index.html" in links[0]
    assert f"{SECOND.stem}.html" in links[0]
    assert f"{FIRST.stem}.html" in links[1]


def test_the_page_of_a_failed_phase_leads_to_no_next_one(run: Run) -> None:
    result = run("1 / 0")
    links = Page((result.directory / f"{FIRST.stem}.html").read_text()).links()
    assert f"{SECOND.stem}.html" not in links
    assert read_run(result.directory)["phases"][1]["cells"][0]["started"] is None


def test_nor_does_the_page_before_a_phase_that_could_not_begin(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = Kernels.taken

    def one(self: Kernels, phase: PhaseEntry, log: Path) -> AbstractContextManager[Any]:
        if phase == SECOND:
            raise KeyboardInterrupt
        return taken(self, phase, log)

    monkeypatch.setattr(Kernels, "taken", one)
    result = run("1")
    assert result.status is RunStatus.INTERRUPTED
    links = Page((result.directory / f"{FIRST.stem}.html").read_text()).links()
    assert f"{SECOND.stem}.html" not in links


def test_the_notebook_gets_the_site_and_strings_stay_strings(run: Run) -> None:
    result = run("(name, type(network['pod_subnet']['cidr']).__name__, dry_run)", dry_run=True)
    executed = json.loads((result.directory / FIRST.notebook).read_text())
    (output,) = executed["cells"][-1]["outputs"]
    assert "".join(output["data"]["text/plain"]) == "('lab', 'str', True)"
    assert read_run(result.directory)["dry_run"] is True


def test_it_runs_in_this_interpreter_and_where_it_was_called(run: Run) -> None:
    result = run("import os, sys\nprint(sys.executable, os.getcwd())")
    executed = (result.directory / FIRST.notebook).read_text()
    assert f"{sys.executable} {os.getcwd()}" in executed


def test_a_plan_is_shown_on_the_terminal_in_a_dry_run_only(run: Run, tmp_path: Path) -> None:
    stream = io.StringIO()
    run("'the plan'", stream=stream, dry_run=True)
    assert "the plan" in stream.getvalue()
    (tmp_path / "run").rename(tmp_path / "before")
    stream = io.StringIO()
    run("'the plan'", stream=stream)
    assert "the plan" not in stream.getvalue()


@pytest.mark.parametrize("saved", [False, True], ids=["agreed", "saved"])
def test_what_was_agreed_to_is_in_the_record_and_binds_the_phases(
    run: Run, tmp_path: Path, *, saved: bool
) -> None:
    step = Step(action=Action.CREATE, target=Target("subnet", "pods"), because="none yet")
    plan = Plan(phase=FIRST.name, steps=(step,))
    document = site_document(
        read_site(LAB), [plan], made_at="2026-11-30T03:00:00+00:00", version="1"
    )
    file = tmp_path / "saved.json"
    file.write_text(json.dumps(document))
    how: dict[str, Any] = (
        {"options": Options(resilience=True, approved_plan=file)}
        if saved
        else {"options": Options(resilience=True), "agreed": document}
    )
    result = run("options['approved_plan']", **how)
    kept = result.directory / AGREED
    assert json.loads(kept.read_text()) == document
    executed = json.loads((result.directory / FIRST.notebook).read_text())
    (output,) = executed["cells"][-1]["outputs"]
    assert str(kept) in "".join(output["data"]["text/plain"])
    assert AGREED in read_record(result.directory).subjects


def test_an_error_stops_the_run_with_its_own_message_and_exit_code(run: Run) -> None:
    raising = (
        "from kuryr_runbook.model.errors import CheckError\n"
        "raise CheckError('1 of 14 checks: fail', remedy='add the rule')"
    )
    stream = io.StringIO()
    result = run("1", raising, "2", stream=stream)
    assert result.status is RunStatus.FAILED
    assert result.exit_code == 4
    assert str(result.error) == "1 of 14 checks: fail\n  -> add the rule"
    failed = ("FAILED", ["RAN", "RAN", "RAN", "FAILED", "NOT_REACHED"])
    assert phases(result) == [failed, NOT_REACHED]
    assert read_run(result.directory)["phases"][0]["error"] == str(result.error)
    assert "Traceback" not in stream.getvalue()
    page = (result.directory / FIRST.notebook).with_suffix(".html").read_text()
    assert "CheckError: 1 of 14 checks: fail" in page
    assert "Traceback" not in page


def test_an_error_that_is_not_ours_names_the_notebook(run: Run) -> None:
    result = run("1 / 0")
    assert result.exit_code == 1
    assert f"{FIRST.notebook}: ZeroDivisionError: division by zero" in str(result.error)
    traceback = (result.directory / FIRST.notebook).with_suffix(".traceback.txt")
    assert str(traceback) in str(result.error)
    assert "1 / 0" in traceback.read_text()
    assert "\x1b" not in traceback.read_text()


def test_what_the_runner_itself_fails_at_ends_the_phase_with_a_line_and_a_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise TypeError("nobody foresaw\nthis")

    monkeypatch.setattr(engine, "execute", broken)
    stream = io.StringIO()
    result = run("1", stream=stream)
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 1)
    assert "TypeError: nobody foresaw" in str(result.error).splitlines()[0]
    assert "Traceback" not in stream.getvalue()
    text = (result.directory / FIRST.notebook).with_suffix(".traceback.txt").read_text()
    assert text.startswith("Traceback")
    assert text.endswith("TypeError: nobody foresaw\nthis\n")
    assert read_run(result.directory)["status"] == "FAILED"


def test_a_killed_kernel(run: Run) -> None:
    result = run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "2")
    assert result.exit_code == 1
    assert "the kernel died in step 'Step 1'" in str(result.error)
    failed = ("FAILED", ["RAN", "RAN", "FAILED", "NOT_REACHED"])
    assert phases(result) == [failed, NOT_REACHED]


def test_a_stopped_kernel_is_reported_and_ended(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SILENT_SHOWN_SECONDS", 0.1)
    monkeypatch.setattr(engine, "SILENT_SECONDS", 2.0)
    stream = io.StringIO()
    result = run("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", stream=stream)
    assert "stopped answering in step 'Step 1', and was ended" in str(result.error)
    assert "the kernel has not answered for" in stream.getvalue()


def test_a_cell_that_takes_too_long(run: Run) -> None:
    result = run("import time\ntime.sleep(600)", "2", cell_seconds=1)
    assert result.exit_code == 1
    assert "step 'Step 1' took longer" in str(result.error)
    failed = ("FAILED", ["RAN", "RAN", "FAILED", "NOT_REACHED"])
    assert phases(result) == [failed, NOT_REACHED]


def sleeping_run(notebooks: Path, run_dir: Path) -> tuple[subprocess.Popen[str], int]:
    """A run in a process of its own whose second cell sleeps; its kernel's process id."""
    write_notebook(notebooks / FIRST.notebook, SLEEPING, "2")
    process = start(LAB, notebooks, run_dir)
    return process, kernel_of(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run(number: int, notebooks: Path, tmp_path: Path) -> None:
    process, kernel = sleeping_run(notebooks, tmp_path / "run")
    assert read_run(tmp_path / "run")["status"] == "RUNNING"
    kernels = kernels_of(process.pid, count=2)
    assert kernel in kernels
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    for each in kernels:
        assert not Path(f"/proc/{each}").exists()
    assert not (tmp_path / "run" / f"{SECOND.stem}.kernel.log").exists()
    result = RunResult(RunStatus.INTERRUPTED, tmp_path / "run", None)
    stopped = ("INTERRUPTED", ["RAN", "RAN", "FAILED", "NOT_REACHED"])
    assert phases(result) == [stopped, NOT_REACHED]
    assert read_run(result.directory)["status"] == "INTERRUPTED"
    predicate = read_record(result.directory).predicate
    assert predicate["run"]["status"] == "INTERRUPTED"
    assert [phase["status"] for phase in predicate["phases"]] == ["INTERRUPTED", "NOT_REACHED"]


def test_a_run_whose_process_died_is_lost(notebooks: Path, tmp_path: Path) -> None:
    process, kernel = sleeping_run(notebooks, tmp_path / "run")
    kernels = kernels_of(process.pid, count=2)
    assert kernel in kernels
    notebook = tmp_path / "run" / FIRST.notebook
    await_true(lambda: f"kernel {kernel}" in notebook.read_text(), "what the cell printed is kept")
    process.kill()
    process.communicate(timeout=60)
    for each in kernels:
        await_end(each)
    written = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (written["status"], written["pid"]) == ("RUNNING", process.pid)
    assert read_run(tmp_path / "run")["status"] == "LOST"


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        (PARAMETERS.replace("kuryr =", "kurry ="), "kurry: the notebook takes it"),
        (PARAMETERS.replace("kuryr = {}", ""), "kuryr: the notebook does not take it"),
    ],
)
def test_a_notebook_with_other_parameters_is_refused_before_anything(
    parameters: str, problem: str, notebooks: Path, tmp_path: Path
) -> None:
    write_notebook(notebooks / FIRST.notebook, "1", parameters=parameters)
    options: dict[str, Any] = dict(
        run_dir=tmp_path / "run", notebooks=notebooks, leases=memory_leases
    )
    with pytest.raises(UsageError, match=problem):
        execute(LAB, (FIRST,), **options)
    assert not (tmp_path / "run").exists()


def test_a_bad_site_is_refused_before_anything(notebooks: Path, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("name: lab\nnetwrok: {}\n")
    options: dict[str, Any] = dict(
        run_dir=tmp_path / "run", notebooks=notebooks, leases=memory_leases
    )
    with pytest.raises(SiteError, match="did you mean network") as caught:
        execute(site, (FIRST,), **options)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "run").exists()


def test_a_missing_notebook_is_refused_before_anything(notebooks: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = dict(
        run_dir=tmp_path / "run", notebooks=notebooks, leases=memory_leases
    )
    with pytest.raises(UsageError, match=FIRST.notebook):
        execute(LAB, (FIRST,), **options)


def test_a_directory_with_something_in_it_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").touch()
    with pytest.raises(UsageError, match="is not empty"):
        run("1")


def test_runs_of_a_site_lie_side_by_side_and_the_newest_is_named(
    notebooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = dict(notebooks=notebooks, leases=memory_leases)
    results = [execute(LAB, (SECOND,), **options) for _ in range(2)]
    directories = [result.directory for result in results]
    assert directories[0] != directories[1]
    assert {directory.parent for directory in directories} == {tmp_path / "runs" / "lab"}
    newest = (tmp_path / "runs" / "lab" / LATEST).read_text().strip()
    assert newest == directories[1].name


def test_the_result_of_an_executed_notebook_can_be_read_back(
    notebooks: Path, tmp_path: Path
) -> None:
    shown = "from IPython.display import display\ndisplay('the table')\n1 / 0"
    write_notebook(notebooks / FIRST.notebook, "'not this'", shown, result=shown)
    options: dict[str, Any] = dict(
        run_dir=tmp_path / "run", notebooks=notebooks, leases=memory_leases
    )
    result = execute(LAB, (FIRST,), **options)
    assert displayed_results(result.directory / FIRST.notebook) == [{"text/plain": "'the table'"}]
    assert displayed_results(result.directory / SECOND.notebook) == []


def lock_holder() -> Holder | None:
    path = Path(os.environ["XDG_STATE_HOME"]) / "kuryr-runbook" / "locks" / "lab.lock"
    return Holder.from_text(path.read_text())


def test_a_second_run_is_refused_and_the_first_is_not_disturbed(
    run: Run, notebooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    process, _ = sleeping_run(notebooks, tmp_path / "first")
    try:
        first = (tmp_path / "first" / "run.json").read_text()
        with pytest.raises(LockedError) as caught:
            run("1", run_dir=None)
        assert f"pid {process.pid}, " in caught.value.message
        assert f"`kuryr-runbook run` in {tmp_path / 'first'}" in caught.value.message
        assert not (tmp_path / "runs").exists()
        assert process.poll() is None
        assert (tmp_path / "first" / "run.json").read_text() == first
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert lock_holder() is None
    assert run("1").status is RunStatus.SUCCEEDED


def test_the_lock_of_a_killed_run_is_held_by_its_kernel_and_then_taken_over(
    run: Run, notebooks: Path, tmp_path: Path
) -> None:
    process, kernel = sleeping_run(notebooks, tmp_path / "first")
    kept = {os.readlink(link) for link in Path(f"/proc/{kernel}/fd").iterdir()}
    assert [path for path in kept if path.endswith("/locks/lab.lock")]
    process.kill()
    process.communicate(timeout=60)
    died = lock_holder()
    assert died is not None
    assert died.pid == process.pid
    leases = MemoryLeases(seconds=3600)
    leases.create(died)
    stream = io.StringIO()
    assert run("1", stream=stream, leases=lambda site: leases).status is RunStatus.SUCCEEDED
    await_end(kernel)
    assert f"taking over the lock of a dead run: {died}" in stream.getvalue()
    assert leases.record is None


def test_a_run_of_another_machine_is_respected(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LOOK_SECONDS", 0.0)
    stream = io.StringIO()
    with pytest.raises(LockedError, match="alice@host-other"):
        run("1", stream=stream, leases=lambda site: HeldLeases())
    assert "for a sign of life" in stream.getvalue()
    assert not (tmp_path / "run").exists()


def test_a_dry_run_needs_no_lock(run: Run, notebooks: Path, tmp_path: Path) -> None:
    process, _ = sleeping_run(notebooks, tmp_path / "first")
    try:
        result = run("1", dry_run=True, leases=lambda site: HeldLeases())
        assert result.status is RunStatus.SUCCEEDED
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_a_phase_of_a_run_stands_under_the_lock_of_the_run(run: Run) -> None:
    locking = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(TESTS)!r})
from worlds.memory_leases import HeldLeases
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.phases.lock.taking import Work, locked

work = Work(command="phase.apply()", directory=Path.cwd())
with locked(read_site(Path({str(LAB)!r})), HeldLeases, work, print) as lock:
    lock.take_lease(needs_cluster=True)
    print("applied")
"""
    stream = io.StringIO()
    assert run(locking, stream=stream).error is None
    assert "applied" in stream.getvalue()


def test_a_run_that_loses_its_lock_stops_in_the_middle_of_a_cell(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(lease, "GIVE_UP_SECONDS", 1.0)
    leases = MemoryLeases()

    class Failing(io.StringIO):
        """Makes the cluster fall silent once the cell runs."""

        def write(self, text: str) -> int:
            if "kernel" in text:
                leases.error = UnreachableError("the API server does not answer")
            return super().write(text)

    stream = Failing()
    result = run(SLEEPING, "2", stream=stream, leases=lambda site: leases)
    assert result.status is RunStatus.FAILED
    assert result.exit_code == 1
    assert "could not be renewed for 1 s: the API server does not answer" in str(result.error)
    stopped = ("FAILED", ["RAN", "RAN", "FAILED", "NOT_REACHED"])
    assert phases(result) == [stopped, NOT_REACHED]
    account = read_run(result.directory)
    assert (account["status"], account["phases"][0]["error"]) == ("FAILED", str(result.error))
    [line] = [line for line in stream.getvalue().splitlines() if line.split()[:1] == ["kernel"]]
    await_end(int(line.split()[1]))


def test_a_notebook_by_itself_that_loses_its_lock_stops_too(run: Run) -> None:
    losing = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(TESTS)!r})
from worlds.memory_leases import MemoryLeases
from kuryr_runbook.model.errors import UnreachableError
from kuryr_runbook.model.options import Options
from kuryr_runbook.model.plan import Action, Plan, Step, Target
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.phases.lock import lease
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.phases.lock.taking import Work, locked

lease.RENEW_SECONDS, lease.GIVE_UP_SECONDS = 0.05, 1.0
site = read_site(Path({str(LAB)!r})).model_copy(update={{"name": "not-of-the-run"}})
leases = MemoryLeases()
work = Work(command="phase.apply()", directory=Path.cwd())
with locked(site, lambda: leases, work, print) as lock:
    lock.take_lease(needs_cluster=True)
    leases.error = UnreachableError("the API server does not answer")
    time.sleep(600)
"""
    result = run(losing, "2")
    assert "could not be renewed for 1 s: the API server does not answer" in str(result.error)
    failed = ("FAILED", ["RAN", "RAN", "FAILED", "NOT_REACHED"])
    assert phases(result) == [failed, NOT_REACHED]


UNREACHABLE = UnreachableError("the API server does not answer", remedy="check the way there")


def silent_leases(site: object) -> MemoryLeases:
    leases = MemoryLeases()
    leases.error = UNREACHABLE
    return leases


def test_without_a_cluster_the_image_is_built_and_the_next_phase_fails(run: Run) -> None:
    result = run("1", leases=silent_leases)
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 6)
    assert result.error is UNREACHABLE
    assert phases(result) == [("SUCCEEDED", ["RAN"] * 3), ("FAILED", ["NOT_REACHED"] * 3)]


def test_what_needs_the_cluster_fails_before_anything(notebooks: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = dict(
        run_dir=tmp_path / "run", notebooks=notebooks, leases=silent_leases
    )
    with pytest.raises(UnreachableError) as caught:
        execute(LAB, (SECOND,), **options)
    assert caught.value is UNREACHABLE
    assert not (tmp_path / "run").exists()


def test_reading_a_notebook_loads_no_grammar_of_urls_and_leaves_it_to_others(
    tmp_path: Path,
) -> None:
    write_notebook(tmp_path / "n.ipynb", "1")
    script = (
        "import sys; from pathlib import Path\n"
        "from kuryr_runbook.running.notebooks import read_notebook\n"
        f"read_notebook(Path({str(tmp_path / 'n.ipynb')!r}))\n"
        "print('jsonschema' in sys.modules, 'rfc3987_syntax' in sys.modules)\n"
        "from importlib.util import find_spec; assert find_spec('rfc3987_syntax')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "True False\n"
    assert done.returncode == 0, done.stderr
