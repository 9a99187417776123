"""The notebooks as people see them: a run on the bare lab shows what is stored in them."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.lab_of_tests import SITE_FILE, runbook
from support.repository import REPOSITORY

from kuryr_runbook.model.variables import SITE_VARIABLE

pytestmark = pytest.mark.lab


def test_a_run_on_the_bare_lab_shows_what_the_notebooks_store(
    kuryr_run: Path, aloud: Callable[[], AbstractContextManager[None]], tmp_path: Path
) -> None:
    """`kuryr_run` only for the image, whose build takes minutes and tells much that is chance."""
    report = tmp_path / "report.xml"
    with aloud():
        runbook("teardown", tmp_path / "teardown")
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "--exitfirst", "-q"),
                *("-p", "nbval.plugin", "-p", "support.nbval_of_lab"),
                *("--nbval", "--nbval-current-env", "--nbval-cell-timeout", "600"),
                *("--nbval-sanitize-with", "tests/nbval.cfg"),
                f"--junit-xml={report}",
                *sorted((REPOSITORY / "notebooks").glob("[0-9]*.ipynb")),
            ],
            check=False,
            timeout=1200,
            cwd=REPOSITORY,
            # A plugin is imported before pytest's own `pythonpath` counts.
            env=os.environ
            | {SITE_VARIABLE: str(SITE_FILE), "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}"},
        )
    cells = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314 - just written
    wrong = [part for cell in cells for part in cell if part.tag in ("failure", "error")]
    assert not wrong, "\n".join(str(part.text) for part in wrong)
    assert ended.returncode == 0
