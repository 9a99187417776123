"""The record that a run leaves, however it ends."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from runs.small import FIRST, execute, write_notebook
from worlds.memory_leases import MemoryLeases
from worlds.sites import LAB

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.recording.expecting import noted_heads
from kuryr_runbook.recording.making import make_record
from kuryr_runbook.recording.records import Record, read_record
from kuryr_runbook.recording.signing import key_path, load_public_keys, public_path
from kuryr_runbook.recording.standing import standing_in
from kuryr_runbook.recording.verifying import verify
from kuryr_runbook.running import recorder
from kuryr_runbook.running.account import RunStatus, read_run
from kuryr_runbook.running.request import RunResult

FINDINGS = """
from kuryr_runbook.phases.base import judged
from kuryr_runbook.model.findings import Finding, Status
judged("image_build", [
    Finding(check="c", title="the image", status=Status.FAIL, evidence="none", remedy="make it")
])
"""
Start = Callable[..., RunResult]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notebooks").mkdir()

    def start(cell: str, record: dict[str, str] | None = None) -> RunResult:
        write_notebook(tmp_path / "notebooks" / FIRST.notebook, cell)
        values = yaml.safe_load(LAB.read_text())
        values["record"] = record or {}
        site = tmp_path / "site.yaml"
        site.write_text(yaml.safe_dump(values))
        options: dict[str, Any] = dict(
            notebooks=tmp_path / "notebooks", leases=lambda site: MemoryLeases(), command="test"
        )
        return execute(site, [FIRST], **options)

    return start


def test_it_states_what_was_found_and_how_it_ended(start: Start) -> None:
    result = start(FINDINGS)
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 4)
    predicate = read_record(result.directory).predicate
    assert predicate["run"]["status"] == "FAILED"
    assert predicate["run"]["command"] == "test"
    (phase,) = predicate["phases"]
    assert phase["error"] == str(result.error)
    assert [(item["status"], item["title"]) for item in phase["findings"]] == [
        ("fail", "the image")
    ]
    assert predicate["site"]["parameters"]["network"]["router"] == "k8s-router"
    assert {"user", "host"} == set(predicate["by"])


def test_runs_make_a_chain_that_holds_and_a_page(start: Start, tmp_path: Path) -> None:
    for cell in ("1", "1 / 0", "2"):
        start(cell)
    keys = load_public_keys([public_path(key_path(None))])
    found = verify(standing_in([tmp_path / "runs"]), keys, noted_heads()[0])
    assert found.problems == ()
    assert [record.number for record in found.records] == [1, 2, 3]
    page = (tmp_path / "runs" / "lab" / "index.html").read_text()
    assert page.count("<tr id=") == 3


def test_a_secret_in_a_cell_itself_keeps_the_run_from_being_recorded(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = secrets.token_urlsafe(16)
    monkeypatch.setenv("OS_PASSWORD", word)
    result = start(f"password = {word!r}")
    assert result.status is RunStatus.SUCCEEDED
    assert result.exit_code == 1
    reported = str(result.record_error)
    assert f"{FIRST.notebook}, cell " in reported
    assert "the variable OS_PASSWORD" in reported
    assert word not in reported
    assert not (result.directory / "record.json").exists()
    assert read_run(result.directory)["status"] == "SUCCEEDED"


def test_a_copy_goes_to_the_archive(start: Start, tmp_path: Path) -> None:
    result = start("1", {"archive": str(tmp_path / "archive")})
    assert result.exit_code == 0
    copy = tmp_path / "archive" / "lab" / result.directory.name
    assert {path.name for path in copy.iterdir()} == {
        path.name for path in result.directory.iterdir()
    }
    assert f'href="{result.directory.name}/index.html"' in (copy.parent / "index.html").read_text()


def test_an_archive_whose_index_cannot_be_replaced_has_the_record_all_the_same(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "archive" / "lab" / "index.html").mkdir(parents=True)
    result = start("1", {"archive": str(tmp_path / "archive")})
    assert result.exit_code == 0
    assert "warning: the page lab/index.html" in capsys.readouterr().err
    assert (tmp_path / "archive" / "lab" / result.directory.name / "record.json").is_file()


def test_a_machine_without_history_goes_on_after_the_archive(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = {"archive": str(tmp_path / "archive")}
    first = read_record(start("1", archive).directory)
    (tmp_path / "runs").rename(tmp_path / "before")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine's"))
    assert read_record(start("1", archive).directory).previous == first.link


@pytest.mark.parametrize(
    ("archive", "reported"),
    [
        ("{}/file", "Not a directory"),
        ("{}/file/below", "Not a directory"),
        ("ftp://example.org/x", "cannot be an archive"),
        ("https://example.org/x", "cannot be an archive"),
        ("~nobody-there/x", "there is no home directory"),
        ("gs://bucket/runs", "is not installed"),
        ("/proc/none", "No such file or directory"),
    ],
)
def test_an_archive_that_cannot_be_is_refused_before_anything_runs(
    archive: str, reported: str, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(UsageError, match=reported) as caught:
        start("1", {"archive": archive.format(tmp_path)})
    assert "record.archive" in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_an_archive_that_fails_later_leaves_the_record(start: Start, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    cell = f"import shutil; shutil.rmtree({str(archive)!r}); open({str(archive)!r}, 'w').close()"
    result = start(cell, {"archive": str(archive)})
    assert result.status is RunStatus.SUCCEEDED
    assert result.exit_code == 1
    assert "records upload" in str(result.record_error)
    assert read_record(result.directory).number == 1


def test_an_interrupt_of_the_copying_leaves_the_record(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(record: object, archive: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recorder, "upload_record", interrupted)
    result = start("1", {"archive": str(tmp_path / "archive")})
    assert "was interrupted" in str(result.record_error)
    assert read_record(result.directory).number == 1


def test_nothing_stops_the_making_of_a_record(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disturbed(*arguments: Any) -> Record:
        os.kill(os.getpid(), signal.SIGTERM)
        return make_record(*arguments)

    monkeypatch.setattr(recorder, "make_record", disturbed)
    result = start("1")
    assert result.status is RunStatus.SUCCEEDED
    assert read_record(result.directory).number == 1


def test_a_key_that_cannot_be_used_is_reported_before_anything(
    start: Start, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"record\.signing_key"):
        start("1", {"signing_key": str(tmp_path / "none.pem")})
    assert not (tmp_path / "runs").exists()
