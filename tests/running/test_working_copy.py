"""The copy of the notebooks that a person works with, and what JupyterLab is asked to do."""

from __future__ import annotations

import socket
from pathlib import Path

import nbformat
import pytest

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.running import jupyterlab
from kuryr_runbook.running.jupyterlab import refuse_missing, refuse_taken, settings
from kuryr_runbook.running.working_copy import copy_notebooks, default_directory

PREFLIGHT = "00_preflight.ipynb"


def test_all_notebooks_are_copied_and_the_originals_stay(tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in packaged("notebooks").glob("*.ipynb")}
    assert copy_notebooks(tmp_path) == []
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(it.name for it in before)
    assert (tmp_path / jupyterlab.START).exists()
    for original in before:
        bare, copy = (
            nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
            for path in (original, tmp_path / original.name)
        )
        for cell in bare.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        assert copy == bare


def changed(path: Path, source: str | None = None, text: str = "ran") -> bytes:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.source = source or cell.source
    cell.outputs = [nbformat.v4.new_output("stream", text=text)]  # type: ignore[no-untyped-call]
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
    return path.read_bytes()


def test_what_somebody_changed_stays_and_is_named(tmp_path: Path) -> None:
    copy_notebooks(tmp_path)
    mine = changed(tmp_path / PREFLIGHT, source="name = 'mine'")
    (tmp_path / "04_daemon.ipynb").unlink()
    assert copy_notebooks(tmp_path) == [PREFLIGHT]
    assert (tmp_path / PREFLIGHT).read_bytes() == mine
    assert (tmp_path / "04_daemon.ipynb").exists()


def test_what_was_only_executed_is_no_change_and_keeps_its_outputs(tmp_path: Path) -> None:
    copy_notebooks(tmp_path)
    executed = changed(tmp_path / PREFLIGHT)
    assert copy_notebooks(tmp_path) == []
    assert (tmp_path / PREFLIGHT).read_bytes() == executed


def test_a_place_that_cannot_be_used_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be copied") as caught:
        copy_notebooks(tmp_path / "file")
    assert "--dir" in str(caught.value)


def test_every_site_has_a_place_of_its_own() -> None:
    assert default_directory("a") != default_directory("b") != default_directory(None)


def test_a_port_that_is_taken_is_refused_before_anything_starts() -> None:
    with socket.socket() as other:
        other.bind((jupyterlab.ADDRESS, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} .* is taken") as caught:
            refuse_taken(port)
        assert "--port" in str(caught.value)
    refuse_taken(port)


def test_a_missing_jupyterlab_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jupyterlab, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        refuse_missing()
    assert "kuryr-runbook[ui]" in str(caught.value)


def test_only_this_machine_can_reach_it(tmp_path: Path) -> None:
    arguments = settings(tmp_path, 8899, browser=False)
    assert "--ServerApp.ip=127.0.0.1" in arguments
    assert "--ServerApp.port_retries=0" in arguments
    assert not any("token" in argument or "password" in argument for argument in arguments)
    assert "--ServerApp.port" not in " ".join(settings(tmp_path, None, browser=True))
