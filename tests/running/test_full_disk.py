"""A run whose disk gets full: what it could not write it says, and so does verifying."""

from __future__ import annotations

import io
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from runs.small import FIRST, SECOND, execute, write_notebook
from worlds.memory_leases import MemoryLeases
from worlds.sites import LAB

from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.recording.signing import key_path, load_public_keys, public_path
from kuryr_runbook.recording.standing import standing_in
from kuryr_runbook.recording.verifying import verify
from kuryr_runbook.running.request import RunResult

LARGE = "print('x' * 900_000)"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "none", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def run(tmp_path: Path, directory: Path, *cells: str) -> RunResult:
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    write_notebook(notebooks / FIRST.notebook, *cells)
    write_notebook(notebooks / SECOND.notebook, "print('second')")
    return execute(
        LAB,
        [FIRST, SECOND],
        io.StringIO(),
        run_dir=directory,
        notebooks=notebooks,
        leases=lambda site: MemoryLeases(),
    )


def reported_by_verifying(place: Path) -> list[str]:
    keys = load_public_keys([public_path(key_path(None))])
    return [str(problem) for problem in verify(standing_in([place]), keys, {}).problems]


def test_what_could_not_be_written_is_reported_by_the_run_and_by_verifying(
    disk: Path, tmp_path: Path
) -> None:
    result = run(tmp_path, disk / "r01", LARGE)
    assert result.exit_code == 1
    said = " ".join(map(str, result.errors))
    assert "cannot be written: No space left on device" in said
    assert "free some space" in said
    left = {path.name: path.read_bytes() for path in (disk / "r01").iterdir()}
    assert not [name for name in left if name.startswith(".")]
    for name, content in left.items():
        assert content.rstrip().endswith((b"}", b"</html>", b"});")), name
    if "record.json" not in left:
        [problem] = reported_by_verifying(disk)
        assert "r01: " in problem
        assert "LOST" in problem or "UNRECORDED" in problem


def test_no_room_from_the_start_is_reported_at_once(disk: Path, tmp_path: Path) -> None:
    (disk / "large").write_bytes(bytes(700 * 1024))
    with pytest.raises(RecordError, match="No space left on device"):
        run(tmp_path, disk / "r01", "1")


def test_nothing_of_a_run_is_for_others_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = os.umask(0)
    try:
        result = run(tmp_path, tmp_path / "runs" / "lab" / "r01", "print('one')", "1 / 0")
    finally:
        os.umask(before)
    assert (result.directory / "record.json").exists()
    made = [tmp_path / "runs", *(tmp_path / "runs").rglob("*"), *(tmp_path / "state").rglob("*")]
    wide = {
        str(path.relative_to(tmp_path)): oct(mode)
        for path in made
        if (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077
    }
    assert wide == {"state/kuryr-runbook/records/signing-key.pub": "0o644"}
