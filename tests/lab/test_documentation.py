"""What README and tutorial tell people to type does what they say, on the lab."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.documented import DOCUMENTS, EXECUTED, commands_of
from support.repository import REPOSITORY

pytestmark = pytest.mark.lab

SETS_ENVIRONMENT = ("export ", "eval ")
SECONDS = 300


@pytest.fixture(scope="module")
def directory(kuryr_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the documents take for granted: a checkout, and in it a site file of one's own."""
    found = tmp_path_factory.mktemp("documented")
    for name in ("notebooks", "parameters"):
        (found / name).symlink_to(REPOSITORY / name)
    (found / "my-site.yaml").symlink_to(REPOSITORY / "parameters" / "lab.yaml")
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_does_what_the_document_says(document: Path, directory: Path) -> None:
    programs = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    before: list[str] = []
    for command in (command for command in commands_of(document) if command in EXECUTED):
        how = EXECUTED[command]
        done = subprocess.run(
            ["bash", "-euc", "\n".join([*before, how.instead or command])],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            cwd=directory,
            env=environment,
        )
        assert done.returncode == how.status, f"{command}\n{done.stdout}\n{done.stderr}"
        if command.startswith(SETS_ENVIRONMENT):
            before.append(command)
