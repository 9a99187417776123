"""The command `notebooks`: what it prepares, says and refuses before JupyterLab starts."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kuryr_runbook.cli import main
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.variables import SITE_VARIABLE
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.running import jupyterlab

LAB = packaged("parameters") / "lab.yaml"


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """The directories that JupyterLab was started for; the working directory is empty."""
    found: list[Path] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(SITE_VARIABLE, "")
    monkeypatch.setattr(jupyterlab, "serve", lambda directory, settings: found.append(directory))
    return found


def notebooks(*arguments: str | Path) -> Result:
    # What one command chooses is for JupyterLab, not for the next command.
    os.environ[SITE_VARIABLE] = ""
    return CliRunner().invoke(main, ["notebooks", *map(str, arguments)])


def test_a_site_has_its_own_copy_and_is_chosen_in_it(served: list[Path], tmp_path: Path) -> None:
    result = notebooks("--site", LAB)
    assert result.exit_code == 0, result.output
    place = tmp_path / "runs" / "lab" / "notebooks"
    assert served == [place]
    assert f"the notebooks are in {place}" in result.output
    assert os.environ[SITE_VARIABLE] == str(place / "site.yaml")
    assert read_site(place / "site.yaml") == read_site(LAB)


def test_without_a_site_none_is_chosen(served: list[Path], tmp_path: Path) -> None:
    assert notebooks("--dir", "mine").exit_code == 0
    assert served == [tmp_path / "mine"]
    assert not (tmp_path / "mine" / "site.yaml").exists()


def test_what_was_changed_is_named_and_stays(tmp_path: Path) -> None:
    notebooks("--dir", "mine")
    mine = tmp_path / "mine" / "04_daemon.ipynb"
    mine.write_text(mine.read_text().replace("phase.plan()", "phase.plan() # mine"))
    before = mine.read_text()
    result = notebooks("--dir", "mine")
    assert "04_daemon.ipynb: differs from the packaged one, and was left as it is" in result.output
    assert mine.read_text() == before


def test_a_bad_site_is_refused_before_anything_is_copied(
    served: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\n")
    result = notebooks("--site", "bad.yaml")
    assert result.exit_code == 2
    assert "problems" in result.stderr
    assert served == []
    assert not (tmp_path / "runs").exists()


def test_a_port_that_is_taken_is_refused_before_anything_is_copied(
    served: list[Path], tmp_path: Path
) -> None:
    with socket.socket() as other:
        other.bind((jupyterlab.ADDRESS, 0))
        other.listen()
        result = notebooks("--port", str(other.getsockname()[1]))
    assert result.exit_code == 2
    assert "is taken" in result.stderr
    assert served == []
    assert not (tmp_path / "runs").exists()
