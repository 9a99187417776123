"""The commands `run`, `teardown` and `version`: options, messages, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kuryr_runbook.cli import COMMANDS, agreement, main
from kuryr_runbook.cli import run as cli_run
from kuryr_runbook.model.options import Options
from kuryr_runbook.model.plan import Action, Plan, Step, Target
from kuryr_runbook.phases import catalogue
from kuryr_runbook.phases.catalogue import PHASES, chosen
from kuryr_runbook.running import runs
from kuryr_runbook.running.account import RunStatus
from kuryr_runbook.running.request import RunRequest, RunResult


@pytest.mark.parametrize(
    "arguments",
    [[], *([name] for name in COMMANDS)],
)
def test_help_fits_80_columns(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, [*arguments, "--help"], terminal_width=80)
    assert result.exit_code == 0
    assert max(len(line) for line in result.output.splitlines()) <= 80


def test_help_imports_nothing_heavy() -> None:
    heavy = ("openstack", "kubernetes", "papermill", "nbconvert", "pydantic", "rich", "yaml")
    script = (
        "import sys\nfrom kuryr_runbook.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    output = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert output.splitlines()[-1] == "[]"
    assert all(name in output for name in COMMANDS)


def test_version() -> None:
    result = CliRunner().invoke(main, ["version"])
    assert result.exit_code == 0
    assert result.output.startswith("kuryr-runbook ")


@pytest.mark.parametrize("command", ["run", "teardown", "rotate-credentials"])
def test_a_bad_site_lists_all_problems_and_exits_2(command: str, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("name: lab\nnetwrok: {}\nkuryr:\n  release: nova\n")
    result = CliRunner().invoke(main, [command, "--site", str(site)])
    assert result.exit_code == 2
    assert "netwrok (line 2): unknown key: did you mean network?" in result.stderr
    assert "kuryr.release (line 4)" in result.stderr
    assert "Traceback" not in result.output


def test_a_missing_site_file_exits_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["run", "--site", str(tmp_path / "none.yaml")])
    assert result.exit_code == 2
    assert "none.yaml cannot be read" in " ".join(result.stderr.split())


def test_an_unknown_phase_exits_2_and_names_the_known_ones() -> None:
    result = CliRunner().invoke(main, ["run", "--site", "x", "--only", "demon"])
    assert result.exit_code == 2
    assert "daemon" in result.stderr


@pytest.mark.parametrize(
    "choice",
    [
        ("--only", "daemon", "--from", "controller"),
        ("--from", "daemon", "--until", "controller"),
        ("--resume", "--only", "daemon"),
        ("--resume", "--until", "daemon"),
    ],
)
def test_choices_of_phases_that_contradict_each_other_exit_2(choice: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, ["run", "--site", "x", *choice])
    assert result.exit_code == 2
    assert choice[0] in result.stderr


def test_phases_are_chosen_by_name_or_by_their_ends() -> None:
    def names(**how: Any) -> list[str]:
        return [phase.name for phase in chosen(**how)]

    everything = [phase.name for phase in PHASES]
    assert names() == everything
    assert names(only=("daemon", "controller")) == ["controller", "daemon"]
    assert names(first="controller") == everything[3:]
    assert names(last="controller") == everything[:4]
    assert names(first="controller", last="controller") == ["controller"]


def test_disturbances_are_asked_for_and_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Options] = []
    monkeypatch.setattr(cli_run, "_execute", lambda phases, options, wanted: given.append(options))
    for more in ((), ("--resilience",)):
        assert CliRunner().invoke(main, ["run", "--site", "x", *more]).exit_code == 0
    assert given == [Options(), Options(resilience=True)]


def test_with_json_a_refusal_is_a_line_of_it_too(tmp_path: Path) -> None:
    site = str(tmp_path / "none.yaml")
    result = CliRunner().invoke(main, ["run", "--site", site, "--log-format", "json"])
    assert result.exit_code == 2
    reported = json.loads(result.stderr)
    assert (reported["event"], reported["exit_code"]) == ("ended", 2)
    assert "none.yaml cannot be read" in reported["errors"][0]


def test_nothing_to_resume_exits_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    site = Path(__file__).parents[2] / "parameters" / "lab.yaml"
    result = CliRunner().invoke(main, ["run", "--site", str(site), "--resume"])
    assert result.exit_code == 2
    assert "there is no run of lab" in result.stderr


SITE = Path(__file__).parents[2] / "parameters" / "lab.yaml"
CREATION = Step(action=Action.CREATE, target=Target("subnet", "kuryr-pods"), because="none yet")


@dataclass
class Desk:
    """What a person at a terminal sees planned, and what is run once they have answered."""

    steps: tuple[Step, ...] = (CREATION,)
    planned: list[tuple[list[str], Options]] = field(default_factory=list)
    done: list[RunRequest] = field(default_factory=list)

    def plan_site(self, site: object, phases: Sequence[Any], options: Options) -> Iterator[Plan]:
        self.planned.append(([phase.name for phase in phases], options))
        yield Plan(phase="openstack_prep", steps=self.steps)

    def run_phases(self, request: RunRequest, progress: object) -> RunResult:
        self.done.append(request)
        return RunResult(RunStatus.SUCCEEDED, Path("runs/lab/1"), None)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    monkeypatch.chdir(tmp_path)
    desk = Desk()
    monkeypatch.setattr(catalogue, "plan_site", desk.plan_site)
    monkeypatch.setattr(runs, "run_phases", desk.run_phases)
    return desk


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> Desk:
    monkeypatch.setattr(cli_run, "can_ask", lambda: True)
    return desk


def call(*arguments: object, said: str = "") -> Result:
    command, *more = map(str, arguments)
    return CliRunner().invoke(main, [command, "--site", str(SITE), *more], input=said)


@pytest.mark.parametrize("command", ["run", "teardown"])
def test_without_a_terminal_and_a_word_nothing_begins(desk: Desk, command: str) -> None:
    refused = call(command, said="y\n")
    assert (refused.exit_code, desk.planned, desk.done) == (2, [], [])
    said = " ".join(refused.stderr.split())
    assert f"{command} asks before it changes anything" in said
    assert "--yes" in said
    assert ("--plan FILE" in said) == (command == "run")


def test_json_is_for_machines_which_nobody_asks(terminal: Desk) -> None:
    refused = call("run", "--log-format", "json", said="y\n")
    assert (refused.exit_code, terminal.done) == (2, [])
    assert "--yes" in json.loads(refused.stderr)["errors"][0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--yes"),
        ("teardown", "--yes"),
        ("run", "--dry-run"),
        ("teardown", "--dry-run"),
        ("run", "--plan", "approved.json"),
        ("run", "--only", "preflight", "--only", "verification"),
    ],
)
def test_what_is_answered_or_changes_nothing_is_not_asked(
    desk: Desk, arguments: tuple[str, ...]
) -> None:
    assert call(*arguments).exit_code == 0
    assert desk.planned == []
    assert [request.agreed for request in desk.done] == [None]


@pytest.mark.parametrize("command", ["run", "teardown"])
def test_a_yes_to_the_plan_of_all_phases_runs_that_plan(terminal: Desk, command: str) -> None:
    done = call(command, said="y\n")
    assert done.exit_code == 0, done.output
    [request] = terminal.done
    [(phases, options)] = terminal.planned
    assert phases == [phase.name for phase in request.phases]
    assert options == request.options
    assert request.agreed is not None
    [phase] = request.agreed["phases"]
    assert [step["name"] for step in phase["steps"]] == ["kuryr-pods"]
    shown, _, answer = done.stderr.partition("Carry out this plan? [y/N]")
    assert "kuryr-pods" in shown
    assert answer
    assert "kuryr-pods" not in done.stdout


@pytest.mark.parametrize("said", ["n\n", "\n", ""])
def test_without_a_yes_nothing_is_run_and_the_changes_stay_pending(
    terminal: Desk, said: str
) -> None:
    declined = call("teardown", said=said)
    assert (declined.exit_code, terminal.done) == (3, [])
    assert declined.stderr.endswith("nothing was changed\n")


def test_where_there_is_nothing_to_change_there_is_no_question(terminal: Desk) -> None:
    terminal.steps = (replace(CREATION, action=Action.KEEP),)
    done = call("run")
    assert done.exit_code == 0
    assert "Carry out" not in done.stderr
    # What was shown holds: if there is something to change after all, the run stops.
    assert terminal.done[0].agreed is not None


def test_ctrl_c_at_the_question_is_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("click.termui.visible_prompt_func", interrupted)
    with pytest.raises(KeyboardInterrupt):
        agreement.agrees("Carry out this plan?")


@pytest.mark.parametrize(("stdin", "stderr"), [(True, True), (True, False), (False, True)])
def test_asking_takes_somebody_who_sees_the_question_and_can_answer(
    monkeypatch: pytest.MonkeyPatch, *, stdin: bool, stderr: bool
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: stdin))
    monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: stderr))
    assert agreement.can_ask() is (stdin and stderr)


def test_an_unknown_command_exits_2() -> None:
    assert CliRunner().invoke(main, ["instal"]).exit_code == 2
