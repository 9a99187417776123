"""The contributors' pages: each diff still applies, and what the page says to run then passes.

Also the rule of CONTRIBUTING.md on the length of a module.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.repository import REPOSITORY

PAGES = sorted((REPOSITORY / "docs" / "contributing").glob("*.md"))
COPIED = ("kuryr_runbook", "tests", "notebooks", "parameters", "docs")
MOST_LINES = 300
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def block(page: Path, language: str) -> str:
    """The one block of that language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return str(found)


def run(directory: Path, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run it there with this Python, and with the package that is there."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(directory),
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
        "GIT_CEILING_DIRECTORIES": str(directory.parent),
    }
    return subprocess.run(
        command,
        cwd=directory,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def apply(directory: Path, diff: str) -> subprocess.CompletedProcess[str]:
    return run(directory, "git", "apply", "--verbose", "-", text=diff)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What a contributor edits and tests."""
    target = tmp_path / "copy"
    for name in COPIED:
        # With what is compiled already: by the size and the time of its source it stays valid.
        shutil.copytree(REPOSITORY / name, target / name)
    shutil.copy(REPOSITORY / "pyproject.toml", target)
    return target


@each_page
def test_the_diff_applies_and_what_the_page_runs_passes(page: Path, copy: Path) -> None:
    applied = apply(copy, block(page, "diff"))
    assert applied.returncode == 0, applied.stderr
    done = run(copy, "bash", "-euo", "pipefail", "-c", block(page, "sh"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    again = apply(copy, block(page, "diff"))
    assert again.returncode != 0, "it would apply to anything"


@each_page
def test_with_the_tests_part_of_the_diff_alone_it_fails(page: Path, copy: Path) -> None:
    applied = run(copy, "git", "apply", "--include=tests/*", "-", text=block(page, "diff"))
    assert applied.returncode == 0, applied.stderr
    done = run(copy, "bash", "-euo", "pipefail", "-c", block(page, "sh"))
    assert done.returncode != 0, done.stdout


def lines_of(path: Path) -> int:
    """Blank lines do not count."""
    return sum(1 for line in path.read_text().splitlines() if line.strip())


def test_a_module_reads_in_few_lines() -> None:
    modules = (REPOSITORY / "kuryr_runbook").rglob("*.py")
    long = {str(path): lines for path in modules if (lines := lines_of(path)) > MOST_LINES}
    assert not long
