"""Completion as the documentation sets it up, in the shells themselves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest
from support.repository import REPOSITORY

from kuryr_runbook.cli import COMMANDS
from kuryr_runbook.phases.catalogue import PHASES

PROGRAM = "kuryr-runbook"
SECONDS = 120
"""Deadline for whatever a shell does; a loaded machine may need some of them."""
READY = "READY> "
SITE = re.compile(r"my-site(\.yaml|/)")
CALL = f"from kuryr_runbook.cli import main; main(prog_name='{PROGRAM}')"


def documented(shell: str) -> str:
    """The line that the documentation gives for a shell."""
    text = (REPOSITORY / "docs" / "reference" / "commands.md").read_text()
    [line] = [line for line in text.splitlines() if f"={shell}_source " in line]
    return line


@pytest.fixture
def surroundings(tmp_path: Path) -> Mapping[str, str]:
    """The environment of a shell that finds the program, in a directory with a site file."""
    place = tmp_path / "bin"
    place.mkdir()
    program = place / PROGRAM
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -c "{CALL}" "$@"\n')
    program.chmod(0o755)
    (tmp_path / "my-site.yaml").touch()
    (tmp_path / "runs" / "my-site").mkdir(parents=True)
    path = os.pathsep.join((str(place), os.environ["PATH"]))
    found = {"PATH": path, "HOME": str(tmp_path), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    return found | {"PYTHONPATH": str(REPOSITORY)}


def completed_by_bash(line: str, surroundings: Mapping[str, str]) -> list[str]:
    """What bash's function for the program proposes for the last word."""
    script = (
        f'{documented("bash")}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
        '_kuryr_runbook_completion "$1"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    words = line.split(" ")
    shell = ["bash", "--norc", "-c", script, "bash", *words]
    output = subprocess.run(
        shell, env=surroundings, capture_output=True, text=True, timeout=SECONDS, check=True
    )
    return output.stdout.split()


@pytest.mark.parametrize(
    ("line", "proposed"),
    [
        ("pl", ["plan"]),
        ("", [*COMMANDS]),
        ("records ver", ["verify"]),
        ("plan --on", ["--only"]),
        ("plan --only d", ["daemon"]),
        ("run --from ", [phase.name for phase in PHASES]),
        ("releases 2023", ["2023.1", "2023.2"]),
        ("plan -o ", ["table", "wide", "json", "yaml"]),
        ("--color n", ["never"]),
        ("lab status --w", ["--watch"]),
        ("fleet run --can", ["--canary"]),
    ],
)
def test_bash_proposes_commands_options_and_their_values(
    line: str, proposed: list[str], surroundings: Mapping[str, str]
) -> None:
    assert completed_by_bash(f"{PROGRAM} {line}", surroundings) == proposed


def typed(shell: list[str], setup: str, line: str, env: Mapping[str, str]) -> str:
    """What an interactive shell shows when TAB is pressed at the end of a line."""
    child = pexpect.spawn(
        shell[0], shell[1:], env=dict(env), cwd=env["HOME"], encoding="utf-8", timeout=SECONDS
    )
    child.setwinsize(24, 200)
    try:
        # As the shell echoes it, the prompt is in two parts.
        child.sendline(f"{setup}; PS1='{READY[:3]}''{READY[3:]}'")
        child.expect_exact(READY)
        child.send(f"{line}\t")
        child.expect(SITE)
        return str(child.after)
    finally:
        child.close(force=True)


INTERACTIVE = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], ""),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -Uz compinit; compinit -u; ",
    ),
}


@pytest.mark.parametrize("shell", INTERACTIVE)
@pytest.mark.parametrize(
    ("line", "end"), [("plan --site my-s", "my-site.yaml"), ("records list runs/my-s", "my-site/")]
)
def test_site_files_and_directories_are_completed_when_tab_is_pressed(
    shell: str, line: str, end: str, surroundings: Mapping[str, str]
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command, setup = INTERACTIVE[shell]
    assert typed(command, setup + documented(shell), f"{PROGRAM} {line}", surroundings) == end


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("line", "proposed"),
    [
        ("pl", ["plan"]),
        ("plan --only d", ["daemon"]),
        ("releases ste", ["stein"]),
        ("plan --site my-s", ["my-site.yaml"]),
        ("fleet plan my-s", ["my-site.yaml"]),
    ],
)
def test_fish_proposes_the_same(
    line: str, proposed: list[str], surroundings: Mapping[str, str]
) -> None:
    script = f'{documented("fish")}; complete -C "{PROGRAM} {line}"'
    output = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env=surroundings,
        cwd=surroundings["HOME"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    # Behind a tab is what it does.
    assert [found.split("\t")[0] for found in output.stdout.splitlines()] == proposed


@pytest.mark.parametrize("line", ["", "plan --only ", "releases ", "diagnose --"])
def test_nothing_heavy_is_imported_to_complete(line: str) -> None:
    words = f"{PROGRAM} {line}"
    variables = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-P", "-X", "importtime", "-c", CALL],
        env={**os.environ, **variables, "_KURYR_RUNBOOK_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"openstack", "kubernetes", "papermill", "pydantic", "rich", "requests"}
