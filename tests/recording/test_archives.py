"""Copies of records: in a directory, and behind a URL."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from papermill.iorw import papermill_io
from runs.recorded import recorded

from kuryr_runbook.clients import exchanges
from kuryr_runbook.model.errors import RecordError, UnreachableError, UsageError
from kuryr_runbook.recording import archives
from kuryr_runbook.recording.archives import Upload, UrlStore, newest_link, upload_record
from kuryr_runbook.recording.records import Record


@pytest.fixture
def record(tmp_path: Path) -> Record:
    (tmp_path / "runs" / "lab" / "r01" / "below").mkdir(parents=True)
    (tmp_path / "runs" / "lab" / "r01" / "below" / "more.html").write_text("more\n\n")
    return recorded(tmp_path / "runs" / "lab", "r01")


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_directory_gets_all_once(record: Record, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    assert upload_record(record, str(archive)) is Upload.COPIED
    assert contents(archive / "lab" / "r01") == contents(record.directory)
    times = {path: path.stat().st_mtime_ns for path in archive.rglob("*")}
    assert upload_record(record, str(archive)) is Upload.THERE
    assert {path: path.stat().st_mtime_ns for path in archive.rglob("*")} == times


def test_what_is_there_and_differs_is_not_overwritten(record: Record, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    other = archive / "lab" / "r01" / "run.json"
    other.parent.mkdir(parents=True)
    other.write_text("another")
    with pytest.raises(RecordError, match="a different lab/r01/run"):
        upload_record(record, str(archive))
    assert other.read_text() == "another"
    # The record comes last: without it the copy does not count as whole.
    assert not (other.parent / "record.json").exists()


def test_a_copy_that_was_cut_off_goes_on(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive"
    write = archives.DirectoryStore.write

    def full(store: archives.DirectoryStore, name: str, content: bytes) -> None:
        if name.endswith("run.json"):
            raise OSError(28, "No space left on device")
        write(store, name, content)

    with monkeypatch.context() as patched:
        patched.setattr(archives.DirectoryStore, "write", full)
        with pytest.raises(RecordError, match="No space left") as caught:
            upload_record(record, str(archive))
    assert "records upload" in str(caught.value)
    assert contents(archive / "lab" / "r01")
    assert upload_record(record, str(archive)) is Upload.COPIED
    assert contents(archive / "lab" / "r01") == contents(record.directory)


def test_the_newest_of_the_archive_is_known_to_a_machine_without_history(
    record: Record, tmp_path: Path
) -> None:
    archive = str(tmp_path / "archive")
    assert newest_link(archive, "lab") is None
    upload_record(record, archive)
    second = recorded(tmp_path / "runs" / "lab", "r02")
    upload_record(second, archive)
    (tmp_path / "archive" / "lab" / "r03").mkdir()
    assert newest_link(archive, "lab") == second.link
    assert newest_link("gs://not-installed", "lab") is None


@pytest.mark.parametrize("archive", ["https://example.org/put", "ftp://example.org"])
def test_a_url_that_cannot_say_what_is_there_is_refused(archive: str, record: Record) -> None:
    with pytest.raises(UsageError, match="cannot be an archive"):
        upload_record(record, archive)


def test_without_its_handler_the_extra_is_named(record: Record) -> None:
    with pytest.raises(RecordError) as caught:
        upload_record(record, "gs://bucket/runs")
    assert "pip install 'papermill[gcs]'" in str(caught.value)


def test_an_archive_that_does_not_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    class Silent:
        def read(self, path: str) -> str:
            over.wait()
            return ""

    monkeypatch.setattr(papermill_io, "get_handler", lambda path: Silent())
    monkeypatch.setattr(exchanges, "ARCHIVE", exchanges.Bounds(whole=0.1))
    with pytest.raises(UnreachableError, match=r"archive s3://nowhere.*: not done after"):
        UrlStore("s3://nowhere").read("x")
    over.set()
