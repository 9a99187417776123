"""The commands `run`, `teardown` and `version`: options, messages, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kuryr_runbook.cli import COMMANDS, main
from kuryr_runbook.cli import run as cli_run
from kuryr_runbook.model.options import Options
from kuryr_runbook.phases.catalogue import PHASES, chosen


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


def test_an_unknown_command_exits_2() -> None:
    assert CliRunner().invoke(main, ["instal"]).exit_code == 2
